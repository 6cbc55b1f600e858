"""The extra ``tagseal[rehearse]``: what only the played services import, and a release's jobs go without."""

from __future__ import annotations

from importlib.util import find_spec

from tagseal.errors import UsageError

PACKAGES = ("cheroot", "graphql", "securesystemslib", "trustme", "werkzeug")
"""The extra's packages, as they are imported."""


def require_rehearse(command: str) -> None:
    """Refuse a command that plays services where a package of the extra is missing.

    Raises:
        UsageError: One is.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"`tagseal {command}` needs packages that are not installed here: {', '.join(missing)}",
            hint="`python3 -m pip install 'tagseal[rehearse]'` adds them to this Tagseal.",
            slug="rehearse-not-installed",
        )
