"""The job's identity token: what Fulcio turns into a certificate.

A token is asked for where it is used and kept in memory only. Source: "OpenID Connect" in GitHub's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import id as ambient

from tagseal.errors import Refused, ServiceError
from tagseal.names import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGSTORE = "sigstore"
"""The audience of the tokens that Fulcio takes."""

_NEEDED = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


def identity_token(environ: Mapping[str, str], audience: str) -> str | None:
    """Ask the runner for an identity token; None when the job has no ``id-token`` permission.

    Args:
        environ: The process's own environment: ``id`` reads that one, whatever is passed here.
        audience: Who shall accept the token: :data:`SIGSTORE`, later an index's name as well.

    Raises:
        ServiceError: The runner has a token endpoint, and it gave no token for this audience.
    """
    if environ.get("GITHUB_ACTIONS") != "true" or not all(environ.get(name) for name in _NEEDED):
        return None
    try:
        return ambient.detect_credential(audience)
    except ambient.GitHubOidcPermissionCredentialError:
        return None
    except Exception as error:  # `id` lets errors of urllib3 and of decoding through
        raise ServiceError(
            "got no identity token from the runner, expected one",
            context=(printable(str(error))[:300],),
            hint="Run this job again.",
            slug="identity-token-failed",
        ) from error


def claims(token: str) -> dict[str, str]:
    """Return the token's textual claims, unverified: only Fulcio can say whether they hold.

    Raises:
        Refused: This is no JSON web token.
    """
    import jwt  # noqa: PLC0415 - 0.15 s that a job without a token need not wait for

    try:
        found = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Refused(
            "got an identity token that is no JSON web token, expected one",
            hint="Look at ACTIONS_ID_TOKEN_REQUEST_URL: it does not lead to GitHub's token service.",
            slug="identity-token-malformed",
        ) from error
    return {name: value for name, value in found.items() if isinstance(value, str)}
