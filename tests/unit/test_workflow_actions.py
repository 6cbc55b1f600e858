"""Played actions do what their sources say, and let nothing through that is not meant to pass between jobs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from werkzeug import Request, Response

import packages
from tagseal.loopback.server import Server
from tagseal.workflow.document import parse
from tagseal.workflow.play import setup
from tagseal.workflow.play.action import StepCall, StepEffects, StepFailedError
from tagseal.workflow.play.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FILE = ".github/workflows/release.yml"
UPLOAD = "actions/upload-artifact"
DOWNLOAD = "actions/download-artifact"
PYTHON = "actions/setup-python"
LOCK = "widget==1.2.3 --hash=sha256:{}\n"
WHEEL = packages.wheel(packages.metadata())
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
RUN = "python -m pip install -q --require-hashes -r lock.txt"


@dataclass(slots=True, kw_only=True)
class Job:
    """A job of a run: folders of its own, and the run's."""

    folder: Path
    name: str = "one"
    lines: list[str] = field(default_factory=list)
    network: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, Path] = field(default_factory=dict)
    python: Path = field(init=False)
    """The interpreter's folder, the run's as well unless a test says otherwise."""

    def __post_init__(self) -> None:
        self.python = self.folder / "python"
        for path in (self.workspace, self.temp, self.artifacts, self.snapshots):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def workspace(self) -> Path:
        return self.folder / self.name / "checkout"

    @property
    def temp(self) -> Path:
        return self.folder / self.name / "temp"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    def checkout(self, folder: Path, *, whole: bool) -> None:
        (folder / "file.txt").write_text("whole" if whole else "one commit")

    def call(self, action: str = "", run: str = "", **inputs: str) -> StepCall:
        body = f"uses: {action}@v9" if action else f"run: {run}"
        workflow = parse(f"on: push\njobs:\n  a:\n    steps:\n      - {body}\n".encode(), FILE)
        return StepCall(
            step=workflow.jobs[0].steps[0],
            file=FILE,
            inputs={name.replace("_", "-"): value for name, value in inputs.items()},
            environ={"PATH": os.environ["PATH"], "GITHUB_TOKEN": "ghs_x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"},
            workspace=self.workspace,
            temp=self.temp,
            host=self,
            log=self.lines.append,
        )

    def play(self, action: str, **inputs: str) -> StepEffects:
        return ACTIONS[action].play(self.call(action, **inputs))

    def write(self, *names: str) -> None:
        for name in names:
            path = self.workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    def names(self, below: str = ".") -> list[str]:
        top = self.workspace / below
        return sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())


def packed(job: Job, name: str = "artifact") -> list[str]:
    with zipfile.ZipFile(job.artifacts / f"{name}.zip") as archive:
        return sorted(archive.namelist())


@pytest.mark.parametrize(
    ("path", "hidden", "expected"),
    [
        ("dist/", "false", ["a.txt", "deep/b.txt"]),
        ("dist/", "true", [".secret/c.txt", ".d.txt", "a.txt", "deep/b.txt"]),
        ("dist/*", "false", ["a.txt", "deep/b.txt"]),
        ("dist/**", "false", ["a.txt", "deep/b.txt"]),
        ("dist/deep/../a.txt", "false", ["a.txt"]),
        ("dist/.secret/c.txt", "false", ["c.txt"]),
        ("dist/.secret/", "true", ["c.txt"]),
        ("dist/a.txt\ndist/a.txt", "false", ["a.txt"]),
        ("dist/\ndist/deep/b.txt", "false", ["a.txt", "deep/b.txt"]),
        ("dist/deep/\nother/", "false", ["dist/deep/b.txt", "other/e.txt"]),
        ("dist/\n!dist/deep/\ndist/deep/b.txt", "false", ["a.txt", "deep/b.txt"]),
        ("**/*.txt\n!other/**", "false", ["dist/a.txt", "dist/deep/b.txt"]),
    ],
)
def test_which_files_an_upload_takes(tmp_path: Path, path: str, hidden: str, expected: list[str]) -> None:
    """The last pattern that fits decides, and names begin where the patterns part."""
    job = Job(folder=tmp_path)
    job.write("dist/a.txt", "dist/deep/b.txt", "dist/.secret/c.txt", "dist/.d.txt", "other/e.txt")
    job.play(UPLOAD, path=path, include_hidden_files=hidden)
    assert packed(job) == sorted(expected)


@pytest.mark.parametrize("path", ["dist/.secret/", "dist/.d.txt"])
def test_a_hidden_place_is_none_even_by_its_name(tmp_path: Path, path: str) -> None:
    """The search passes over whatever begins with a dot, the place where it starts included."""
    job = Job(folder=tmp_path)
    job.write("dist/.secret/c.txt", "dist/.d.txt")
    with pytest.raises(StepFailedError, match="No files were found"):
        job.play(UPLOAD, path=path, if_no_files_found="error")


def test_links_inside_are_followed_and_come_out_as_files(tmp_path: Path) -> None:
    """As the real action does: an artifact has no links; broken ones and circles end."""
    job = Job(folder=tmp_path)
    job.write("dist/a.txt", "other/b.txt")
    (job.workspace / "dist/file").symlink_to("a.txt")
    (job.workspace / "dist/folder").symlink_to("../other")
    (job.workspace / "dist/broken").symlink_to("nowhere")
    (job.workspace / "dist/circle").symlink_to(".")
    job.play(UPLOAD, path="dist/")
    assert packed(job) == ["a.txt", "file", "folder/b.txt"]
    job.play(DOWNLOAD, name="artifact", path="back")
    assert not any(path.is_symlink() for path in (job.workspace / "back").rglob("*"))


@pytest.mark.parametrize("path", ["../", "/etc/hostname", "dist/../../", "leads/", "leads/person.txt", "dist/", "*/"])
def test_nothing_outside_is_uploaded(tmp_path: Path, path: str) -> None:
    """What lies outside is the person's, and no runner's."""
    job = Job(folder=tmp_path)
    job.write("dist/a.txt")
    (tmp_path / "person.txt").write_text("theirs")
    (job.workspace / "leads").symlink_to(tmp_path)
    (job.workspace / "dist/link").symlink_to(tmp_path / "person.txt")
    with pytest.raises(StepFailedError, match="expected one inside the workspace"):
        job.play(UPLOAD, path=path)
    assert not any(job.artifacts.iterdir())


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"name": "a"}, ["a.txt"]),
        ({"pattern": "a"}, ["a.txt"]),
        ({"artifact_ids": "1"}, ["a.txt"]),
        ({"artifact_ids": "1, 2"}, ["a/a.txt", "b/b.txt"]),
        ({"pattern": "*"}, ["a/a.txt", "b/b.txt"]),
        ({}, ["a/a.txt", "b/b.txt"]),
        ({"merge_multiple": "true"}, ["a.txt", "b.txt"]),
        ({"pattern": "none*"}, []),
    ],
)
def test_where_a_download_goes(tmp_path: Path, inputs: dict[str, str], expected: list[str]) -> None:
    """One alone goes into the folder itself, even by a pattern; several into folders of their own."""
    job = Job(folder=tmp_path)
    job.write("made/a.txt", "made/b.txt")
    for name in ("a", "b"):
        job.play(UPLOAD, name=name, path=f"made/{name}.txt")
    job.play(DOWNLOAD, path="back", **inputs)
    assert job.names("back") == expected


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"name": "none"}, "Artifact not found for name: none"),
        ({"name": "a", "artifact_ids": "1"}, "cannot be used together"),
        ({"artifact_ids": "x"}, "Invalid artifact ID: 'x'"),
        ({"artifact_ids": "9"}, "None of the provided artifact IDs were found"),
        ({"name": "a", "path": ".."}, "expected one inside the workspace"),
        ({"name": "a", "path": "/etc"}, "expected one inside the workspace"),
        ({"name": "a", "path": "leads/x"}, "expected one inside the workspace"),
        ({"name": "a", "path": "holds"}, "expected one below the folder"),
        ({"name": "a", "merge_multiple": "perhaps"}, ""),
    ],
)
def test_a_download_that_fails(tmp_path: Path, inputs: dict[str, str], said: str) -> None:
    """It says what the real one says, and writes nothing outside, through no link either."""
    job = Job(folder=tmp_path)
    job.write("a.txt", "holds/x")
    job.play(UPLOAD, name="a", path="a.txt")
    (job.workspace / "leads").symlink_to(tmp_path)
    (job.workspace / "holds/a.txt").symlink_to(tmp_path / "theirs")
    before = sorted(tmp_path.iterdir())
    if said:
        with pytest.raises(StepFailedError, match=said):
            job.play(DOWNLOAD, **inputs)
    else:
        job.play(DOWNLOAD, **inputs)
    assert sorted(tmp_path.iterdir()) == before


def _told(job: Job, **changed: object) -> None:
    file = job.artifacts / "a.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def _rezipped(job: Job, *members: str) -> None:
    """Put another artifact there whose digest fits: somebody has both files in hand."""
    archive = job.artifacts / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for member in members:
            opened.writestr(member, "evil")
    _told(job, digest=hashlib.sha256(archive.read_bytes()).hexdigest())


def _linked(job: Job) -> None:
    archive = job.artifacts / "a.zip"
    archive.rename(job.folder / "elsewhere.zip")
    archive.symlink_to(job.folder / "elsewhere.zip")


def _flipped(job: Job) -> None:
    archive = job.artifacts / "a.zip"
    content = bytearray(archive.read_bytes())
    content[40] ^= 1
    archive.write_bytes(content)


def _longer(job: Job) -> None:
    archive = job.artifacts / "a.zip"
    archive.write_bytes(archive.read_bytes() + b"x")


ATTACKS: Mapping[str, Callable[[Job], object]] = {
    "a bit of the archive": _flipped,
    "a byte more": _longer,
    "the digest": lambda job: _told(job, digest="0" * 64),
    "a number that is none": lambda job: _told(job, id="x"),
    "a digest that is none": lambda job: _told(job, digest=None),
    "no digest": lambda job: (job.artifacts / "a.json").unlink(),
    "a digest that is no JSON": lambda job: (job.artifacts / "a.json").write_text("{"),
    "a digest that is a list": lambda job: (job.artifacts / "a.json").write_text("[]"),
    "another archive under its name": lambda job: (job.artifacts / "a.zip").write_bytes(b"PK"),
    "a link in its place": _linked,
    "a name above the folder": lambda job: _rezipped(job, "x.txt", "../evil"),
    "a name in the middle": lambda job: _rezipped(job, "x/../../evil"),
    "an absolute name": lambda job: _rezipped(job, "/evil"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_hand_over_that_was_changed_is_refused(tmp_path: Path, attack: Callable[[Job], object]) -> None:
    """Any file or field of it: the job fails and nothing is written outside the folder."""
    job = Job(folder=tmp_path)
    job.write("a.txt")
    job.play(UPLOAD, name="a", path="a.txt")
    attack(job)
    other = Job(folder=tmp_path, name="two")
    with pytest.raises(StepFailedError, match="Unable to download"):
        other.play(DOWNLOAD, name="a", path="dist")
    assert not list(tmp_path.rglob("evil"))
    assert "a.txt" not in other.names()


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("pip install --require-hashes --only-binary :all: --no-cache-dir -r lock.txt", "lock.txt"),
        ("pip install --require-hashes -r 'my lock.txt'", "my lock.txt"),
        ("pip install --require-hashes -r 'lock.txt", None),
        ("pip install --require-hashes -r --quiet", None),
        ("pip install --require-hashes --only-binary evil -r lock.txt", None),
        ("pip install --require-hashes --target x -r lock.txt", None),
        ("pip install --require-hashes -r lock.txt -r lock.txt", None),
        ("PIP_INDEX_URL=x pip install --require-hashes -r lock.txt", None),
        ("", None),
    ],
)
def test_set_up_in_other_words(run: str, expected: str | None) -> None:
    """A line that is not surely harmless gets no network, and none makes us fail."""
    assert setup.requirements_file(run) == expected


@pytest.mark.parametrize("place", ["../lock.txt", "/etc/hostname", "link.txt", "leads/lock.txt", "none.txt", "."])
def test_a_lock_that_is_not_the_checkouts_own_is_refused(tmp_path: Path, place: str) -> None:
    """Nor is what lies behind a link."""
    job = Job(folder=tmp_path)
    (tmp_path / "lock.txt").write_text("")
    (job.workspace / "leads").symlink_to(tmp_path)
    (job.workspace / "link.txt").symlink_to(tmp_path / "lock.txt")
    with pytest.raises(StepFailedError, match="expected a file of the checkout"):
        setup.install(job.call(run=RUN), place)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Make an interpreter: jobs that begin with its snapshot, at its place, get a copy of it."""
    job = Job(folder=tmp_path_factory.mktemp("made"))
    job.play(PYTHON, python_version=VERSION)
    return job


@pytest.fixture
def prepared(made: Job, tmp_path: Path) -> Callable[[str], Job]:
    """Return what gives a job of a run; its lock locks nothing: pip has nothing to fetch."""
    shutil.copytree(made.snapshots, tmp_path / "snapshots", symlinks=True)

    def prepare(name: str) -> Job:
        shutil.rmtree(made.python, ignore_errors=True)
        job = Job(folder=tmp_path, name=name)
        job.python = made.python
        job.play(PYTHON, python_version=VERSION)
        (job.workspace / "lock.txt").write_text("# nothing\n")
        return job

    return prepare


@pytest.fixture
def network() -> Iterator[dict[str, str]]:
    """Give the way to an index that has one wheel."""

    @Request.application
    def play(request: Request) -> Response:
        name = "widget-1.2.3-py3-none-any.whl"
        if request.path == "/simple/widget/":
            return Response(f'<a href="/{name}">{name}</a>', mimetype="text/html")
        return Response(WHEEL) if request.path == f"/{name}" else Response(status=404)

    server = Server(play)
    try:
        yield {"PIP_INDEX_URL": "http://{}:{}/simple/".format(*server.address)}
    finally:
        server.close()


@pytest.mark.system
def test_what_a_step_put_into_the_interpreter_reaches_no_other_job(prepared: Callable[[str], Job]) -> None:
    """Neither before set-up nor after: a snapshot is for those that begin alike."""
    first = prepared("one")
    (first.python / "evil").write_text("mine")
    setup.install(first.call(run=RUN), "lock.txt")
    second = prepared("two")
    setup.install(second.call(run=RUN), "lock.txt")
    assert not (second.python / "evil").exists()
    assert second.lines[-1].startswith("installed: 'lock.txt'")
    third = prepared("three")
    setup.install(third.call(run=RUN), "lock.txt")
    assert third.lines[-1].startswith("set up as for the job before: 'lock.txt'")


@pytest.mark.system
def test_a_snapshot_that_was_changed_is_refused(prepared: Callable[[str], Job], tmp_path: Path) -> None:
    """A job that got it would run what no lock names."""
    setup.install(prepared("one").call(run=RUN), "lock.txt")
    for tree in tmp_path.glob("snapshots/*/tree"):
        (tree / "evil").write_text("mine")
    with pytest.raises(StepFailedError, match="was changed since"):
        prepared("two")


@pytest.mark.system
@pytest.mark.sampled(1)
@pytest.mark.parametrize("changed", ["lock.txt", "nested.txt", "wheel-1-py3-none-any.whl"])
def test_a_changed_file_is_set_up_anew(prepared: Callable[[str], Job], changed: str) -> None:
    """The lock, what it takes in, and a wheel that lies in the checkout."""
    for name in ("one", "two"):
        job = prepared(name)
        job.write("wheel-1-py3-none-any.whl")
        (job.workspace / "nested.txt").write_text("# nothing\n")
        (job.workspace / "lock.txt").write_text("-r nested.txt\nwheel-1-py3-none-any.whl ; python_version < '3'\n")
        if name == "two":
            file = job.workspace / changed
            file.write_text(file.read_text() + "# more\n")
        setup.install(job.call(run=RUN), "lock.txt")
    assert job.lines[-1].startswith("installed: 'lock.txt'")


@pytest.mark.system
def test_a_locked_file_is_installed_once(prepared: Callable[[str], Job], network: Mapping[str, str]) -> None:
    """From the person's own index; the next job gets a copy at the same path instead."""
    for name in ("one", "two"):
        job = prepared(name)
        job.network = network
        (job.workspace / "lock.txt").write_text(LOCK.format(hashlib.sha256(WHEEL).hexdigest()))
        setup.install(job.call(run=RUN), "lock.txt")
        assert list(job.python.glob("lib/*/site-packages/widget.py"))
    assert job.lines[-1].startswith("set up as for the job before: 'lock.txt'")


@pytest.mark.system
def test_a_wrong_hash_is_refused(prepared: Callable[[str], Job], network: Mapping[str, str]) -> None:
    """Pip says which, nothing is installed and nothing is kept."""
    job = prepared("one")
    job.network = network
    (job.workspace / "lock.txt").write_text(LOCK.format("0" * 64))
    kept = sorted(job.snapshots.iterdir())
    with pytest.raises(StepFailedError, match="pip refused"):
        setup.install(job.call(run=RUN), "lock.txt")
    assert any("DO NOT MATCH THE HASHES" in line for line in job.lines), job.lines
    assert not list(job.python.glob("lib/*/site-packages/widget*"))
    assert sorted(job.snapshots.iterdir()) == kept


def test_an_installer_brings_what_the_rehearsal_has(tmp_path: Path) -> None:
    """Or fails; the version that was asked for is told."""
    job = Job(folder=tmp_path, tools={"cosign": tmp_path / "bin"})
    assert job.play("sigstore/cosign-installer", cosign_release="v3.0.0").path == (str(tmp_path / "bin"),)
    assert "v3.0.0" in job.lines[-1]
    with pytest.raises(StepFailedError, match="crane"):
        job.play("imjasonh/setup-crane")
