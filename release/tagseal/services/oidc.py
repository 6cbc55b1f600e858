"""The job's identity token: what Fulcio turns into a certificate.

A token is asked for where it is used and kept in memory only. Source: "OpenID Connect" in GitHub's documentation.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tagseal.errors import Busy, Refused, ServiceError, UsageError
from tagseal.names import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGSTORE = "sigstore"
"""The audience of the tokens that Fulcio takes."""

_NEEDED = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_SHARED = 5
"""Seconds by which sigstore lets clocks differ."""
TIMEOUT = (10.0, 30.0)
"""Seconds for a connection, and without a byte of the answer."""
_ANSWER = 1 << 16
"""Bytes; a token has two thousand."""
_PASSING = {408, 425, 429}
_SERVER_ERROR = 500
_WORDS = 300


def identity_token(environ: Mapping[str, str], audience: str) -> str | None:
    """Ask the runner for an identity token; None when the job has no ``id-token`` permission.

    Args:
        environ: The job's environment.
        audience: Who shall accept the token: :data:`SIGSTORE`, later an index's name as well.

    Raises:
        Busy: The runner's token endpoint did not answer.
        ServiceError: The runner has a token endpoint, and it gave no token for this audience.
    """
    url, bearer = (environ.get(name, "") for name in _NEEDED)
    if environ.get("GITHUB_ACTIONS") != "true" or not url or not bearer:
        return None
    import requests  # noqa: PLC0415 - with what asks

    from tagseal.services import transport  # noqa: PLC0415 - 0.1 s that a job without a token need not wait for

    try:
        with transport.session(TIMEOUT, most=_ANSWER) as session:
            answer = session.get(
                url,
                params={"audience": audience},
                auth=transport.Authorization(f"Bearer {bearer}"),
                proxies={"http": ""},  # the runner itself, where its address is none of TLS
                allow_redirects=False,
            )
        if answer.status_code in _PASSING or answer.status_code >= _SERVER_ERROR:
            raise _busy(f"{answer.status_code} {answer.text}")
        if not answer.ok:
            raise _failure(f"{answer.status_code} {answer.text}")
        token = answer.json()["value"]
    except requests.JSONDecodeError as error:
        raise _failure(str(error)) from error
    except requests.RequestException as error:
        raise _busy(str(error)) from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _failure(f"{type(error).__name__}: {error}") from error
    if not isinstance(token, str):
        raise _failure(f"a {type(token).__name__} for a token")
    return token


def _busy(words: str) -> Busy:
    return Busy(
        "got no answer from the runner's token endpoint, expected an identity token",
        context=(printable(words)[:_WORDS],),
        hint="{Rerun}.",
        slug="identity-token-busy",
    )


def _failure(words: str) -> ServiceError:
    return ServiceError(
        "got no identity token from the runner, expected one",
        context=(printable(words)[:_WORDS],),
        hint="{Rerun}.",
        slug="identity-token-failed",
    )


def claims(token: str) -> dict[str, str]:
    """Return the token's textual claims, unverified: only Fulcio can say whether they hold.

    Raises:
        Refused: This is no JSON web token.
    """
    return {name: value for name, value in _claims(token).items() if isinstance(value, str)}


def compare_clocks(token: str, asked: float) -> None:
    """Accept a token that is good by this machine's clock.

    Args:
        token: A token is made when it is asked for: its times are a reading of the clock of who made it.
        asked: When it was asked for, by this machine's clock: seconds since the epoch.

    Raises:
        Refused: This is no JSON web token.
        UsageError: This machine's clock is wrong: sigstore would not take the token, now or later.
    """
    now, said = time.time(), _claims(token)
    times = (said.get(name) for name in ("iat", "nbf", "exp"))
    made, start, end = (one if isinstance(one, int | float) else now for one in times)
    if asked < end and start <= now and made <= now + _SHARED:
        return
    raise UsageError(
        f"got an identity token that was made at {_show(made)}, expected this machine's time, {_show(now)}",
        context=(f"the token is good from {_show(start)} to {_show(end)}",),
        hint="Set this machine's clock, then run the same command again; finished bundles are kept.",
        slug="clock-differs",
    )


def _show(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _claims(token: str) -> dict[str, Any]:
    import jwt  # noqa: PLC0415 - 0.15 s that a job without a token need not wait for

    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Refused(
            "got an identity token that is no JSON web token, expected one",
            hint="Look at ACTIONS_ID_TOKEN_REQUEST_URL: it does not lead to GitHub's token service.",
            slug="identity-token-malformed",
        ) from error
