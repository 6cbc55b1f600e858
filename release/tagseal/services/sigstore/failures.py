"""What Sigstore's failures mean: whether the same request may do later, and in whose words.

The library's errors have no common root (six classes stand alone), and its clients let those of requests and of
the JSON, X.509 and ASN.1 parsers through; all of them end here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from sigstore.sign import ExpiredCertificate  # type: ignore[attr-defined]  # what Signer raises
from tuf.api.exceptions import DownloadError

from tagseal.errors import Busy, ServiceError, TagsealError
from tagseal.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ExpiredCertificate", "MissingTimestamp", "border", "has_status"]

_SERVER_ERROR = 500
_PASSING = {408, 409, 425, 429}
_WORDS = 300


class MissingTimestamp(Exception):  # noqa: N818 - what is the matter, not a kind of error of ours
    """A timestamp authority failed; what failed there is the cause."""


@contextmanager
def border(doing: str) -> Iterator[None]:
    """Turn whatever the library lets through into one of our errors; ``doing`` completes "could not".

    Raises:
        Busy: The same request may do later.
        ServiceError: It will not.
        ExpiredCertificate: The certificate is over: its holder asks for another.
    """
    try:
        yield
    except (TagsealError, ExpiredCertificate):
        raise
    except Exception as error:
        context = tuple(dict.fromkeys(_words(error)))
        if _passing(error):
            raise Busy(
                f"Sigstore is busy or out of reach: could not {doing}",
                context=context,
                hint="{Rerun}; finished bundles are kept.",
                slug="sigstore-busy",
                after=_after(error),
            ) from error
        raise ServiceError(
            f"Sigstore failed: could not {doing}",
            context=context,
            hint="Mend what it names, then {rerun}; finished bundles are kept. Where something is "
            "expired or not yet valid, look at this machine's clock.",
            slug="sigstore-failed",
        ) from error


def has_status(error: BaseException, status: int) -> bool:
    """Tell whether this came of an answer with this status."""
    return (answer := _answer(error)) is not None and answer.status_code == status


def _passing(error: BaseException) -> bool:
    """Tell whether the same request may do later: it got no answer, or one that says so."""
    if (answer := _answer(error)) is not None:
        return answer.status_code in _PASSING or answer.status_code >= _SERVER_ERROR
    kinds = requests.RequestException | DownloadError | MissingTimestamp | TimeoutError
    lost = [cause for cause in _chain(error) if isinstance(cause, kinds)]
    return bool(lost) and "CERTIFICATE_VERIFY_FAILED" not in str(lost)


def _after(error: BaseException) -> float | None:
    """Return the seconds that the service asked for; None where it did not say."""
    answer = _answer(error)
    named = answer.headers.get("Retry-After", "") if answer is not None else ""
    return float(named) if named.isdecimal() else None


def _answer(error: BaseException) -> requests.Response | None:
    """Return the refusal that an error is about."""
    for one in _chain(error):
        if isinstance(one, requests.HTTPError):
            return one.response
    return None


def _words(error: BaseException) -> Iterator[str]:
    """Yield what each error of the chain says, and the answer's body, which the library leaves out for 4xx."""
    for one in _chain(error):
        yield _line(f"{type(one).__name__}: {one}")
        if isinstance(one, requests.HTTPError) and one.response is not None:
            yield _line(f"the service said: {one.response.status_code} {one.response.text}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it came of; the library does not always say ``from``."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _line(text: str) -> str:
    return printable(" ".join(text.split()))[:_WORDS]
