"""Timestamps in a bundle: each of them holds, or the bundle does not; the real tools are content with one source."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import policy

from instance import COMMIT, IDENTITY, RUN, Instance, instance
from tagseal.loopback.sigstore.timestamp import TimestampAuthority
from tagseal.records import ISSUER
from tagseal.services.sigstore import Sigstore
from tagseal.verification.images import attached
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import MOST, VerifierWithRoot
from tagseal.verification.verify import verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIGEST = sha256(b"a wheel").hexdigest()
IMAGE = "ghcr.io/octo/widget"
NOW = datetime.now(UTC)
LAX = policy.Identity(identity=IDENTITY.uri, issuer=ISSUER)


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class Case:
    """A bundle and a root of trust, each as JSON that can be changed."""

    played: Instance
    bundle: dict[str, Any]
    config: dict[str, Any]
    signature: bytes = field(default=b"")

    @classmethod
    def signed(cls, played: Instance, log: str = "v1") -> Case:
        bundle = json.loads(played.sign({"it": DIGEST}, log=log)["it"])  # type: ignore[arg-type]  # a version
        signature = b64decode(bundle["messageSignature"]["signature"])
        return cls(played=played, bundle=bundle, config=json.loads(played.trust_config), signature=signature)

    @property
    def stamps(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.bundle["verificationMaterial"]["timestampVerificationData"][
            "rfc3161Timestamps"
        ]
        return found

    @property
    def authorities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.config["trustedRoot"]["timestampAuthorities"]
        return found

    def add(self, *responses: bytes) -> None:
        self.stamps.extend({"signedTimestamp": b64encode(response).decode()} for response in responses)

    def trust(self, authority: TimestampAuthority) -> None:
        """Let the root of trust hold another authority."""
        self.authorities.append(trusted(self.played, authority))

    def verifier(self) -> VerifierWithRoot:
        return VerifierWithRoot(Sigstore(origin="a test", document=json.dumps(self.config)).trusted_root)

    def ours(self) -> str:
        """Return the reason of our refusal, empty where we accept."""
        bundle = json.dumps(self.bundle).encode()
        verdict = verify_digest("it", DIGEST, bundle, Exact(IDENTITY, COMMIT), self.verifier()).verdict
        return "" if verdict.ok else verdict.detail

    def theirs(self) -> str:
        """Return the reason of sigstore-python's."""
        root = ClientTrustConfig.from_json(json.dumps(self.config)).trusted_root
        try:
            parsed = Bundle.from_json(json.dumps(self.bundle))
            VerifierWithRoot(root).verify_artifact(b"a wheel", parsed, LAX)
        except (VerificationError, ValueError) as error:
            return str(error) or type(error).__name__
        return ""


def trusted(played: Instance, authority: TimestampAuthority) -> dict[str, Any]:
    """Return an authority in a trusted root's form."""
    told: dict[str, Any] = json.loads(played.trusted_root)["timestampAuthorities"][0]
    chain = [{"rawBytes": b64encode(one.public_bytes(Encoding.DER)).decode()} for one in authority.chain]
    return told | {"uri": "https://other.example.org/api/v1/timestamp", "certChain": {"certificates": chain}}


def another_message(case: Case) -> None:
    case.add(case.played.timestamps.stamp(b"another message"))


def another_bundle(case: Case) -> None:
    case.add(b64decode(Case.signed(case.played).stamps[0]["signedTimestamp"]))


def unknown_authority(case: Case) -> None:
    case.add(TimestampAuthority().stamp(case.signature))


def before_the_authority(case: Case) -> None:
    case.authorities[0]["validFor"] = {"start": f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}


def after_the_authority(case: Case) -> None:
    case.authorities[0]["validFor"]["end"] = f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


def no_authority(case: Case) -> None:
    del case.config["trustedRoot"]["timestampAuthorities"]


def an_authority_without_a_root(case: Case) -> None:
    del case.authorities[0]["certChain"]["certificates"][1:]


def another_root(case: Case) -> None:
    case.authorities[:] = [trusted(case.played, TimestampAuthority())]


def before_its_own_certificate(case: Case) -> None:
    case.authorities[0]["validFor"] = {"start": "2001-01-01T00:00:00Z"}
    case.add(case.played.timestamps.stamp(case.signature, NOW - timedelta(days=400)))


ACCEPTED_BY_SIGSTORE = [
    pytest.param(another_message, "Mismatch between messages", id="another message"),
    pytest.param(another_bundle, "Mismatch between messages", id="another bundle's"),
    pytest.param(unknown_authority, "Error while verifying certificates", id="an unknown authority"),
    pytest.param(before_the_authority, "an authority that is trusted from", id="before the authority"),
    pytest.param(after_the_authority, "an authority that is trusted from", id="after the authority"),
    pytest.param(an_authority_without_a_root, "an authority without a root", id="an authority without a root"),
    pytest.param(another_root, "Error while verifying certificates", id="another root"),
    pytest.param(before_its_own_certificate, "Error while verifying certificates", id="before its own certificate"),
]


@pytest.mark.parametrize(("change", "reason"), ACCEPTED_BY_SIGSTORE)
def test_one_timestamp_that_does_not_hold_refuses_the_bundle(
    played: Instance, change: Callable[[Case], None], reason: str
) -> None:
    """Beside a promise that holds, sigstore looks past it; here every time in a bundle is somebody's word."""
    case = Case.signed(played)
    change(case)
    assert case.theirs() == ""
    said = case.ours()
    assert "that does not hold, expected every one to be over this signature and by a trusted authority" in said
    assert reason in said


def garbage(case: Case) -> None:
    case.add(b"garbage")


def cut(case: Case) -> None:
    case.add(case.played.timestamps.stamp(case.signature)[:-20])


def nothing(case: Case) -> None:
    case.add(b"")


def the_same_twice(case: Case) -> None:
    case.stamps.extend(case.stamps)


def too_many(case: Case) -> None:
    case.add(*(case.played.timestamps.stamp(case.signature) for _ in range(MOST)))


REFUSED_BY_SIGSTORE = [
    pytest.param(no_authority, "the root of trust has no timestamp authority", id="no authority"),
    pytest.param(garbage, "Invalid Timestamp Response", id="garbage"),
    pytest.param(cut, "Invalid Timestamp Response", id="cut"),
    pytest.param(nothing, "Invalid Timestamp Response", id="nothing"),
    pytest.param(the_same_twice, "got the same timestamp twice, expected each once", id="the same twice"),
    pytest.param(too_many, "got 33 timestamps, expected at most 32", id="too many"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED_BY_SIGSTORE)
def test_what_sigstore_refuses_is_refused_here(played: Instance, change: Callable[[Case], None], reason: str) -> None:
    """Where the library looks, we agree."""
    case = Case.signed(played)
    change(case)
    assert case.theirs() != ""
    assert reason in case.ours()


def one(_case: Case) -> None:
    """Leave the bundle as it was signed."""


def two_of_one_authority(case: Case) -> None:
    case.add(case.played.timestamps.stamp(case.signature))


def two_of_two_authorities(case: Case) -> None:
    other = TimestampAuthority()
    case.trust(other)
    case.add(other.stamp(case.signature))


def none_beside_a_promise(case: Case) -> None:
    del case.bundle["verificationMaterial"]["timestampVerificationData"]


@pytest.mark.parametrize("change", [one, two_of_one_authority, two_of_two_authorities, none_beside_a_promise])
def test_timestamps_that_hold_are_accepted(played: Instance, change: Callable[[Case], None]) -> None:
    """One, several, or none where the log promises."""
    case = Case.signed(played)
    change(case)
    assert (case.theirs(), case.ours()) == ("", "")


@pytest.mark.parametrize("change", [one, two_of_one_authority, two_of_two_authorities])
def test_timestamps_that_hold_are_accepted_in_the_second_version(
    played: Instance, change: Callable[[Case], None]
) -> None:
    """There they alone tell the time."""
    case = Case.signed(played, "v2")
    change(case)
    assert (case.theirs(), case.ours()) == ("", "")


@pytest.mark.parametrize("change", [one_ for one_, *_ in (p.values for p in ACCEPTED_BY_SIGSTORE)])
def test_the_second_version_is_no_more_lenient(played: Instance, change: Callable[[Case], None]) -> None:
    """A timestamp that does not hold refuses a bundle of the second version as well."""
    case = Case.signed(played, "v2")
    change(case)
    assert "that does not hold" in case.ours()


def test_the_second_version_without_a_timestamp_is_refused(played: Instance) -> None:
    """Nobody tells the time: not the log, and no authority."""
    case = Case.signed(played, "v2")
    none_beside_a_promise(case)
    assert "must contain an inclusion promise or signed timestamp(s)" in case.ours()


def test_a_timestamp_outside_the_certificates_time_is_refused(played: Instance) -> None:
    """A time that an authority vouches for, and at which the signing certificate was over."""
    case = Case.signed(played)
    case.add(played.timestamps.stamp(case.signature, datetime.now(UTC) + timedelta(hours=1)))
    assert "certificate" in case.ours()


@pytest.mark.parametrize("change", [one, another_message, unknown_authority])
def test_an_images_bundle_is_held_to_the_same(played: Instance, change: Callable[[Case], None]) -> None:
    """An envelope's timestamps are over its signature."""
    bundles: dict[str, bytes] = {}
    wanted = {"image": attached.statement(IMAGE, DIGEST)}
    played.sigstore.sign(wanted, lambda: played.issuer.mint(RUN, "sigstore"), bundles.__setitem__)
    bundle = json.loads(bundles["image"])
    signature = b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    case = Case(played=played, bundle=bundle, config=json.loads(played.trust_config), signature=signature)
    change(case)
    exact, changed = Exact(IDENTITY, COMMIT), json.dumps(case.bundle).encode()
    verdict = attached.verify_attached(changed, IMAGE, DIGEST, exact, case.verifier()).verdict
    assert verdict.ok == (change is one)
    assert verdict.ok != ("that does not hold" in verdict.detail)
