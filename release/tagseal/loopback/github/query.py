"""Read a GraphQL query (specification of October 2021, section 2): what gh and its like send, no more."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r'\.\.\.|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[_A-Za-z]\w*|[!$()\[\]{}:=@|&]')
_WORDS = {"true": True, "false": False, "null": None}


class QueryError(Exception):
    """The query cannot be read, or asks for what is not there; ``error`` is what the service says."""

    def __init__(self, message: str, **more: object) -> None:
        """Keep the message and further members of the error."""
        super().__init__(message)
        self.error = {**more, "message": message}


@dataclass(frozen=True, slots=True)
class SelectedField:
    """One field that is asked for."""

    key: str
    """What the answer calls it: the alias, or the name."""
    name: str
    arguments: dict[str, Any]
    fields: Selection


@dataclass(frozen=True, slots=True)
class Spread:
    """The fields of a fragment that has a name."""

    fragment: str


Selection = list[SelectedField | Spread]


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """A whole document: one operation and its fragments."""

    operation: Selection
    fragments: Mapping[str, Selection]

    def fields(self, selection: Selection) -> Iterator[SelectedField]:
        """Yield the fields of a selection, with fragments spread out."""
        for part in selection:
            if isinstance(part, Spread):
                yield from self.fields(self.fragments.get(part.fragment, []))
            else:
                yield part


def read(text: str, variables: Mapping[str, Any]) -> GraphQuery:
    """Read a document.

    Raises:
        QueryError: It is not a query, or has no end.
    """
    reader = _QueryReader(_TOKEN.findall(re.sub(r"#[^\n]*", "", text)), variables)
    operation: Selection = []
    fragments: dict[str, Selection] = {}
    while reader.tokens:
        if reader.tokens[0] == "fragment":
            _, name, _, _ = (reader.take() for _ in range(4))
            fragments[name] = reader.selection()
        else:
            reader.head()
            operation = reader.selection()
    return GraphQuery(operation, fragments)


@dataclass(slots=True)
class _QueryReader:
    tokens: list[str]
    variables: Mapping[str, Any]

    def take(self, expected: str = "") -> str:
        if not self.tokens or (expected and self.tokens[0] != expected):
            got = self.tokens[0] if self.tokens else "the end"
            raise QueryError(f"Parse error: got {got}, expected {expected or 'more'}")
        return self.tokens.pop(0)

    def ahead(self, token: str) -> bool:
        return bool(self.tokens) and self.tokens[0] == token

    def head(self) -> None:
        """Skip ``query Name($variable: Type = default)``."""
        if self.ahead("{"):
            return
        self.take("query")
        depth = 0
        while depth or not self.ahead("{"):
            depth += {"(": 1, ")": -1}.get(self.take(), 0)

    def selection(self) -> Selection:
        found: Selection = []
        self.take("{")
        while not self.ahead("}"):
            if self.ahead("..."):
                found += self.spread()
            else:
                found.append(self.field())
        self.take("}")
        return found

    def spread(self) -> Selection:
        self.take("...")
        if self.ahead("on"):
            self.take()
            self.take()
        return self.selection() if self.ahead("{") else [Spread(self.take())]

    def field(self) -> SelectedField:
        key = name = self.take()
        if self.ahead(":"):
            self.take()
            name = self.take()
        arguments = self.members("(", ")") if self.ahead("(") else {}
        return SelectedField(key, name, arguments, self.selection() if self.ahead("{") else [])

    def members(self, start: str, end: str) -> dict[str, Any]:
        found = {}
        self.take(start)
        while not self.ahead(end):
            name = self.take()
            self.take(":")
            found[name] = self.value()
        self.take(end)
        return found

    def value(self) -> Any:  # noqa: ANN401 - JSON data
        if self.ahead("{"):
            return self.members("{", "}")
        if self.ahead("["):
            return list(self.items())
        token = self.take()
        if token == "$":  # noqa: S105
            return self.variables.get(self.take())
        if token[0] in '"-0123456789':
            return json.loads(token)
        return _WORDS.get(token, token)

    def items(self) -> Iterator[Any]:
        self.take("[")
        while not self.ahead("]"):
            yield self.value()
        self.take("]")
