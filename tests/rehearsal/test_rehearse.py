"""A rehearsal that goes well: what it tells, what it leaves, and who played which part."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sigstore.models import ClientTrustConfig

from tagseal.cli import main
from tagseal.loopback.github.state import ACTIONS_BOT
from tagseal.pipeline import VERBS

if TYPE_CHECKING:
    from rehearsing import Ended, Served

GOLDEN = Path(__file__).parents[1] / "golden/rehearsal.txt"
ROOT = "rehearsal_root.json"
LEFT = {"assets", "logs", "notes.md", "release.json", ROOT, "transcript.jsonl"}
SHAPE = (
    (r" [ 0-9]{2}[0-9]\.[0-9]s ", " …s "),
    (r"rehearsed in [0-9]+ s", "rehearsed in … s"),
    (r"(agree|is) on [0-9a-f]{7}", r"\1 on …"),
    (r"and this is [0-9a-f]{7}", "and this is …"),
    (r"[0-9.]+ (kB|bytes)", "… kB"),
    (r"sigstore [0-9.]+", "sigstore …"),
)


def shape(story: str) -> str:
    """Return a story without what differs from one run to the next."""
    for pattern, text in SHAPE:
        story = re.sub(pattern, text, story)
    return story


def test_the_story_is_told_line_by_line(standing_in: Ended) -> None:
    """The first glance decides: one line a step, then what is for ever, what is unchecked, and what comes next."""
    assert (standing_in.code, standing_in.errors) == (2, "")
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        GOLDEN.write_text(shape(standing_in.output))
    assert shape(standing_in.output) == GOLDEN.read_text()


def test_with_json_there_is_one_document_and_the_story_is_beside_it(served: Served) -> None:
    """Standard output is the document and nothing else; standard error is the story."""
    document = served.ended.document
    assert document["ok"]
    assert list(document["records"]) == [verb for verb in VERBS if verb != "guard"]
    assert document["jobs"] == [{"name": name, "exit": 0} for name in ("build", "seal", "publish", "witness")]
    assert (document["tag"], document["repository"], document["workflow"]) == (
        "v1.2.3",
        "example/widget",
        "release.yml",
    )
    assert [verdict["ok"] for verdict in document["attackers"]] == [True] * 4
    assert document["records"]["prove"]["attacks"]
    assert document["records"]["witness"]["public"]
    assert "\nREADY to be tagged, rehearsed in " in served.ended.errors
    assert "error" not in document


def test_it_leaves_the_release_and_how_it_came_about(served: Served) -> None:
    """Notes, assets, the release as the API shows it, its root of trust, the transcript, a log a job and build."""
    out = served.ended.out
    assert {path.name for path in out.iterdir()} == LEFT
    logs = {path.name for path in (out / "logs").iterdir()}
    jobs = ("build", "seal", "publish", "witness")
    summaries, of_jobs = ({f"{job}.{kind}" for job in jobs} for kind in ("md", "txt"))
    assert logs == {*of_jobs, *summaries, "build.log", "second-build.log"}
    assert all((out / "logs" / name).stat().st_size for name in logs)
    release = served.ended.release
    assert (release["draft"], release["tag_name"], release["author"]["login"]) == (False, "v1.2.3", ACTIONS_BOT)
    assert release["body"].startswith((out / "notes.md").read_text())
    digests = {one["name"]: one["digest"] for one in release["assets"]}
    assert digests == {
        path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in (out / "assets").iterdir()
    }
    assert len(digests) == 8


def verified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Verify, and return the exit code, the last line, and the slug of the error."""
    code = main(["verify", *arguments])
    captured = capsys.readouterr()
    slug = captured.err.rpartition("ERRORS.md#")[2].partition(" ")[0]
    return code, captured.out.splitlines()[-1] if captured.out else "", slug


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand outside of every rehearsal, with an empty home and no network."""
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "TAGSEAL_TRUST_CONFIG", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"http://127.0.0.1:{server.getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, gone)


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("name", ["served", "kitted", "standing_in"])
def test_the_assets_verify_afterwards_by_the_command_that_is_told(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The rehearsal is over and its services are gone: files, bundles and the root that is named are enough."""
    found = request.getfixturevalue(name)
    ended: Ended = found.ended if name == "served" else found
    story = ended.output if name == "standing_in" else ended.errors
    _, verb, *arguments = shlex.split(re.findall(r"Verify the assets: `(.*)`", story)[0])
    assert verb == "verify"
    arguments = [re.sub("^out/", lambda _: f"{ended.out}/", argument) for argument in arguments]
    names = {path.name for path in (ended.out / "assets").iterdir()}
    files = [name for name in names if not name.endswith(".sigstore.json")]
    code, line, _ = verified(capsys, *arguments)
    assert (code, line.partition(",")[0]) == (0, f"VERIFIED {len(files)} files")


@pytest.mark.usefixtures("outside")
def test_the_root_that_a_rehearsal_leaves_is_believed_by_nobody_who_does_not_name_it(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where it lies, not by the loopback's variable, not as a Sigstore instance to sign at."""
    out = served.ended.out
    monkeypatch.chdir(out)
    who = ("assets", "--repo", "example/widget", "--tag", "v1.2.3")
    assert verified(capsys, *who)[::2] == (4, "no-root-of-trust")
    assert verified(capsys, *who, "--offline")[::2] == (2, "offline-without-root")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("TAGSEAL_TRUST_CONFIG", str(out / ROOT))
    assert verified(capsys, *who)[::2] == (3, "trust-outside-loopback")
    with pytest.raises(ValueError, match="signingConfig"):
        ClientTrustConfig.from_json((out / ROOT).read_text())


def test_the_transcript_shows_production_names(served: Served) -> None:
    """Every request was made to the name that it is made to in production."""
    lines = (served.ended.out / "transcript.jsonl").read_text().splitlines()
    hosts = {json.loads(line)["host"] for line in lines}
    assert {"api.github.com", "uploads.github.com", "fulcio.sigstore.dev", "rekor.sigstore.dev"} <= hosts


def test_a_stand_in_is_called_one_wherever_it_is_named(standing_in: Ended) -> None:
    """Where tools are missing the rehearsal goes on without them, and says so in the story and in the records."""
    assert re.search(r"Played by: sigstore [0-9.]+; by a stand-in: gh, cosign, curl, sha256sum\n", standing_in.output)
    assert standing_in.published


def test_the_tools_of_this_machine_are_named_with_their_version(served: Served) -> None:
    """A report tells a real tool from a stand-in, and the records tell the same as the story."""
    tools = served.ended.document["tools"]
    records = served.ended.document["records"]
    by = {record["by"] for verb in ("prove", "witness") for record in records[verb]["commands"]}
    assert by == set(tools.values())
    assert all(found == "stand-in" or re.fullmatch(rf"{name} [0-9.]+", found) for name, found in tools.items())
