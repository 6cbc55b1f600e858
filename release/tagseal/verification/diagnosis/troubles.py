"""What other tools say when a check fails, and what that means: for ``--explain``, and for the guide's troubleshooting.

Each message is held by a test that gets it from the real tool (``tests/contract/test_explain.py``). Where an attack and
a mistake would bring the same message, the attack is named first.
"""

from __future__ import annotations

from tagseal.verification.diagnosis.common import COMMON
from tagseal.verification.diagnosis.rarer import RARER
from tagseal.verification.diagnosis.trouble import Said, Trouble

__all__ = ["TROUBLES", "Said", "Trouble"]

TROUBLES: tuple[Trouble, ...] = (
    # A stranger's first release page.
    *COMMON,
    # Everything else that is known.
    *RARER,
)
