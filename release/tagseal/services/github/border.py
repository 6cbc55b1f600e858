"""The seam: whatever PyGithub and requests raise becomes one of our errors, with the server's own words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import requests
from github import GithubException

from tagseal.errors import TagsealError
from tagseal.names import excerpt
from tagseal.services.github import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")

_NOT_FOUND = 404


def or_none(ask: Callable[[], T]) -> T | None:
    """Return what is there; None for "not found"."""
    try:
        return ask()
    except GithubException as error:
        if error.status == _NOT_FOUND:
            return None
        raise


@contextmanager
def fresh(made: bool) -> Iterator[None]:  # noqa: FBT001 - the one thing that there is to say
    """Let "not found" mean "not yet", where it is about what was ``made`` just now.

    Raises:
        Busy: It is not found yet.
    """
    try:
        yield
    except (GithubException, requests.HTTPError) as error:
        status = error.status if isinstance(error, GithubException) else error.response.status_code
        if made and status == _NOT_FOUND:
            raise refusals.unknown_yet() from error
        raise


@contextmanager
def border(doing: str) -> Iterator[None]:
    """Let nothing foreign out of the block but errors of our own files; ``doing`` completes "could not"."""
    try:
        yield
    except TagsealError:
        raise
    except GithubException as error:
        raise refusals.error_for(
            doing, error.status, refusals.words(error.data), _lower(error.headers or {})
        ) from error
    except requests.HTTPError as error:
        answer = error.response
        raise refusals.error_for(
            doing, answer.status_code, refusals.message_of(str(error)), _lower(answer.headers)
        ) from error
    except requests.RequestException as error:
        raise refusals.unreachable(doing, excerpt(str(error))) from error
    except OSError:  # a file of ours
        raise
    except Exception as error:  # PyGithub lets through whatever an answer of another form makes of its code
        raise refusals.garbled_answer(doing, excerpt(f"{type(error).__name__}: {error}")) from error


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
