"""Nox sessions: the nine verbs, and the rehearsal of all of them.

A release's jobs load the noxfile that this package ships (``tagseal.noxfile``), never the project's. Who wants the
verbs beside sessions of their own calls ``register`` at the end of their noxfile::

    import tagseal.sessions

    tagseal.sessions.register()

A bare ``nox`` never runs them.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

import nox
from nox.registry import get as registered

from tagseal.errors import UsageError
from tagseal.pipeline import VERBS

if TYPE_CHECKING:
    from collections.abc import Callable


def register() -> None:
    """Add a session for each verb; it runs in the environment that Nox itself is in, with the tool installed there.

    Nox stops at the first that fails: by itself it would go on to publish what was not proven. A session of the
    noxfile's own that is called ``rehearse`` stays.

    Raises:
        UsageError: The noxfile has a session with a verb's name: it would run in the verb's place, with its token.
    """
    nox.options.stop_on_first_error = True
    taken = registered()
    if clashing := [verb for verb in VERBS if verb in taken]:
        raise UsageError(
            f"got sessions of this noxfile named {', '.join(clashing)}, expected other names: these are verbs of a "
            "release, and a session would run in the verb's place, with the token that the verb gets",
            hint="Rename them, or remove `tagseal.sessions.register()`: the release workflow does not need it.",
            slug="session-named-as-verb",
        )
    for verb in (*VERBS, *({"rehearse"} - taken.keys())):
        nox.session(name=verb, default=False, venv_backend="none")(_session(verb))
    # Nox only warns of a session that is defined below and takes a registered one's place.
    names = "|".join(VERBS)
    warnings.filterwarnings("error", rf"The session '({names})' has already been registered", FutureWarning)


def _session(verb: str) -> Callable[[nox.Session], None]:
    def session(session: nox.Session) -> None:
        # Nox has changed into the noxfile's folder, which is not the checkout.
        with session.chdir(session.invoked_from):
            session.run(sys.executable, "-P", "-m", "tagseal", verb, *session.posargs, external=True)

    session.__doc__ = f"Run `tagseal {verb}`{', for the tag that this job is on' if verb in VERBS else ''}."
    return session
