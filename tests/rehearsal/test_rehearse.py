"""A rehearsal that goes well: what it tells, what it leaves, and who played which part."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.loopback.github.state import ACTIONS_BOT
from tagseal.pipeline import VERBS

if TYPE_CHECKING:
    from rehearsing import Ended, Served

GOLDEN = Path(__file__).parents[1] / "golden/rehearsal.txt"
LEFT = {"assets", "logs", "notes.md", "release.json", "transcript.jsonl"}
SHAPE = (
    (r" [ 0-9]{2}[0-9]\.[0-9]s ", " …s "),
    (r"rehearsed in [0-9]+ s", "rehearsed in … s"),
    (r"agree on [0-9a-f]{7}", "agree on …"),
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
    """Notes, assets, the release as the API shows it, the transcript, and a log for each job and build."""
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
