"""What a trouble is: the messages that tell of it, by which tool, what they mean, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

SIGSTORE, COSIGN, SHA256SUM, GH = "sigstore", "cosign", "sha256sum", "gh"
COSIGN_2, COSIGN_3 = "cosign 2", "cosign 3"

AGAIN = "Download the file and its bundle again, both from the page of the same release; then verify again."
UPDATE = "Update the client (for sigstore `pip install --upgrade sigstore`), then verify again."
TELL = "If it fails again, tell the maintainers where you got it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message, as a tool prints it."""

    tool: str
    """``sigstore`` (sigstore-python), ``cosign`` (2 and 3), ``cosign 2``, ``cosign 3``, ``sha256sum``, ``gh``."""
    text: str
    """The part that is the same each time: letter by letter."""
    rest: str = ""
    """A regular expression for what follows, with the values that are taken out of it; white space does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One trouble: the messages that tell of it, what it means, and what to do."""

    slug: str
    """Stable: an anchor."""
    title: str
    """Without a full stop, as a heading."""
    said: tuple[Said, ...]
    """By which tool, and how."""
    meaning: tuple[str, ...]
    """Whole sentences, plain text: what was expected and what was got, the dangerous reading first."""
    next: str
    """What to do: whole sentences; commands in backticks."""
    common: bool = False
    """Whether a stranger is likely to meet it: the guide shows these."""
    unless: tuple[str, ...] = ()
    """Troubles that say it better: beside one of them, this one is not told."""
