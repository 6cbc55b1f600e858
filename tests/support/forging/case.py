"""What a case is, and the list that the modules beside this one fill."""

from __future__ import annotations

import json
from base64 import b64decode
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forging.log import text
from forging.release import CONTENT, FILE, Document, Workshop, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.verification.result import Check

Files = dict[str, bytes]
"""A case's folder: base names and bytes."""
Made = Files | Document | bytes
"""What a case's function gives: the folder, or the bundle of :data:`forging.release.FILE`, as JSON or as bytes."""
Path = tuple[str | int, ...]

BUNDLE = f"{FILE}.sigstore.json"
ENTRY: Path = ("verificationMaterial", "tlogEntries", 0)
PROOF: Path = (*ENTRY, "inclusionProof")
PROMISE: Path = (*ENTRY, "inclusionPromise", "signedEntryTimestamp")
CERTIFICATE: Path = ("verificationMaterial", "certificate", "rawBytes")
SIGNATURE: Path = ("messageSignature", "signature")

CASES: list[Case] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One folder of the corpus."""

    name: str
    why: str
    check: Check | None
    """The first check that must fail; None for a genuine one."""
    words: str
    """Regular expression: what the verdict says."""
    make: Callable[[Workshop], Made]
    data: dict[str, object]
    """Whatever else the runner has to know."""

    def files(self, shop: Workshop) -> Files:
        """Make the folder."""
        made = self.make(shop)
        if isinstance(made, dict) and all(isinstance(one, bytes) for one in made.values()):
            found = dict(made)
        else:
            found = {FILE: CONTENT, BUNDLE: made if isinstance(made, bytes) else written(made)}
        return {**found, "case.toml": self.told().encode()}

    def told(self) -> str:
        """Return the case's data, TOML."""
        said = {"why": self.why, "check": self.check, "words": self.words, **self.data}
        return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in said.items() if value)


def genuine(**data: object) -> Callable[[Callable[[Workshop], Made]], Callable[[Workshop], Made]]:
    """Add a case that must verify; the function's name and docstring are the folder's."""

    def add(make: Callable[[Workshop], Made]) -> Callable[[Workshop], Made]:
        CASES.append(_case(make, None, "", data))
        return make

    return add


def attack(
    check: Check, words: str, **data: object
) -> Callable[[Callable[[Workshop], Made]], Callable[[Workshop], Made]]:
    """Add a case that must fail at this check, with these words."""

    def add(make: Callable[[Workshop], Made]) -> Callable[[Workshop], Made]:
        CASES.append(_case(make, check, words, data))
        return make

    return add


def _case(make: Callable[[Workshop], Made], check: Check | None, words: str, data: dict[str, object]) -> Case:
    name = make.__name__.replace("_", "-") + ("_fail" if check else "")
    return Case(name=name, why=(make.__doc__ or "").strip(), check=check, words=words, make=make, data=data)


def table(rows: dict[str, tuple[str, Any]], check: Check, words: str, make: Callable[[Workshop, Any], Made]) -> None:
    """Add cases that differ in one value: by name, why and what."""
    for name, (why, value) in rows.items():

        def one(shop: Workshop, value: Any = value) -> Made:  # noqa: ANN401 - whatever the table holds
            return make(shop, value)

        CASES.append(Case(name=f"{name}_fail", why=why, check=check, words=words, make=one, data={}))


def get(document: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return what is there."""
    for step in path:
        document = document[step]
    return document


def put(document: Document, path: Path, value: object) -> Document:
    """Return the document with another value there."""
    changed = deepcopy(document)
    get(changed, path[:-1])[path[-1]] = value
    return changed


def without(document: Document, path: Path) -> Document:
    """Return the document without what is there."""
    changed = deepcopy(document)
    del get(changed, path[:-1])[path[-1]]
    return changed


def flipped(content: bytes, at: int | None = None) -> bytes:
    """Return the bytes with one bit changed: in the middle, or there."""
    changed = bytearray(content)
    changed[len(content) // 2 if at is None else at] ^= 1
    return bytes(changed)


def flip(document: Document, path: Path, at: int | None = None) -> Document:
    """Return the document with one bit changed in the bytes that stand there in Base64."""
    return put(document, path, text(flipped(b64decode(get(document, path)), at)))
