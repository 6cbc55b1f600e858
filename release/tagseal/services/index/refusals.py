"""What an index says when it does not do what it was asked, as errors of ours: its own words, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import Busy, ServiceError
from tagseal.names import printable

if TYPE_CHECKING:
    from tagseal.errors import TagsealError

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_FORBIDDEN = frozenset({401, 403})


def error_for(doing: str, status: int, words: str, after: str = "") -> TagsealError:
    """Return the error for an answer; ``doing`` completes "could not"."""
    if status in _BUSY:
        return Busy(
            f"could not {doing}: the index answered {status}",
            context=(words,),
            hint="{Rerun}.",
            slug="index-busy",
            after=float(after) if after.isdecimal() else None,
        )
    if status in _FORBIDDEN:
        return ServiceError(
            f"could not {doing}: the index answered {status}, expected it to tell anybody",
            context=(words,),
            hint="An index that wants a login for reading takes it from ~/.netrc, as pip does. Then {rerun}.",
            slug="index-wants-login",
        )
    return ServiceError(
        f"could not {doing}: the index answered {status}",
        context=(words,),
        hint="Look at the index's status page. Then {rerun}.",
        slug="index-refuses",
    )


def unreachable(doing: str, words: str) -> Busy:
    """Return the error for no answer, or half of one."""
    return Busy(
        f"could not {doing}: no answer",
        context=(words,),
        hint="{Rerun}.",
        slug="index-unreachable",
    )


def garbled_answer(doing: str, why: str) -> ServiceError:
    """Return the error for an answer that is none."""
    return ServiceError(
        f"could not {doing}: the answer is not what an index gives",
        context=(printable(why)[:300],),
        hint="`url` in [tool.tagseal.index] is the root of a simple API that speaks JSON (PEP 691). Where it is, "
        "{rerun}.",
        slug="index-garbled",
    )
