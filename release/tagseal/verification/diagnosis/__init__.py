"""Why something did not verify, for somebody at the worst moment of their week: the cause, and the next command.

``cause`` explains a verdict of ours, ``explain`` the message of another tool, and ``TROUBLES`` are the commonest of
those, for the guide.
"""

from tagseal.verification.diagnosis.causes import cause
from tagseal.verification.diagnosis.explain import Explanation, explain, lines
from tagseal.verification.diagnosis.troubles import TROUBLES, Message, Trouble

__all__ = ["TROUBLES", "Explanation", "Message", "Trouble", "cause", "explain", "lines"]
