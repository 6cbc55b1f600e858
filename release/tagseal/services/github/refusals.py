"""What a refusal of GitHub's means: who must act, in its own words.

Source: "Troubleshooting the REST API", "Rate limits for the REST API" and "Best practices for using the REST API"
in GitHub's documentation.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tagseal.errors import Busy, Refused, ServiceError, UsageError
from tagseal.names import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError

UNNAMED_LIMIT = 60.0
"""Seconds to wait after a limit that names no time: "at least one minute"."""

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 401, 403, 404, 429, 500
_REDIRECTS = range(300, 400)
_OURS = frozenset({"api.github.com", "uploads.github.com"})


def words(answer: object) -> str:
    """Return the message of an answer, and the fields that it refuses; it may have any form."""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    fields = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    named = (f"{field.get('field', '')} {field.get('code', '')} {field.get('message', '')}".strip() for field in fields)
    return excerpt("; ".join((str(answer.get("message", "")), *named)))


def message_of(text: str) -> str:
    """Return the message of an answer that may be JSON, or its words."""
    try:
        return words(json.loads(text)) or excerpt(text)
    except ValueError:
        return excerpt(text)


def error_for(doing: str, status: int, words: str, headers: Mapping[str, str]) -> TagsealError:
    """Return the error for an HTTP status.

    Args:
        doing: Completes "could not".
        status: The answer's.
        words: What it said.
        headers: Its headers, by names in lower case.
    """
    context = (f"GitHub said: {status} {words}".rstrip(),)
    limited = status == _TOO_MANY or (status == _FORBIDDEN and "rate limit" in words.lower())
    if status < _REDIRECTS.start:
        return garbled_answer(doing, f"{status} {words}")
    if limited or status >= _SERVER_ERROR:
        return Busy(
            f"GitHub {'wants a pause' if limited else 'failed'}: could not {doing}",
            context=context,
            hint="{Rerun}; it resumes.",
            slug="github-failed",
            after=_retry_after(headers) or (UNNAMED_LIMIT if limited else None),
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
    if status in _REDIRECTS:
        there = headers.get("location", "")
        known = urlsplit(there).netloc in _OURS
        return (
            renamed_repository(doing, excerpt(there))
            if known
            else garbled_answer(doing, f"{status} to {excerpt(there) or 'nowhere'}")
        )
    return _refusal(doing, words, context)


def _refusal(doing: str, words: str, context: tuple[str, ...]) -> TagsealError:
    if "used by an immutable release" in words:
        return Refused(
            f"the tag is used up: could not {doing}",
            context=context,
            hint="An immutable release had this tag, and GitHub gives it to no other, not even after that release was "
            "deleted. Nothing was published. Set a new version, and push its tag.",
            slug="tag-burnt",
        )
    return ServiceError(
        f"GitHub refused: could not {doing}",
        context=context,
        hint="Mend what GitHub names, then {rerun}; it resumes.",
        slug="github-refused",
    )


def renamed_repository(doing: str, there: str) -> UsageError:
    """Return the error for a repository that answers by another name; nothing is written after a redirect."""
    return UsageError(
        f"the repository has another name: could not {doing}",
        context=(f"GitHub leads to {there}",),
        hint="Use the new name in [tool.tagseal] and in the origin remote, and tag again: "
        "the identity in the certificates names the repository.",
        slug="github-renamed",
    )


def taken_name(name: str) -> Busy:
    """Return the error for an upload whose name is there: an earlier sending arrived, and is to be looked at."""
    return Busy(
        f"got a file called {name} in the release already, expected none",
        hint="{Rerun}: it looks at that file, and keeps or replaces it.",
        slug="github-asset-exists",
    )


def unknown_yet() -> Busy:
    """Return the error for a draft that was created here, and is not found."""
    return Busy(
        "got no answer but `not found` about the draft that was just created, expected the draft",
        hint="Look whether somebody deleted it; then {rerun}.",
        slug="github-draft-unknown",
    )


def unreachable(doing: str, words: str) -> Busy:
    """Return the error for a request without an answer: it may have been done."""
    return Busy(
        f"GitHub did not answer: could not {doing}",
        context=(words,),
        hint="{Rerun}; it resumes.",
        slug="github-unreachable",
    )


def garbled_answer(doing: str, words: str) -> Busy:
    """Return the error for an answer that is not one of the API: cut, or somebody else's."""
    return Busy(
        f"GitHub's answer is not one of its API: could not {doing}",
        context=(words,),
        hint="{Rerun}. If it persists, look at who answers for GitHub on this network.",
        slug="github-garbled",
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which GitHub wants to be asked again; None where it does not say."""
    retry, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if retry.isdecimal():
        return float(retry)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(1.0, float(reset) - time.time())
    return None
