"""``SHA256SUMS`` as a stranger reads it: which bytes have which name, once its own bundle has verified.

Source: "sha256sum invocation" in the manual of the GNU coreutils: digest, a space, a space or ``*``, the name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.names import plain, show

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "SHA256SUMS"
LARGEST = 1 << 20
"""Bytes: more than a thousand assets, the most that a release may have, need by far."""

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the list says."""

    digests: Mapping[str, str]
    """SHA-256, hexadecimal in lower case, by base name."""
    names: Mapping[str, tuple[str, ...]]
    """The base names of a digest."""

    def problem(self, name: str, sha256: str) -> str:
        """Return what is wrong with a file of this name and digest; empty where it is as listed, or not listed."""
        listed = self.digests.get(name, "")
        if listed and listed != sha256:
            return f"got sha256 {sha256} for {show(name)}, expected {listed}, as {NAME} lists it"
        if not listed and sha256 in self.names:
            others = " or ".join(map(show, self.names[sha256]))
            return f"got these bytes as {show(name)}, expected them as {others}, as {NAME} lists them"
        return ""


def sums(content: bytes) -> Sums:
    """Read the list.

    Raises:
        ValueError: A line has another form, names no plain file, or names one twice; or there is no line.
    """
    digests: dict[str, str] = {}
    names: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for number, line in enumerate(content.decode("utf-8").removesuffix("\n").split("\n"), 1):
        found = _LINE.fullmatch(line.removesuffix("\r"))
        if found is None:
            raise ValueError(f"got {show(line)} in line {number} of {NAME}, expected a digest and a name")
        digest, name = found[1].lower(), found[2]
        if not plain(name):
            raise ValueError(f"got the name {show(name)} in line {number} of {NAME}, expected a plain file's")
        if name in digests:
            raise ValueError(f"got the name {show(name)} again in line {number} of {NAME}, expected it once")
        digests[name] = digest
        names[digest] += (name,)
    return Sums(digests=digests, names=dict(names))
