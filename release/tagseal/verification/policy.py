"""Who must have signed: exactly one workflow file of one repository, on one ref, at one commit.

Subject alternative name and issuer alone do not name the repository: whoever calls a workflow through
``workflow_call`` gets that workflow's name into the certificate. So the source and signer extensions are
compared as well. Source: Fulcio's ``docs/oid-info.md``, OIDs 1.3.6.1.4.1.57264.1.*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.x509 import RFC822Name, SubjectAlternativeName, UniformResourceIdentifier
from sigstore.errors import VerificationError
from sigstore.verify import policy

from tagseal.errors import UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify.policy import VerificationPolicy

    from tagseal.records import Identity
    from tagseal.verification.result import Expected


class SoleName:
    """Accept a certificate whose only subject alternative name is this one, byte for byte: a URI, or an address."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kind = UniformResourceIdentifier if "://" in name else RFC822Name

    def verify(self, cert: Certificate) -> None:
        """Compare the certificate's names.

        Raises:
            VerificationError: There are more names, or the one is of another type or text.
        """
        names = list(cert.extensions.get_extension_for_class(SubjectAlternativeName).value)
        if [(type(name), name.value) for name in names] != [(self._kind, self._name)]:
            found = ", ".join(
                str(name.value) + ("" if type(name) is self._kind else f" ({type(name).__name__})") for name in names
            )
            raise VerificationError(f"the certificate names {found}, expected only {self._name}")


class Named(policy.AllOf):
    """Accept whoever has exactly this name at this issuer, for publishers who are no workflow that releases a tag.

    1. one subject alternative name, of the type that it has the form of, equal;
    2. the issuer, equal in both extensions (.1 and .8), never empty;
    3. source commit (.13), equal, where the caller knows one.
    """

    def __init__(self, name: str, issuer: str, commit: str | None) -> None:
        """Compose the policy.

        Args:
            name: The certificate's only name: a URI, or an e-mail address.
            issuer: Who vouched for it.
            commit: 40 hexadecimal digits, or None for a caller who has nothing to compare with.

        Raises:
            UsageError: A part is empty, so that comparing it would mean nothing.
        """
        if not name or not issuer or commit == "":
            raise _empty()
        super().__init__([SoleName(name), policy.OIDCIssuer(issuer), policy.OIDCIssuerV2(issuer), *_commit(commit)])


class Exact(policy.AllOf):
    """Accept exactly this identity.

    1. one subject alternative name, a URI, equal;
    2. the issuer, equal in both extensions (.1 and .8), never empty;
    3. source repository (.12), source ref (.14) and build signer (.9), equal;
    4. source commit (.13), equal, where the caller knows one.
    """

    def __init__(self, identity: Identity, commit: str | None) -> None:
        """Compose the policy.

        Args:
            identity: Who must have signed.
            commit: 40 hexadecimal digits, or None for a caller who has nothing to compare with.

        Raises:
            UsageError: A part is empty, so that comparing it would mean nothing.
        """
        parts = (identity.repository, identity.workflow, identity.ref, identity.issuer)
        if not all(parts) or commit == "":
            raise _empty()
        super().__init__(
            [
                SoleName(identity.uri),
                policy.OIDCIssuer(identity.issuer),
                policy.OIDCIssuerV2(identity.issuer),
                policy.OIDCSourceRepositoryURI(identity.repository_uri),
                policy.OIDCSourceRepositoryRef(identity.ref),
                policy.OIDCBuildSignerURI(identity.uri),
                *_commit(commit),
            ]
        )


def of(expected: Expected) -> VerificationPolicy:
    """Return the policy for whoever should have signed.

    Raises:
        UsageError: A part is empty.
    """
    if expected.identity is not None:
        return Exact(expected.identity, expected.commit)
    return Named(expected.uri, expected.issuer, expected.commit)


def _commit(commit: str | None) -> list[VerificationPolicy]:
    return [policy.OIDCSourceRepositoryDigest(commit)] if commit is not None else []


def _empty() -> UsageError:
    return UsageError(
        "got an identity with an empty part, expected repository, workflow, ref, issuer and commit, or name and issuer",
        hint="Name the repository and the tag: --repo OWNER/REPO --tag TAG; or another signer: --identity URI "
        "--issuer URL.",
        slug="empty-identity",
    )
