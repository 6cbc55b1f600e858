"""Nox sessions for a project's noxfile: the nine verbs, and the rehearsal of all of them.

In ``noxfile.py``, below the project's own sessions::

    import tagseal.sessions

    tagseal.sessions.register()

A bare ``nox`` never runs them, and a session of the project's own with one of these names stays.
"""

from __future__ import annotations

import sys
from functools import partial

import nox
from nox.registry import get as registered

from tagseal.pipeline import VERBS


def register() -> None:
    """Add a session for each verb; it runs in the environment that Nox itself is in, with the tool installed there.

    Nox stops at the first that fails: by itself it would go on to publish what was not proven.
    """
    nox.options.stop_on_first_error = True
    taken = registered()
    for verb in (*VERBS, "rehearse"):
        if verb in taken:
            continue
        session = partial(_run, verb=verb)
        session.__doc__ = f"Run `tagseal {verb}`{', for the tag that this job is on' if verb in VERBS else ''}."
        nox.session(session, name=verb, default=False, venv_backend="none")  # type: ignore[call-overload]


def _run(session: nox.Session, *, verb: str) -> None:
    session.run(sys.executable, "-P", "-m", "tagseal", verb, *session.posargs, external=True)
