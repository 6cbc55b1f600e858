"""Who stands for the signer: chain, certificate log, time and purpose."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from forging import certificates
from forging.case import CERTIFICATE, attack, flip, put
from forging.certificates import LIFETIME, START, Leaf
from forging.log import text
from forging.release import Document, Workshop, fresh
from tagseal.loopback.sigstore.certificates import Authority
from tagseal.verification.result import Check

_CHAIN = "failed to build timestamp certificate chain"
_START = int(START.timestamp())


@attack(Check.certificate, _CHAIN)
def signed_before_certificate(shop: Workshop) -> Document:
    """The log took the signature in one second before the certificate began."""
    return shop.bundle(when=_START - 1)


@attack(Check.certificate, _CHAIN)
def signed_after_certificate(shop: Workshop) -> Document:
    """The log took the signature in one second after the certificate ended: its key may be anybody's by then."""
    return shop.bundle(when=_START + LIFETIME + 1)


@attack(Check.certificate, _CHAIN)
def signed_years_after_certificate(shop: Workshop) -> Document:
    """As before, when the authorities were over as well."""
    return shop.bundle(when=_START + 20 * 365 * 86400)


@attack(Check.certificate, _CHAIN)
def unknown_authority(shop: Workshop) -> Document:
    """The certificate says the right things, and comes from authorities that nobody trusts, with the same names."""
    return Workshop(log=shop.log, certificate_log=shop.certificate_log).bundle()


@attack(Check.certificate, _CHAIN)
def self_signed_certificate(shop: Workshop) -> Document:
    """The signer stands for themselves."""
    key = fresh()
    made = certificates.self_signed(key, shop.certificate_log)
    return shop.bundle(key=key, certificate=made)


@attack(Check.certificate, _CHAIN)
def issued_by_a_leaf(shop: Workshop) -> Document:
    """Somebody with a certificate of their own issues another with it."""
    theirs = shop.signed()
    assert isinstance(theirs.key, ec.EllipticCurvePrivateKey)
    authority = Authority(certificate=_named(theirs.certificate, shop), key=theirs.key)
    key = fresh()
    return shop.bundle(
        key=key, certificate=certificates.issue(Leaf(), key.public_key(), authority, shop.certificate_log)
    )


@attack(Check.certificate, "basicConstraints.cA must not be asserted")
def authority_as_signer(shop: Workshop) -> Document:
    """The certificate may issue others: no signer's may."""
    return shop.bundle(leaf=Leaf(authority=True))


@attack(Check.certificate, "invalid extension: 2.5.29.17")
def no_name(shop: Workshop) -> Document:
    """The certificate has no name at all."""
    return shop.bundle(leaf=Leaf(names=()))


@attack(Check.certificate, "basicConstraints.cA must not be asserted")
def root_as_signer(shop: Workshop) -> Document:
    """The signer's certificate is a root of trust itself."""
    root = shop.authorities[-1]
    return shop.bundle(key=root.key, certificate=root.certificate)


@attack(Check.certificate, "ExtendedKeyUsage")
def without_purpose(shop: Workshop) -> Document:
    """The certificate does not say what it is for."""
    return shop.bundle(leaf=Leaf(purposes=()))


@attack(Check.certificate, "does not contain `code signing`")
def for_another_purpose(shop: Workshop) -> Document:
    """The certificate is for servers, and not for signing code."""
    return shop.bundle(leaf=Leaf(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)))


@attack(Check.certificate, "not of type `digital signature`")
def without_digital_signature(shop: Workshop) -> Document:
    """The certificate's key may agree on keys, and not sign."""
    return shop.bundle(leaf=Leaf(usage="key_agreement"))


@attack(Check.certificate, "does not contain a signed certificate timestamp")
def missing_certificate_timestamp(shop: Workshop) -> Document:
    """No certificate log promises to show this certificate to its victims."""
    return shop.bundle(leaf=Leaf(timestamps=0))


@attack(Check.certificate, "failed to verify SCT")
def foreign_certificate_timestamp(shop: Workshop) -> Document:
    """A certificate log that nobody trusts promises it."""
    return Workshop(log=shop.log, authorities=shop.authorities).bundle()


@attack(Check.certificate, "failed to verify SCT")
def certificate_timestamp_of_another(shop: Workshop) -> Document:
    """The promise is genuine, and about another certificate."""
    key = fresh()
    authority = shop.authorities[0]
    other = shop.signed().certificate
    stolen = other.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    bare = certificates.issue(Leaf(timestamps=0), key.public_key(), authority, shop.certificate_log)
    return shop.bundle(key=key, certificate=_with(bare, stolen, authority))


@attack(Check.certificate, "Expected one certificate timestamp, found 2")
def two_certificate_timestamps(shop: Workshop) -> Document:
    """The same promise twice: nobody has said what two mean."""
    return shop.bundle(leaf=Leaf(timestamps=2))


@attack(Check.certificate, _CHAIN)
def flipped_byte_in_certificate(shop: Workshop) -> Document:
    """One bit of the authority's signature in the certificate differs."""
    return flip(shop.bundle(), CERTIFICATE, -1)


@attack(Check.certificate, _CHAIN)
def flipped_byte_in_name(shop: Workshop) -> Document:
    """One letter of the certificate's name is another: ``octo`` becomes ``ncto``."""
    made = shop.signed()
    der = made.certificate.public_bytes(Encoding.DER).replace(b"/octo/widget/.github", b"/ncto/widget/.github", 1)
    return put(made.bundle(shop.log.entry(made.body)), CERTIFICATE, text(der))


@attack(Check.bundle, "ExtraData")
def trailing_byte_after_certificate(shop: Workshop) -> Document:
    """The certificate is followed by a byte."""
    made = shop.signed()
    der = made.certificate.public_bytes(Encoding.DER)
    return put(made.bundle(shop.log.entry(made.body)), CERTIFICATE, text(der + b"\0"))


@attack(Check.bundle, "asn1")
def pem_instead_of_der(shop: Workshop) -> Document:
    """The certificate is PEM, where DER has to be."""
    made = shop.signed()
    return put(made.bundle(shop.log.entry(made.body)), CERTIFICATE, text(made.certificate.public_bytes(Encoding.PEM)))


@attack(Check.bundle, "ShortData")
def half_a_certificate(shop: Workshop) -> Document:
    """The certificate ends in its middle."""
    made = shop.signed()
    der = made.certificate.public_bytes(Encoding.DER)
    return put(made.bundle(shop.log.entry(made.body)), CERTIFICATE, text(der[: len(der) // 2]))


@attack(Check.signature, "verify\\(\\)")
def rsa_key(shop: Workshop) -> Document:
    """The signer has an RSA key, which the verifying library takes for one on a curve."""
    return shop.bundle(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))


@attack(Check.signature, "verify\\(\\)")
def ed25519_key(shop: Workshop) -> Document:
    """The signer has an Ed25519 key, which signs messages and no digests."""
    return shop.bundle(key=ed25519.Ed25519PrivateKey.generate())


@attack(Check.bundle, "expected certificate in bundle")
def key_instead_of_certificate(shop: Workshop) -> Document:
    """The bundle names a public key by a hint: nobody stands for it."""
    document = shop.bundle()
    del document["verificationMaterial"]["certificate"]
    document["verificationMaterial"]["publicKey"] = {"hint": "our key"}
    return document


@attack(Check.bundle, "Exactly one of publicKey")
def key_beside_certificate(shop: Workshop) -> Document:
    """The bundle names a public key as well: two readers may take different ones."""
    document = shop.bundle()
    document["verificationMaterial"]["publicKey"] = {"hint": "our key"}
    return document


@attack(Check.bundle, "expected certificate in bundle")
def chain_in_version_3(shop: Workshop) -> Document:
    """Version 0.3 of the bundle has one certificate, and no chain."""
    document = shop.bundle()
    only = document["verificationMaterial"].pop("certificate")
    document["verificationMaterial"]["x509CertificateChain"] = {"certificates": [only]}
    return document


@attack(Check.certificate, _CHAIN)
def chain_that_brings_its_authority(shop: Workshop) -> Document:
    """A bundle of version 0.2 brings the authorities that would have to be trusted along."""
    theirs = Workshop(log=shop.log, certificate_log=shop.certificate_log)
    document = theirs.bundle()
    first = document["verificationMaterial"].pop("certificate")
    chain = [{"rawBytes": text(authority.certificate.public_bytes(Encoding.DER))} for authority in theirs.authorities]
    document["verificationMaterial"]["x509CertificateChain"] = {"certificates": [first, *chain]}
    return put(document, ("mediaType",), "application/vnd.dev.sigstore.bundle+json;version=0.2")


def _named(certificate: x509.Certificate, shop: Workshop) -> x509.Certificate:
    """Return a certificate of this key with a subject, so that another can name it as its issuer."""
    subject = shop.authorities[0].certificate.subject
    builder = x509.CertificateBuilder().serial_number(1).subject_name(subject).issuer_name(subject)
    builder = builder.public_key(certificate.public_key()).not_valid_before(START)
    return builder.not_valid_after(START + timedelta(days=1)).sign(shop.authorities[0].key, hashes.SHA384())


def _with(bare: x509.Certificate, stolen: x509.ExtensionType, authority: Authority) -> x509.Certificate:
    """Return the certificate with one more extension, signed anew."""
    builder = (
        x509.CertificateBuilder()
        .serial_number(bare.serial_number)
        .subject_name(bare.subject)
        .issuer_name(bare.issuer)
        .public_key(bare.public_key())
        .not_valid_before(bare.not_valid_before_utc)
        .not_valid_after(bare.not_valid_after_utc)
    )
    for extension in bare.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.add_extension(stolen, critical=False).sign(authority.key, hashes.SHA384())
