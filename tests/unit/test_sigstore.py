"""Signing while something fails: a certificate that ends, a log that is down, a service that never answers."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256
from typing import TYPE_CHECKING, Self

import pytest
from sigstore.models import Bundle
from werkzeug import Response

from instance import COMMIT, IDENTITY, RUN, Front, Instance, instance, moved
from tagseal.errors import Busy, ServiceError, UsageError
from tagseal.loopback.actions import Issuer
from tagseal.services.retry import Retry
from tagseal.services.sigstore import THREADS, Sigstore
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.sigstore.trust import Log

pytestmark = pytest.mark.system

MANY = 100
TRIES = 3
"""What ``conftest.quick`` allows; the pause that would follow the last is told as well."""
DOWN = Response("down", 503)
LOG_OF: dict[str, Log] = {"tiles": "v2"}
SERVICES = ("fulcio", "rekor", "tiles", "timestamps")


@dataclass
class Signing:
    """One job that signs: what was handed on, how often it asked for a token, and every pause."""

    played: Instance
    done: dict[str, bytes] = field(default_factory=dict)
    pauses: list[tuple[str, float]] = field(default_factory=list)
    tokens: int = 0

    def token(self) -> str:
        self.tokens += 1
        return self.played.issuer.mint(RUN, "sigstore", lifetime=300)

    def finished(self, name: str, bundle: bytes) -> None:
        assert name not in self.done
        self.done[name] = bundle

    def sign(self, count: int, *, patience: float = 600, token: Callable[[], str] | None = None) -> None:
        """Sign what of ``count`` artifacts has no bundle yet."""
        retry = Retry(patience=patience, waiting=lambda *pause: self.pauses.append(pause))
        rest = {name: digest for name, digest in digests(count).items() if name not in self.done}
        replace(self.played.sigstore, retry=retry).sign(rest, token or self.token, self.finished)

    def verified(self, count: int) -> bool:
        """Tell whether each of ``count`` artifacts has a bundle that verifies."""
        exact, trust = Exact(IDENTITY, COMMIT), VerifierWithRoot(self.played.sigstore.trusted_root)
        outcomes = [
            verify_digest(name, digest, self.done[name], exact, trust) for name, digest in digests(count).items()
        ]
        return all(outcome.verdict.ok for outcome in outcomes)


def digests(count: int) -> dict[str, str]:
    return {f"artifact-{number}": sha256(str(number).encode()).hexdigest() for number in range(count)}


def gone() -> str:
    """Return an address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


class Clock(datetime):
    """What our own look at a certificate's end goes by."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.ahead


class Ending(Front):
    """Lets the first certificate end when the log has been asked so often; the second is issued after that."""

    def __init__(self, patch: pytest.MonkeyPatch, fulcio: Front, entries: int) -> None:
        super().__init__()
        self._patch = patch
        self._fulcio = fulcio
        self._entries = entries

    def of(self, application: WSGIApplication) -> WSGIApplication:
        front = super().of(application)

        def play(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            over = self.asked >= self._entries and self._fulcio.asked == 1
            self._patch.setattr(Clock, "ahead", timedelta(days=over))
            return front(environ, start_response)

        return play


def test_a_certificate_that_ends_half_way_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything ends signed, each artifact once, without a pause and without patience."""
    monkeypatch.setattr("tagseal.services.sigstore.datetime", Clock)
    fulcio = Front()
    with instance({"fulcio": fulcio, "rekor": Ending(monkeypatch, fulcio, 2 * THREADS)}) as played:
        job = Signing(played)
        job.sign(64, patience=0)
        assert job.verified(64)
        made = {Bundle.from_json(one).signing_certificate.serial_number for one in job.done.values()}
        assert (len(made), job.tokens, job.pauses) == (2, 2, [])


def test_a_certificate_that_is_over_at_once_does_not_go_on_for_ever() -> None:
    """Certificates that sign nothing are bounded by the patience, and the error names the clock."""
    with instance(certificate_lifetime=0) as played:
        job = Signing(played)
        with pytest.raises(Busy, match="got a certificate that was over before anything was signed") as caught:
            job.sign(20)
        assert (job.tokens, job.done, len(job.pauses)) == (TRIES, {}, TRIES)
        assert "clock" in caught.value.hint


def test_a_signature_that_came_too_late_for_its_certificate_is_made_again() -> None:
    """A log that takes longer than the certificate lives gives entries of no use: they are not handed on."""
    with instance({"rekor": Front(seconds=1.1)}, certificate_lifetime=1) as played:
        job = Signing(played)
        with pytest.raises(Busy):
            job.sign(2, patience=0)
        assert job.done == {}


def test_a_token_that_is_over_when_fulcio_gets_it_is_renewed() -> None:
    """Fulcio's 400 for a token that ended on the way is answered with another token."""
    over = Response("There was an error processing the identity token", 400)
    with instance({"fulcio": Front(over)}) as played:
        job = Signing(played)
        job.sign(3, patience=0)
        assert job.verified(3)
        assert job.tokens == 2


def test_tokens_that_fulcio_refuses_are_no_reason_to_wait() -> None:
    """A refusal of the second token as well stands at once, in Fulcio's words."""
    front = Front()
    with instance({"fulcio": front}) as played:
        job = Signing(played)
        with pytest.raises(ServiceError, match="Sigstore failed: could not get a signing certificate") as caught:
            job.sign(3, token=lambda: Issuer().mint(RUN, "sigstore"))
        assert not isinstance(caught.value, Busy)
        assert "There was an error processing the identity token" in caught.value.context[-1]
        assert (front.asked, job.pauses) == (2, [])


@pytest.mark.parametrize("age", [3600, -3600], ids=["a clock that is ahead", "a clock that is behind"])
def test_a_wrong_clock_is_named(age: int) -> None:
    """A token that is over, or not good yet, when it arrives is a reading of another clock: Fulcio is not asked."""
    front = Front()
    with instance({"fulcio": front}) as played:
        job = Signing(played)
        with pytest.raises(UsageError, match=r"made at .* UTC, expected this machine's time, .* UTC") as caught:
            job.sign(1, token=lambda: played.issuer.mint(RUN, "sigstore", age=age))
        assert caught.value.hint.startswith("Set this machine's clock")
        assert (front.asked, job.pauses) == (0, [])


def test_an_entry_that_the_log_has_is_signed_again_alone() -> None:
    """A 409 costs one more signature of that artifact, and no pause."""
    front = Front(None, Response('{"code": 409, "message": "an equivalent entry already exists"}', 409))
    with instance({"rekor": front}) as played:
        job = Signing(played)
        job.sign(20)
        assert job.verified(20)
        assert (front.asked, job.tokens, job.pauses) == (21, 1, [])


def test_a_log_that_always_conflicts_ends() -> None:
    """A second 409 in a row counts as a failure that may pass, which the patience bounds."""
    with instance({"rekor": Front(then=Response("{}", 409))}) as played:
        job = Signing(played)
        with pytest.raises(Busy):
            job.sign(1)
        assert job.tokens == TRIES


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Response("no", 500), id="500"),
        pytest.param(Response("no", 502), id="502"),
        pytest.param(Response("no", 429), id="429"),
        pytest.param(Response("<html>", 200), id="a page"),
        pytest.param(Response("{", 201, content_type="application/json"), id="cut"),
    ],
)
def test_a_failure_that_passes_is_waited_for(service: str, answer: Response) -> None:
    """A service failing twice costs two pauses; then everything is signed."""
    with instance({service: Front(answer, answer)}, log=LOG_OF.get(service, "v1")) as played:
        job = Signing(played)
        job.sign(1)
        assert job.verified(1)
        assert len(job.pauses) == 2


@pytest.mark.parametrize("service", SERVICES)
def test_a_pause_that_the_service_names_is_kept(service: str) -> None:
    """``Retry-After`` says how long the pause is."""
    with instance(
        {service: Front(Response("slow down", 429, {"Retry-After": "7"}))}, log=LOG_OF.get(service, "v1")
    ) as played:
        job = Signing(played)
        job.sign(1)
        assert [seconds for _, seconds in job.pauses] == [7]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_stands_at_once(service: str, status: int) -> None:
    """A request that was refused is not repeated, and the service's words are shown."""
    front = Front(then=Response("why not", status))
    with instance({service: front}, log=LOG_OF.get(service, "v1")) as played:
        job = Signing(played)
        with pytest.raises(ServiceError) as caught:
            job.sign(1)
        assert not isinstance(caught.value, Busy)
        assert f"the service said: {status} why not" in caught.value.context
        assert (front.asked, job.pauses) == (2 if (service, status) == ("fulcio", 400) else 1, [])


def test_no_entry_is_made_that_nobody_tells_the_time_of() -> None:
    """The library signs on without a timestamp; here an authority that is down is waited for, before the log."""
    with instance({"timestamps": Front(then=DOWN)}, log="v2") as played:
        job = Signing(played)
        with pytest.raises(Busy) as caught:
            job.sign(1)
        assert (len(job.pauses), job.done, len(played.tiles.log) - 1) == (TRIES, {}, 0)
        assert "the service said: 503 down" in caught.value.context


def test_a_dead_log_costs_one_patience_however_many_artifacts() -> None:
    """100 artifacts and 16 threads: one pause for all of them, and in each try no more requests than threads."""
    front = Front(then=DOWN)
    with instance({"rekor": front}) as played:
        job = Signing(played)
        with pytest.raises(Busy, match="Sigstore is busy or out of reach: could not sign artifact-") as caught:
            job.sign(MANY)
        assert (job.tokens, len(job.pauses), job.done) == (TRIES, TRIES, {})
        assert front.asked <= TRIES * THREADS
        assert "the service said: 503 down" in caught.value.context


def test_what_was_finished_is_kept_and_the_next_run_signs_the_rest() -> None:
    """A log that goes down half way loses nothing: each entry that it took is a bundle that was handed on."""
    with instance({"rekor": Front(*[None] * 40, then=DOWN)}) as played:
        job = Signing(played)
        with pytest.raises(Busy):
            job.sign(MANY)
        assert len(job.done) == 40
    with instance() as again:
        rest = Signing(again, done=dict.fromkeys(job.done, b""))
        rest.sign(MANY)
        assert len(again.rekor.log) - 1 == MANY - 40


def test_the_patience_begins_anew_with_each_bundle() -> None:
    """A log that fails every other time is not given up, and is left alone for one pause after each failed round."""
    with instance({"rekor": Front(*[None, DOWN] * 50)}) as played:
        job = Signing(played)
        job.sign(50)
        assert job.verified(50)
        assert len(played.rekor.log) - 1 == 50
        assert len(job.pauses) == job.tokens - 1 > TRIES


def test_a_service_out_of_reach_may_come_back() -> None:
    """A refused connection is a failure that may pass."""
    with instance() as played:
        played.sigstore = replace(played.sigstore, document=moved(played.trust_config, "rekorTlogUrls", gone()))
        with pytest.raises(Busy):
            Signing(played).sign(1)


def test_an_interrupt_ends_the_round() -> None:
    """Ctrl-C in a thread is not a failure that passes."""

    def interrupted(_name: str, _bundle: bytes) -> None:
        raise KeyboardInterrupt

    with instance() as played, pytest.raises(KeyboardInterrupt):
        replace(played.sigstore, retry=Retry(patience=600)).sign(digests(3), Signing(played).token, interrupted)


def test_a_root_of_trust_out_of_reach_may_come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The public instance's trust comes by TUF, which is waited for like everything else."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, gone())
    pauses: list[float] = []
    retry = Retry(patience=600, waiting=lambda _what, seconds: pauses.append(seconds))
    with pytest.raises(Busy, match="could not load the root of trust"):
        _ = VerifierWithRoot(Sigstore.from_environ({}, loopback=False, retry=retry).trusted_root)
    assert len(pauses) == TRIES
