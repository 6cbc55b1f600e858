"""What a stranger runs: needs no token, no CI and no configuration, and reads none.

::

    from tagseal.verification import Trust, publisher, verify_files

    results = verify_files("dist", publisher("octo/widget", "v1.2.3"), Trust.public())
    for result in results:
        print(result.name, result.ok, result.check, result.detail)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagseal.verification.files import verify_files
    from tagseal.verification.publishers import named, publisher
    from tagseal.verification.result import Cause, Check, Expected, Facts, Result, Subject
    from tagseal.verification.trust import Trust

__all__ = ["Cause", "Check", "Expected", "Facts", "Result", "Subject", "Trust", "named", "publisher", "verify_files"]

_MODULES = {"Trust": "trust", "named": "publishers", "publisher": "publishers", "verify_files": "files"}


def __getattr__(name: str) -> object:
    """Import the module of a public name when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'result')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
