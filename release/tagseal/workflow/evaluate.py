"""Expressions of a workflow, evaluated as GitHub does.

Source: "Evaluate expressions in workflows and actions". A value is JSON's: None, bool, float, str, list, dict. No
library for Python does this; GitHub's own is written for Node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from tagseal.names import number_of
from tagseal.workflow.functions import FUNCTIONS, STATUS, ExpressionError, equal, is_ordered, look_up, text, true
from tagseal.workflow.syntax import FunctionCall, Name, Operation, Star, Subscript, Value, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.functions import Function
    from tagseal.workflow.syntax import Node

__all__ = ["ExpressionError", "Status", "check", "fill", "holds", "possible", "value"]

Status = Literal["success", "failure", "cancelled", "skipped"]
"""How everything before went; after what was skipped, only ``always()`` holds."""

UNKNOWN = frozenset({False, True})
"""What is not known may be either."""
_OUTSIDE = re.compile(r"(?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*")
"""What stands before the braces that close an expression."""
_LARGEST = 1024 * 1024
"""Characters of a text that is made; the runner takes no larger variable."""


class _StarMatches(list[Any]):
    """What a ``*`` found: an index goes on into each of it."""


def value(expression: str, contexts: Mapping[str, Any], status: Status = "success") -> Any:  # noqa: ANN401 - JSON
    """Return what an expression, without its braces, comes to.

    Args:
        expression: As in the file.
        contexts: By name: github, env, needs, steps and so on.
        status: What ``success()``, ``failure()`` and ``cancelled()`` tell.

    Raises:
        ExpressionError: It does not parse, names nothing that there is, or grows too large.
    """
    return _value(parse(expression), contexts, status)


def fill(written: str, contexts: Mapping[str, Any]) -> str:
    """Return a text with every ``${{ … }}`` replaced by its value.

    Raises:
        ExpressionError: As :func:`value`, or a brace is left open.
    """
    made = ""
    for plain, expression in _parts(written):
        made += plain + (text(value(expression, contexts)) if expression is not None else "")
        if len(made) > _LARGEST:
            raise ExpressionError(f"got a text of more than {_LARGEST} characters, expected less")
    return made


def holds(condition: str, contexts: Mapping[str, Any], status: Status) -> bool:
    """Tell whether an ``if`` holds; without a function of the status, only where all before went well.

    Raises:
        ExpressionError: As :func:`value`.
    """
    bare = _bare(condition)
    if not bare:
        return status == "success"
    node = parse(bare)
    if status != "success" and not any(call.name in STATUS for call in node.calls()):
        return False
    return true(_value(node, contexts, status))


def check(written: str, *, condition: bool = False) -> None:
    """Look at the expressions of a text, or of an ``if``, before there is anything to evaluate them with.

    Raises:
        ExpressionError: One does not parse, or calls what is not played.
    """
    whole = [_bare(written) or None] if condition else [expression for _, expression in _parts(written)]
    for expression in whole:
        if expression is not None:
            for call in parse(expression).calls():
                _function(call)


def possible(condition: str, contexts: Mapping[str, Any]) -> frozenset[bool]:
    """Return what an ``if`` may come to where only some of the contexts are known.

    Args:
        condition: As in the file; where all before went well.
        contexts: What is known, with keys in small letters; of a mapping, an entry that is left out is not known.
    """
    try:
        bare = _bare(condition)
        return _possible(_tree(bare), contexts) if bare else frozenset({True})
    except ExpressionError:
        return UNKNOWN


@lru_cache(maxsize=1024)
def _tree(expression: str) -> Node:
    """Return what :func:`parse` does; an ``if`` is looked at for one run after the other."""
    return parse(expression)


def _possible(node: Node, contexts: Mapping[str, Any]) -> frozenset[bool]:
    if isinstance(node, Operation) and node.right is None:
        return frozenset(not one for one in _possible(node.left, contexts))
    found = UNKNOWN
    chain: list[Operation] = []
    while isinstance(node, Operation) and node.right is not None and node.sign in {"&&", "||"}:
        chain.append(node)
        node = node.left
    with suppress(ExpressionError):
        found = frozenset({true(_value(node, contexts, "success"))}) if _known(node, contexts) else UNKNOWN
    for operation in reversed(chain):
        join = all if operation.sign == "&&" else any
        right = _possible(operation.right, contexts) if operation.right is not None else UNKNOWN
        found = frozenset(join(pair) for pair in product(found, right))
    return found


def _known(node: Node, contexts: Mapping[str, Any]) -> bool:
    """Tell whether all that a part of an expression names is known."""
    left = [node]
    while left:
        part = inner = left.pop()
        path: list[str] = []
        while isinstance(inner, Subscript) and isinstance(inner.by, Value):
            path.insert(0, str(inner.by.value).lower())
            inner = inner.of
        if not isinstance(inner, Name):
            left.extend(part.below())
        elif not _is_known((inner.name, *path), contexts):
            return False
    return True


def _is_known(path: tuple[str, ...], contexts: Mapping[str, Any]) -> bool:
    at: Any = contexts
    for key in path:
        if isinstance(at, Mapping) and key not in at:
            return False
        at = at[key] if isinstance(at, Mapping) else None
    return not isinstance(at, Mapping)


def _bare(condition: str) -> str:
    """Return a condition without its braces."""
    bare = condition.strip()
    if bare.startswith("${{") and _end(bare, 3) == len(bare) - 2:
        return bare[3:-2].strip()
    if "${{" in bare:
        # GitHub fills such a text, and takes any text that is not empty for true: nobody means that.
        raise ExpressionError("got a condition that is an expression only in part, expected one in whole, or no braces")
    return bare


def _parts(written: str) -> Iterator[tuple[str, str | None]]:
    """Yield what stands before each expression of a text, with that expression; last what follows, with None."""
    at = 0
    while (begin := written.find("${{", at)) >= 0:
        end = _end(written, begin + 3)
        yield written[at:begin], written[begin + 3 : end]
        at = end + 2
    yield written[at:], None


def _end(written: str, at: int) -> int:
    """Return where the braces close; those in a quoted text do not count."""
    match = _OUTSIDE.match(written, at)
    end = match.end() if match else at
    if not written.startswith("}}", end):
        raise ExpressionError("got an expression that does not end, expected `}}`")
    return end


def _value(node: Node, contexts: Mapping[str, Any], status: Status) -> Any:  # noqa: ANN401 - JSON
    match node:
        case Value():
            return node.value
        case Name():
            known = {name.lower(): content for name, content in contexts.items()}
            if node.name not in known:
                raise ExpressionError(f"got `{node.name}`, expected a context that there is here: {', '.join(known)}")
            return known[node.name]
        case Star():
            return _all(_value(node.of, contexts, status))
        case Subscript():
            return _index(_value(node.of, contexts, status), _value(node.by, contexts, status))
        case FunctionCall():
            return _call(node, contexts, status)
        case Operation():
            return _operate(node, contexts, status)


def _operate(node: Operation, contexts: Mapping[str, Any], status: Status) -> Any:  # noqa: ANN401 - JSON
    if node.right is None:
        return not true(_value(node.left, contexts, status))
    chain: list[Operation] = []
    first: Node = node
    while isinstance(first, Operation) and first.right is not None:  # thousands may stand side by side
        chain.append(first)
        first = first.left
    left = _value(first, contexts, status)
    for operation in reversed(chain):
        left = _combine(operation, left, contexts, status)
    return left


def _combine(node: Operation, left: Any, contexts: Mapping[str, Any], status: Status) -> Any:  # noqa: ANN401 - JSON
    """Return what an operator of two sides comes to."""
    if node.right is None or (node.sign == "&&" and not true(left)) or (node.sign == "||" and true(left)):
        return left
    right = _value(node.right, contexts, status)
    if node.sign in {"&&", "||"}:
        return right
    if node.sign in {"==", "!="}:
        return equal(left, right) is (node.sign == "==")
    return is_ordered(left, right, node.sign)


def _call(node: FunctionCall, contexts: Mapping[str, Any], status: Status) -> Any:  # noqa: ANN401 - JSON
    function = _function(node)
    if function is None:
        return node.name in {"always", status}
    return function.run(*(_value(argument, contexts, status) for argument in node.arguments))


def _function(node: FunctionCall) -> Function | None:
    """Return what is called with as many arguments as it takes; None for a function of the status."""
    if node.name in STATUS:
        if node.arguments:
            raise ExpressionError(f"got {node.name}() with {number_of(len(node.arguments), 'argument')}, expected none")
        return None
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise ExpressionError(f"got the function {node.name}(), expected one that is played: {', '.join(FUNCTIONS)}")
    count = len(node.arguments)
    if not function.least <= count <= function.most:
        expected = f"{function.least}" + ("" if function.least == function.most else f" to {function.most}")
        raise ExpressionError(f"got {node.name}() with {number_of(count, 'argument')}, expected {expected}")
    return function


def _all(of: Any) -> _StarMatches:  # noqa: ANN401 - JSON
    every = of.values() if isinstance(of, Mapping) else of if isinstance(of, list) else ()
    if isinstance(of, _StarMatches):
        return _StarMatches(one for inner in of for one in _all(inner))
    return _StarMatches(every)


def _index(of: Any, by: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(of, _StarMatches):
        inner = (_index(one, by) for one in of)
        return _StarMatches(one for one in inner if one is not None)
    return look_up(of, by)
