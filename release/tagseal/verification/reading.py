"""JSON of strangers, read with bounds; and whatever reading it raises, in one line."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from tagseal.names import printable

_WORDS = 400


def document(text: bytes | str, most: int, what: str) -> dict[str, Any]:
    """Return a JSON object of at most so many bytes (characters, of a string), in which no key occurs twice.

    Raises:
        ValueError: It is no JSON, has a key twice, or is too large.
        TypeError: It is another thing than an object.
    """
    if len(text) > most:
        raise ValueError(f"got {what} of {len(text)} bytes, expected at most {most}")
    # Bytes are UTF-8 and nothing else (RFC 8259 section 8.1); the library would guess UTF-16 and UTF-32 as well.
    said = text.decode("utf-8") if isinstance(text, bytes) else text
    found = json.loads(said, object_pairs_hook=_unique, parse_constant=_constant)
    if not isinstance(found, dict):
        raise TypeError(f"got {what} that is a {type(found).__name__}, expected a JSON object")
    return found


def words(error: Exception) -> str:
    """Return what an error says, in one line that is safe to print."""
    text = " ".join(printable(str(error) or type(error).__name__, keep="\n").split())
    return text[:_WORDS]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that occurs twice: two readers may take different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("got a duplicate key, expected each key once")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"got {name}, expected a number that JSON has")
