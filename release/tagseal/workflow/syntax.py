"""What an expression of a workflow is made of: a small tree, and the parser that makes it.

Source: "Evaluate expressions in workflows and actions". Operators bind as there: ``!``, then comparisons, equality,
``&&``, ``||``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagseal.names import show
from tagseal.workflow.functions import ExpressionError, number

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 21_000
"""Characters of an expression; GitHub takes no longer one."""
_DEEPEST = 50
"""Levels of an expression, as GitHub counts them."""
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[+-]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))"
    r"(?![\w.])|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>&&|\|\||[=!<>]=|[!<>()\[\].,*]))",
    re.ASCII,
)
_BINDS = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
WORDS = {"true": True, "false": False, "null": None, "nan": float("nan"), "infinity": float("inf")}


class Node:
    """A part of an expression."""

    __slots__ = ()

    def below(self) -> tuple[Node, ...]:
        """Return the parts of this one."""
        return ()

    def calls(self) -> Iterator[FunctionCall]:
        """Yield all calls of functions, here and below."""
        left: list[Node] = [self]
        while left:
            one = left.pop()
            if isinstance(one, FunctionCall):
                yield one
            left.extend(one.below())


@dataclass(frozen=True, slots=True)
class Value(Node):
    """A text, a number, true, false or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A context."""

    name: str
    """In small letters."""


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """One part of a value: ``of.by`` or ``of[by]``."""

    of: Node
    by: Node

    def below(self) -> tuple[Node, ...]:
        """Return the parts of this one."""
        return self.of, self.by


@dataclass(frozen=True, slots=True)
class Star(Node):
    """Every part of a value: ``of.*``."""

    of: Node

    def below(self) -> tuple[Node, ...]:
        """Return the parts of this one."""
        return (self.of,)


@dataclass(frozen=True, slots=True)
class FunctionCall(Node):
    """A function, called."""

    name: str
    """In small letters."""
    arguments: tuple[Node, ...]

    def below(self) -> tuple[Node, ...]:
        """Return the parts of this one."""
        return self.arguments


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """An operator with one side or two."""

    sign: str
    left: Node
    right: Node | None = None

    def below(self) -> tuple[Node, ...]:
        """Return the parts of this one."""
        return (self.left,) if self.right is None else (self.left, self.right)


def parse(expression: str) -> Node:
    """Return the tree of an expression, without its braces.

    Raises:
        ExpressionError: It is none, or too large for GitHub.
    """
    if len(expression) > _LONGEST:
        raise ExpressionError(f"got an expression of {len(expression)} characters, expected at most {_LONGEST}")
    reader = _WordReader(expression)
    node = reader.operation(0, 0)
    if reader.kind:
        raise ExpressionError(f"got {show(reader.word)} behind the end of an expression, expected an operator")
    return node


class _WordReader:
    """Reads words from left to right; ``word`` is the next one, ``kind`` says which, empty at the end."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self._at = 0
        self.kind, self.word = "", ""
        self._step()

    def _step(self) -> tuple[str, str]:
        """Go on by one word; return the one that was next."""
        before = self.kind, self.word
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            if rest := self._text[self._at :].strip():
                raise ExpressionError(f"got {show(rest[:40])}, expected a text, number, context, function or operator")
            self.kind, self.word = "", "the end"
        else:
            self._at = match.end()
            self.kind, self.word = match.lastgroup or "", match[match.lastgroup or 0]
        return before

    def _take(self, sign: str) -> None:
        if (self.kind, self.word) != ("sign", sign):
            raise ExpressionError(f"got {show(self.word)} in an expression, expected `{sign}`")
        self._step()

    def _next(self, sign: str) -> bool:
        """Take this sign if it is next."""
        there = (self.kind, self.word) == ("sign", sign)
        if there:
            self._step()
        return there

    def operation(self, least: int, depth: int) -> Node:
        """Read operands and operators that bind at least so much."""
        if depth > _DEEPEST:
            raise ExpressionError(f"got an expression of more than {_DEEPEST} levels, expected fewer")
        left: Node = Operation("!", self._inner(5, depth)) if self._next("!") else self._operand(depth)
        while self.kind == "sign" and (binds := _BINDS.get(self.word, 0)) > least:
            _, sign = self._step()
            left = Operation(sign, left, self.operation(binds, depth + 1))
        return left

    def _inner(self, least: int, depth: int) -> Node:
        return self.operation(least, depth + 1)

    def _operand(self, depth: int) -> Node:
        kind, word = self._step()
        if kind == "text":
            return self._parts(Value(word[1:-1].replace("''", "'")), depth)
        if kind == "number":
            return Value(number(word))
        if (kind, word) == ("sign", "("):
            inside = self._inner(0, depth)
            self._take(")")
            return self._parts(inside, depth)
        if kind != "name":
            raise ExpressionError(f"got {show(word)} in an expression, expected a value")
        if self._next("("):
            return self._parts(FunctionCall(word.lower(), self._arguments(depth)), depth)
        if word.lower() in WORDS:
            return Value(WORDS[word.lower()])
        return self._parts(Name(word.lower()), depth)

    def _arguments(self, depth: int) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self._next(")"):
            if found:
                self._take(",")
            found.append(self._inner(0, depth))
        return tuple(found)

    def _parts(self, of: Node, depth: int) -> Node:
        """Read what follows a value: ``.name``, ``.*``, ``[…]``; each is a level more."""
        levels = depth
        while self.kind == "sign" and self.word in {".", "["}:
            levels += 1
            if levels > _DEEPEST:
                raise ExpressionError(f"got an expression of more than {_DEEPEST} levels, expected fewer")
            if self._next("."):
                kind, word = self._step()
                if kind not in {"name", "sign"} or (kind == "sign" and word != "*"):
                    raise ExpressionError(f"got {show(word)} behind a dot, expected a name")
                of = Star(of) if word == "*" else Subscript(of, Value(word))
                continue
            self._step()
            star = self._next("*")
            of = Star(of) if star else Subscript(of, self._inner(0, depth))
            self._take("]")
        return of
