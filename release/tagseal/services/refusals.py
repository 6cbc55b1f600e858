"""What a refusal of GitHub's means: who must act, in its own words.

Source: "Troubleshooting the REST API" and "Rate limits for the REST API" in GitHub's documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.errors import ServiceError, UsageError
from tagseal.names import printable

if TYPE_CHECKING:
    from tagseal.errors import TagsealError

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 401, 403, 404, 429, 500
_LONGEST = 500
_QUERY = re.compile(r"\?[^\s'\"<>)]+")


def shown(text: str) -> str:
    """Return words from outside in one bounded line; a URL's query goes, for it may be a signature."""
    return _QUERY.sub("?…", printable(text))[:_LONGEST]


def words(answer: object) -> str:
    """Return the message of an answer, and the fields that it refuses; it may have any form."""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    fields = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    named = (f"{one.get('field', '')} {one.get('code', '')}".strip() for one in fields)
    return shown("; ".join((str(answer.get("message", "")), *named)))


def translated(doing: str, status: int, words: str) -> TagsealError:
    """Return the error for an HTTP status; ``doing`` completes "could not"."""
    context = (f"GitHub said: {status} {words}".rstrip(),)
    if status >= _SERVER_ERROR or status == _TOO_MANY or "rate limit" in words.lower():
        return ServiceError(
            f"GitHub failed: could not {doing}",
            context=context,
            hint="Run the same command again; it resumes.",
            slug="github-failed",
        )
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return UsageError(
            f"the token may not: could not {doing}",
            context=context,
            hint="Give the job the permission `contents: write` (seal, publish) or `contents: read` (build, "
            "witness), and GITHUB_TOKEN in its environment.",
            slug="github-permission",
        )
    if status == _NOT_FOUND:
        return UsageError(
            f"not found: could not {doing}",
            context=context,
            hint="Look whether somebody deleted it, and compare the repository's name. A token that may not see a "
            "private repository, or may not push where it is a draft, does not find it.",
            slug="github-not-found",
        )
    return ServiceError(
        f"GitHub refused: could not {doing}",
        context=context,
        hint="Mend what GitHub names, then run the same command again; it resumes.",
        slug="github-refused",
    )
