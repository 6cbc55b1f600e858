"""How faults are named, counted and set; what each does to a real client is in ``contract/test_loopback_faults``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tagseal.cli import main
from tagseal.errors import UsageError
from tagseal.loopback import Loopback
from tagseal.loopback.faults import FAULTS, Fault
from tagseal.rehearsal.faults import document, explain_all, faults_named, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import StartResponse

HOST = "example.test"


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    def fine(_: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with Loopback(folder=tmp_path_factory.mktemp("loopback"), hosts={HOST: fine}) as running:
        yield running


@pytest.fixture
def get(loopback: Loopback) -> Iterator[Callable[[str], int]]:
    """Return a function that asks for a path, and gives the status."""
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": loopback.door.url}
        session.verify = str(loopback.folder / "ca.pem")
        yield lambda path: session.get(f"https://{HOST}{path}").status_code


def test_a_fault_lets_some_pass_and_hits_some(loopback: Loopback, get: Callable[[str], int]) -> None:
    """``skip`` requests pass, ``count`` are hit, and then it is over; only those that match are counted."""
    loopback.faults.set([Fault(name="server-error", path="/hit", skip=2, count=2)])

    assert [get(path) for path in ("/hit", "/other", "/hit", "/other", "/hit", "/other", "/hit", "/hit")] == [
        *(200, 200, 200, 200),
        *(503, 200, 503, 200),
    ]


def test_faults_count_side_by_side(loopback: Loopback, get: Callable[[str], int]) -> None:
    """Each counts every request that it matches; of two whose turn it is the first hits, the other at the next."""
    first, second = Fault(name="server-error", skip=1), Fault(name="bad-gateway", skip=1)
    loopback.faults.set([first, second])

    assert [get("/") for _ in range(4)] == [200, 503, 502, 200]
    assert loopback.faults.hits == (first, second)
    assert loopback.faults.tally == ((first, 1), (second, 1))


def test_the_same_fault_twice_hits_twice(loopback: Loopback, get: Callable[[str], int]) -> None:
    """Two faults that are equal are two."""
    loopback.faults.set([Fault(name="server-error"), Fault(name="server-error")])

    assert [get("/") for _ in range(3)] == [503, 503, 200]


def test_what_became_of_each_fault_is_told(loopback: Loopback, get: Callable[[str], int]) -> None:
    """In the person's own words: how many requests it hit, and that one which hit none has shown nothing."""
    asked = ("server-error,path=/b", "bad-gateway,path=/a,count=2", "limit-429", "server-error,path=/c,count=3")
    loopback.faults.set(faults_named(asked))
    for path in ("/a", "/a", "/b", "/c", "/c"):
        get(path)

    assert [str(outcome) for outcome in outcomes(asked, loopback.faults)] == [
        "fault:   server-error,path=/b hit 1 request",
        "fault:   bad-gateway,path=/a,count=2 hit 2 requests",
        "note:    the fault limit-429 hit no request: this run says nothing about it",
        "fault:   server-error,path=/c,count=3 hit 2 requests of up to 3",
    ]


def test_a_new_schedule_forgets_the_old_one(loopback: Loopback, get: Callable[[str], int]) -> None:
    """What was set before hits no more, and what has hit is forgotten."""
    loopback.faults.set([Fault(name="server-error", count=5)])
    get("/")
    loopback.faults.set([])

    assert get("/") == 200
    assert loopback.faults.hits == ()


def test_a_fault_keeps_to_where_it_can_happen(loopback: Loopback, get: Callable[[str], int]) -> None:
    """A limit of GitHub's hits no other host, whatever the patterns say."""
    loopback.faults.set([Fault(name="limit-429")])

    assert get("/") == 200
    assert loopback.faults.hits == ()


def test_a_fault_is_described_in_one_word_or_more() -> None:
    """Name, host, method, path, skip and count, in any order."""
    assert faults_named(["slow", "drop-after,count=2,host=a.b,skip=1,path=/x=y,method=GET|PUT"]) == (
        Fault(name="slow"),
        Fault(name="drop-after", host="a.b", method="GET|PUT", path="/x=y", skip=1, count=2),
    )


@pytest.mark.parametrize(
    ("description", "slug", "what"),
    [
        ("drop-affter", "unknown-fault", "got the fault 'drop-affter', expected drop-after"),
        ("gremlins", "unknown-fault", "got the fault 'gremlins', expected a name of the list"),
        (
            "slow,path=*",
            "unknown-fault",
            "got the fault slow at '*', expected a regular expression: nothing to repeat at position 0",
        ),
        ("slow,count=0", "unknown-fault", "got the fault slow with skip=0 and count=0, expected 0 and 1 at least"),
        ("slow,count=two", "malformed-fault", None),
        ("slow,skip=-1", "malformed-fault", None),
        ("slow,hots=a", "malformed-fault", None),
        ("slow,", "malformed-fault", None),
        ("slow,count=1,count=2", "malformed-fault", None),
    ],
)
def test_a_bad_description_is_refused(description: str, slug: str, what: str | None) -> None:
    """Nothing runs with a fault that would not hit what the person meant."""
    with pytest.raises(UsageError) as refusal:
        faults_named([description])

    expected = "NAME[,host=REGEX][,method=REGEX][,path=REGEX][,skip=N][,count=N]"
    assert refusal.value.slug == slug
    assert refusal.value.what == (what or f"got the fault '{description}', expected {expected}")


@pytest.mark.parametrize("command", ["rehearse", "loopback"])
def test_the_list_explains_every_fault(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--fault list`` needs no project and no command, and ends with 0."""
    assert main([command, "--fault", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line for line in lines if not line.startswith(" ")] == list(FAULTS)
    assert lines == list(explain_all())
    assert max(map(len, lines)) <= 80


def test_every_fault_has_a_report() -> None:
    """``OWNER/REPO#NUMBER`` and what it tells, without a full stop; what happens is a sentence."""
    for name, kind in FAULTS.items():
        thread, _, tells = kind.report.partition(": ")
        assert thread.count("/") == thread.count("#") == 1, name
        assert tells
        assert not tells.endswith(".")
        assert kind.happens.endswith(".")
    assert document()["slow"] == {"happens": FAULTS["slow"].happens, "report": FAULTS["slow"].report}


@pytest.mark.system
def test_a_loopback_without_a_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Without ``--fault list`` there is nothing to do without a command."""
    assert main(["loopback"]) == 2
    assert "no-command" in "".join(capsys.readouterr())
