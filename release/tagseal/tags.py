"""The way a project tags its versions: told by its tags, or by the configuration."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RECENT = 12
_LONGEST = 200
"""Characters of a version, as of a tag (``names.safe_tag``): Python refuses numbers of more than 4,300 digits."""
_PLACE = "{version}"
_WORDS = re.compile(r"(?<![0-9.])[0-9]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How a version becomes a tag, and back."""

    template: str
    """Contains ``{version}`` once."""
    basis: str
    """Why this one: ``bare, like your last 12``."""
    told: bool = field(default=True, compare=False)
    """Whether tags or the configuration tell it, as the basis says in words."""

    def __str__(self) -> str:
        return self.template

    def tag(self, version: str | Version) -> str:
        """Return the tag of this version."""
        return self.template.replace(_PLACE, str(version))

    def parse(self, tag: str) -> Version | None:
        """Return the version that this tag names, or None where the tag does not fit."""
        before, after = self.template.split(_PLACE)
        if len(tag) <= len(before) + len(after) or not (tag.startswith(before) and tag.endswith(after)):
            return None
        return _version(tag[len(before) : len(tag) - len(after)])

    def versions(self, tags: Iterable[str]) -> list[tuple[Version, str]]:
        """Return the versions of the tags that fit, each with its tag, moving tags left out."""
        known = [(parsed, tag) for tag in tags if (parsed := self.parse(tag)) is not None]
        moving = _moving(parsed for parsed, _ in known)
        return [(parsed, tag) for parsed, tag in known if parsed.release not in moving]

    def previous(self, tags: Iterable[str], version: Version) -> str | None:
        """Return the tag of the highest version below this one, moving tags left out."""
        below = [(parsed, tag) for parsed, tag in self.versions(tags) if parsed < version]
        return max(below)[1] if below else None


def pattern(tags: Sequence[str], setting: str | None = None) -> Pattern:
    """Tell the project's way of tagging.

    Without a setting the most common prefix among the twelve highest versions decides. A tag such as ``v1``
    beside ``v1.2.3`` moves with every release: it names no version and does not decide.
    """
    if setting is not None:
        return Pattern(template=setting, basis=f"{setting}, as configured")
    found = {tag: split for tag in tags if (split := _split(tag)) is not None}
    moving = _moving(version for _, version in found.values())
    fixed = [(version, prefix) for prefix, version in found.values() if version.release not in moving]
    recent = [prefix for _, prefix in sorted(fixed, reverse=True)[:_RECENT]]
    if not recent:
        return Pattern(template=f"v{_PLACE}", basis=f"v{_PLACE}, for there is no version tag yet", told=False)
    prefix, count = Counter(recent).most_common(1)[0]
    template = f"{prefix}{_PLACE}"
    last = f"your last {len(recent)}" if len(recent) > 1 else "your last one"
    share = last if count == len(recent) else f"{count} of {last}"
    return Pattern(template=template, basis=f"{template if prefix else 'bare'}, like {share}")


def parse_version(text: str) -> Version | None:
    """Return the version that a text from outside names, or None where PEP 440 allows no such version.

    A text of more than 200 characters names none.
    """
    try:
        return Version(text) if len(text) <= _LONGEST else None
    except ValueError:  # InvalidVersion is one
        return None


def _split(tag: str) -> tuple[str, Version] | None:
    """Part a tag into prefix and version, at the first digit from which a version runs to the end."""
    starts = (match.start() for match in _WORDS.finditer(tag))
    parts = ((tag[:at], _version(tag[at:])) for at in starts)
    return next(((prefix, version) for prefix, version in parts if version is not None), None)


def _version(text: str) -> Version | None:
    """Read a version that starts with a digit: PEP 440 would forgive spaces and a ``v`` of its own."""
    return parse_version(text) if "0" <= text[:1] <= "9" and text == text.strip() else None


def _moving(versions: Iterable[Version]) -> set[tuple[int, ...]]:
    """Return the major numbers that also stand at the front of a longer one: (1,) where there is 1.2.3."""
    return {version.release[:1] for version in versions if len(version.release) > 1}
