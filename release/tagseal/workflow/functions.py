"""What expressions do with values: GitHub's comparisons, coercions and functions.

Source: "Evaluate expressions in workflows and actions", sections "Operators" and "Functions".
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+", re.ASCII)
_PLACE = re.compile(r"\{\{|\}\}|\{(\d{1,3})\}|[{}]", re.ASCII)
_LARGEST = 1024 * 1024
_WHOLE = 1e15
"""Above it a number is written with an exponent, as .NET's G15 does."""
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_MOST = 255
"""Arguments of a function, at most."""


class ExpressionError(ValueError):
    """An expression that cannot be evaluated; its text says what is wrong."""


def true(of: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a value counts as true: not false, 0, not a number, null or an empty text."""
    return not (of is None or of is False or of == "" or (isinstance(of, float) and (of == 0 or math.isnan(of))))


def text(of: Any) -> str:  # noqa: ANN401 - JSON
    """Return a value as a text, as it stands in a filled one."""
    if of is None:
        return ""
    if isinstance(of, bool):
        return str(of).lower()
    if isinstance(of, float):
        return _digits(of)
    if isinstance(of, str):
        return of
    return "Object" if isinstance(of, Mapping) else "Array"


def number(of: Any) -> float:  # noqa: ANN401 - JSON
    """Return a value as a number; not a number where it is none."""
    if of is None:
        return 0.0
    if isinstance(of, bool | float):
        return float(of)
    if not isinstance(of, str):
        return math.nan
    bare = of.strip() or "0"
    if _NUMBER.fullmatch(bare) is None:
        return math.nan
    try:
        return float(int(bare, 0)) if bare[:2] in {"0x", "0o"} else float(bare)
    except OverflowError:  # of hundreds of digits
        return math.inf


def equal(left: Any, right: Any) -> bool:  # noqa: ANN401 - JSON
    """Compare as ``==`` does: texts without their case, other kinds as numbers, lists and objects by identity."""
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if _kind(left) == _kind(right):
        if isinstance(left, list | Mapping):
            return left is right
        return bool(left == right)
    if isinstance(left, list | Mapping) or isinstance(right, list | Mapping):
        return False
    return number(left) == number(right)


def is_ordered(left: Any, right: Any, sign: str) -> bool:  # noqa: ANN401 - JSON
    """Compare as ``<`` and its like do: two texts by their letters, anything else as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return bool(_ORDER[sign](left.upper(), right.upper()))
    return bool(_ORDER[sign](number(left), number(right)))


def look_up(of: Any, by: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what an index names: a key whatever its case, a number in a list; null where there is nothing."""
    if isinstance(of, Mapping):
        name = text(by).lower()
        return next((content for key, content in of.items() if key.lower() == name), None)
    if isinstance(of, list):
        place = number(by)
        return of[int(place)] if 0 <= place < len(of) else None
    return None


def _kind(of: Any) -> str:  # noqa: ANN401 - JSON
    return type(of).__name__


def _digits(of: float) -> str:
    if math.isnan(of):
        return "NaN"
    if math.isinf(of):
        return "Infinity" if of > 0 else "-Infinity"
    if of == int(of) and abs(of) < _WHOLE:
        return str(int(of))
    return f"{of:.15g}".replace("e", "E")


def _contains(of: Any, item: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(of, list):
        return any(equal(one, item) for one in of)
    return text(item).upper() in text(of).upper() if not isinstance(of, Mapping) else False


def _starts(of: Any, begin: Any) -> bool:  # noqa: ANN401 - JSON
    return text(of).upper().startswith(text(begin).upper())


def _ends(of: Any, end: Any) -> bool:  # noqa: ANN401 - JSON
    return text(of).upper().endswith(text(end).upper())


def _format(pattern: Any, *values: Any) -> str:  # noqa: ANN401 - JSON
    def place(match: re.Match[str]) -> str:
        if match[0] in {"{{", "}}"}:
            return match[0][0]
        if match[1] is None or int(match[1]) >= len(values):
            raise ExpressionError(f"got {show(match[0])} in format(), expected {{0}} to {{{len(values) - 1}}}")
        return text(values[int(match[1])])

    return _concatenate(_parts(_PLACE, text(pattern), place))


def _parts(marks: re.Pattern[str], of: str, fill: Callable[[re.Match[str]], str]) -> Iterator[str]:
    """Yield a text in parts, each mark filled."""
    at = 0
    for match in marks.finditer(of):
        yield of[at : match.start()]
        yield fill(match)
        at = match.end()
    yield of[at:]


def _join(of: Any, between: Any = ",") -> str:  # noqa: ANN401 - JSON
    if not isinstance(of, list):
        return text(of)
    separator = text(between)
    return _concatenate(part for number, item in enumerate(of) for part in (separator * bool(number), text(item)))


def _to_json(of: Any) -> str:  # noqa: ANN401 - JSON
    try:
        return _concatenate(json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(_whole(of)))
    except RecursionError as error:
        raise ExpressionError("got a value of too many levels in toJSON(), expected fewer") from error


def _concatenate(parts: Iterable[str]) -> str:
    """Join the parts of a text.

    Raises:
        ExpressionError: It grows larger than any that the runner takes.
    """
    kept, size = list[str](), 0
    for part in parts:
        size += len(part)
        if size > _LARGEST:
            raise ExpressionError(f"got a text of more than {_LARGEST} characters, expected less")
        kept.append(part)
    return "".join(kept)


def _whole(of: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value with whole numbers written without a fraction."""
    if isinstance(of, float) and of.is_integer() and abs(of) < _WHOLE:
        return int(of)
    if isinstance(of, Mapping):
        return {key: _whole(one) for key, one in of.items()}
    return [_whole(one) for one in of] if isinstance(of, list) else of


def _from_json(of: Any) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text(of), parse_int=float)
    except (ValueError, RecursionError) as error:
        raise ExpressionError(f"got no JSON in fromJSON(): {show(text(of))}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function, and how many arguments it takes."""

    run: Callable[..., Any]
    least: int
    most: int


FUNCTIONS = {
    "contains": Function(run=_contains, least=2, most=2),
    "startswith": Function(run=_starts, least=2, most=2),
    "endswith": Function(run=_ends, least=2, most=2),
    "format": Function(run=_format, least=1, most=_MOST),
    "join": Function(run=_join, least=1, most=2),
    "tojson": Function(run=_to_json, least=1, most=1),
    "fromjson": Function(run=_from_json, least=1, most=1),
}
"""By name in small letters. ``hashFiles`` is not played: it is there for caches, which no release should use."""
STATUS = ("success", "failure", "cancelled", "always")
"""The functions that tell how everything before went."""
