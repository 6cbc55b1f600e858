"""The head of a request to the door, in the bytes that came: whoever sent them may be anyone."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Head:
    """What the door reads of a request."""

    method: str
    target: str
    authorization: bytes

    @classmethod
    def parse(cls, head: bytes) -> Head:
        """Read a head.

        Raises:
            ValueError: It is none.
        """
        line, *fields = head.split(b"\r\n")
        method, target, _ = line.decode("latin-1").split(" ", 2)
        parts = [field.partition(b":") for field in fields]
        given = [value.strip() for name, _, value in parts if name.lower() == b"proxy-authorization"]
        return cls(method, target, given[0] if given else b"")

    @property
    def name(self) -> str:
        """The host's name."""
        address = self.target if "//" in self.target else f"//{self.target}"
        return urlsplit(address).hostname or ""

    @property
    def opens(self) -> bool:
        """Whether this is the one thing that the door does."""
        return self.method == "CONNECT" and self.target == f"{self.name}:443"
