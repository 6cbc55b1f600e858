"""What a registry's refusal means: who must act, in its own words; and the seam that lets nothing foreign out.

Source: OCI distribution 1.1, "Error codes".
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

from tagseal.errors import Busy, Refused, ServiceError, TagsealError, UsageError, VerificationFailed
from tagseal.names import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GHCR = "ghcr.io"

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TIMEOUT, _TOO_LARGE, _TOO_MANY = 401, 403, 404, 408, 413, 429
_CLIENT_ERRORS, _SERVER_ERROR = 400, 500
_NO_TLS = re.compile(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL|record layer failure")
_NO_TRUST = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|doesn't match|Hostname mismatch")
_IMMUTABLE = re.compile(r"immutable|TAG_ALREADY_EXISTS|ImageTagAlreadyExists", re.IGNORECASE)


def words(content: bytes) -> str:
    """Return the codes and messages of a refusal; it may have any form."""
    text = content.decode("utf-8", "replace")
    try:
        errors = json.loads(text)["errors"]
        named = [f"{error.get('code', '')} {error.get('message', '')}".strip() for error in errors]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        named = []
    return excerpt("; ".join(named) or " ".join(text.split()))


@contextmanager
def border(host: str, doing: str) -> Iterator[None]:
    """Let nothing foreign out of the block; ``doing`` completes "could not"."""
    try:
        yield
    except TagsealError:
        raise
    except requests.RequestException as error:
        text = str(error)
        if _NO_TLS.search(text) or _NO_TRUST.search(text):
            raise untrusted_connection(host, doing, text) from error
        raise unreachable(host, doing, excerpt(text)) from error
    except Exception as error:  # whatever an answer of another form makes of requests and of our code
        raise garbled_answer(host, doing, excerpt(f"{type(error).__name__}: {error}")) from error


def error_for(host: str, doing: str, status: int, content: bytes, headers: Mapping[str, str]) -> TagsealError:
    """Return the error for an HTTP status.

    Args:
        host: The registry.
        doing: Completes "could not".
        status: The answer's.
        content: What it said.
        headers: Its headers.
    """
    said = words(content)
    context = (f"{host} said: {status} {said}".rstrip(),)
    if status < _CLIENT_ERRORS:
        return garbled_answer(host, doing, f"{status} {said}".rstrip())
    if status in {_TOO_MANY, _TIMEOUT} or status >= _SERVER_ERROR or "TOOMANYREQUESTS" in said:
        after = headers.get("Retry-After", "")
        return Busy(
            f"{host} failed or wants a pause: could not {doing}",
            context=context,
            hint="{Rerun}; it resumes.",
            slug="registry-busy",
            after=float(after) if after.isdecimal() else None,
        )
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return forbidden(host, doing, context)
    if status == _NOT_FOUND:
        return missing(host, doing, context)
    return _refusal(host, doing, status, context)


def forbidden(host: str, doing: str, context: tuple[str, ...]) -> UsageError:
    """Return the error for credentials that may not, or that are not there."""
    if host == GHCR:
        return UsageError(
            f"the token may not: could not {doing}",
            context=context,
            hint="Give the job the permission `packages: write` (seal, publish) or `packages: read`, and GITHUB_TOKEN "
            "in its environment. A package that was first pushed by hand has to let this repository in: its settings, "
            "Manage Actions access, role Write.",
            slug="registry-packages-permission",
        )
    return UsageError(
        f"{host} does not let these credentials do that: could not {doing}",
        context=context,
        hint=f"Run `docker login {host}`, or set TAGSEAL_REGISTRY_USER and TAGSEAL_REGISTRY_PASSWORD to an account "
        "that may push there; then run the same command again.",
        slug="registry-permission",
    )


def is_denial(error: TagsealError) -> bool:
    """Tell whether this is the error for credentials that may not."""
    return error.slug in {"registry-permission", "registry-packages-permission"}


def missing(host: str, doing: str, context: tuple[str, ...]) -> UsageError:
    """Return the error for what the registry does not know."""
    return UsageError(
        f"not found at {host}: could not {doing}",
        context=context,
        hint="Compare the name in [tool.tagseal.image]; some registries want a repository created first, and some say "
        "`not found` to credentials that may not see it.",
        slug="registry-not-found",
    )


def _refusal(host: str, doing: str, status: int, context: tuple[str, ...]) -> TagsealError:
    if _IMMUTABLE.search(context[0]):
        return Refused(
            f"{host} lets nobody move this tag: could not {doing}",
            context=context,
            hint="The tag names another image for ever. Set a new version, and push its tag.",
            slug="registry-tag-immutable",
        )
    if status == _TOO_LARGE:
        return UsageError(
            f"too large for {host}: could not {doing}",
            context=context,
            hint="Make the layer smaller, or raise the limit of the registry or of the proxy before it.",
            slug="registry-too-large",
        )
    return ServiceError(
        f"{host} refused: could not {doing}",
        context=context,
        hint="Mend what the registry names, then {rerun}; it resumes.",
        slug="registry-refused",
    )


def unreachable(host: str, doing: str, words: str) -> Busy:
    """Return the error for a request without an answer: it may have been done."""
    return Busy(
        f"{host} did not answer: could not {doing}",
        context=(words,),
        hint="{Rerun}; it resumes. A registry is asked by https only.",
        slug="registry-unreachable",
    )


def lost_upload(host: str, doing: str, content: bytes) -> Busy:
    """Return the error for an upload of which the registry has forgotten bytes that it took."""
    return Busy(
        f"{host} forgot what was sent: could not {doing}",
        context=(f"{host} said: {words(content)}",),
        hint="{Rerun}: it sends this blob anew, and none that arrived.",
        slug="registry-upload-lost",
    )


def garbled_answer(host: str, doing: str, words: str) -> Busy:
    """Return the error for an answer that is not a registry's: cut, or somebody else's."""
    return Busy(
        f"the answer is not one of a registry: could not {doing}",
        context=(f"{host}: {words}",),
        hint=f"{{Rerun}}. If it persists, look at who answers for {host} on this network.",
        slug="registry-garbled",
    )


def untrusted_connection(host: str, doing: str, text: str) -> UsageError:
    """Return the error for a connection that is not TLS, or whose certificate nobody vouches for."""
    if _NO_TLS.search(text):
        return UsageError(
            f"got no TLS from {host}, expected https: could not {doing}",
            context=(excerpt(text),),
            hint="Put the registry behind https: credentials and images are sent to no other. There is no switch.",
            slug="registry-without-tls",
        )
    return UsageError(
        f"got a certificate from {host} that is not to be trusted: could not {doing}",
        context=(excerpt(text),),
        hint="Mend the certificate, or set REQUESTS_CA_BUNDLE to a file with the authority that made it.",
        slug="registry-certificate",
    )


def insecure(host: str, place: str) -> Refused:
    """Return the error for a place that the registry leads to, and that is not https."""
    return Refused(
        f"{host} leads to {excerpt(place)!r}, expected an address with https",
        hint="Mend the registry's own address in its configuration: nothing is sent without TLS.",
        slug="registry-leads-elsewhere",
    )


def differs(host: str, what: str, got: str, expected: str) -> VerificationFailed:
    """Return the error for bytes, or a digest, that are not those asked for."""
    return VerificationFailed(
        f"got sha256 {excerpt(got)} from {host} for {what}, expected {excerpt(expected)}",
        hint="Run the same command again; if it persists, do not use this registry's copy.",
        slug="registry-digest-differs",
    )


def oversized_answer(host: str, what: str, limit: int) -> Refused:
    """Return the error for an answer that is longer than it may be."""
    return Refused(
        f"got more than {limit:,} bytes from {host} for {what}, expected {limit:,} at most",
        hint="Look at who wrote it there: no real one is that large.",
        slug="registry-answer-too-large",
    )
