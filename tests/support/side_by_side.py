"""The same faults through gh, as maintainers' scripts call it, and through this tool: what each ends with.

``python tests/support/side_by_side.py`` prints the table of ``.github/DESIGN.md``; every cell is what two runs did,
the second being the same command once more. It needs gh.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.rehearsal import environment
from tagseal.rehearsal.jobs import JOBS
from torturing.world import NAME, TAG, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.loopback.github.state import PlayedRelease, PlayedRepository

_WHERE = {
    "draft": (r"api\.github\.com", "POST", r".*/releases"),
    "upload": (r"uploads\.github\.com", "POST", ".*"),
    "publish": (r"api\.github\.com", "PATCH", r".*/releases/\d+"),
}
"""What the fault hits: host, method and path of a request that creates the draft, sends a file, or publishes."""


def _fault(what: str, name: str, skip: int = 0) -> Fault:
    host, method, path = _WHERE[what]
    return Fault(name=name, host=host, method=method, path=path, skip=skip)


def _rows(what: str, *names: str, skip: int = 0) -> dict[str, tuple[Fault, ...]]:
    return {f"{what}: `{name}`": (_fault(what, name, skip),) for name in names}


_LOST = ("drop-before", "drop-after", "body-cut", "server-error", "bad-gateway")
ROWS: Mapping[str, tuple[Fault, ...]] = {
    "nothing": (),
    **_rows("draft", *_LOST, "draft-twice", "listing-lags", "tag-burnt", "kill-before", "kill-after"),
    **_rows("upload", *_LOST, "starter", "limit-403", "limit-429-after", "digest-wrong", "name-rewritten", skip=1),
    **_rows("upload", "asset-added", "draft-edited", "tag-moved", "kill-before", "kill-within", "kill-after", skip=1),
    **_rows("upload", "asset-deleted", skip=5),
    **_rows("publish", *_LOST, "kill-before", "kill-after", "immutable", "asset-deleted"),
    "upload: `immutable`, publish: `drop-after`": (_fault("upload", "immutable", 1), _fault("publish", "drop-after")),
}

NOT_MET, TRIES = "not met", 10
VERSION = ("gh", "--version")
OURS = "`tagseal`"
SCRIPTS = {
    "`gh release create`": """
gh release create "$TAG" --draft --title "$TAG" --notes-file notes.md files/*
gh release edit "$TAG" --draft=false
""",
    "`gh release upload --clobber`": """
gh release view "$TAG" || gh release create "$TAG" --draft --title "$TAG" --notes-file notes.md
gh release upload "$TAG" files/* --clobber
gh release edit "$TAG" --draft=false
""",
}
"""Scripts as maintainers write them, the second as the careful do."""


class Script:
    """Commands of gh in a shell, with the files and the notes beside them."""

    def __init__(self, script: str, loopback: Loopback, folder: Path) -> None:
        """Write the files."""
        self._argv = ("bash", "-euc", script)
        self._loopback = loopback
        self._folder = folder
        (folder / "files").mkdir(parents=True)
        for name in ("widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz", "SHA256SUMS"):
            for file in (name, f"{name}.sigstore.json"):
                (folder / "files" / file).write_text(f"the bytes of {file}\n")
        (folder / "notes.md").write_text("- A widget that turns.\n")
        self._environ = {
            "PATH": os.environ["PATH"],
            **environment.private_home(folder),
            **loopback.environment(),
            "TAG": TAG,
            "GH_REPO": NAME,
            "GH_TOKEN": loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=NAME),
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
        }

    def run(self) -> int:
        """Run the script; return its exit code, negative for the signal that ended it."""
        with subprocess.Popen(
            self._argv,
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as child:
            self._loopback.faults.kill = lambda: os.killpg(child.pid, signal.SIGKILL)
            return child.wait()

    def files(self) -> dict[str, str]:
        """Return the sha256 of every file that is to be released."""
        return _digests(self._folder / "files")


class Jobs:
    """The jobs ``seal`` and ``publish``; one that failed is run again on another machine."""

    def __init__(self, world: World, loopback: Loopback, repository: PlayedRepository, folder: Path) -> None:
        """Begin with what the build handed over."""
        self._world = world
        self._stage = world.stage(world.creates, loopback, repository)
        self._folder = folder
        folder.mkdir()
        self._handed = [world.creates.builds[0]]
        self._machines = 0
        loopback.faults.kill = world.kill

    def run(self) -> int:
        """Run the jobs that are left; return the exit code of the first that fails."""
        for job in JOBS[len(self._handed) : 3]:
            self._machines += 1
            machine = self._world.machine(self._world.creates, self._folder / f"machine-{self._machines}")
            machine.receive(self._handed[-1])
            code = self._world.play(job, self._stage, machine, records=self._handed[-1].records)
            if code != 0:
                return code
            self._handed.append(self._world.handed_over(machine, self._folder / job.name))
        return 0

    def files(self) -> dict[str, str]:
        """Return the sha256 of every file that is to be released."""
        work = self._handed[-1].folder
        return {
            name: digest for kind in ("packages", "assets", "bundles") for name, digest in _digests(work / kind).items()
        }


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*")}


def ended(repository: PlayedRepository, files: Mapping[str, str]) -> list[str]:
    """Tell what there is of the release in the end, held against the files that it should have."""
    releases = [release for release in repository.releases if release.tag_name == TAG]
    told = [_public(release, files) for release in releases if not release.draft] or ["not published"]
    drafts = sum(release.draft for release in releases)
    return [*told, f"{drafts} draft{'s' * (drafts > 1)} left"] if drafts else told


def _public(release: PlayedRelease, files: Mapping[str, str]) -> str:
    there = {
        asset.name: hashlib.sha256(asset.path.read_bytes()).hexdigest() for asset in release.assets if asset.sha256
    }
    odd = []
    if files.keys() - there.keys():
        odd.append("a file missing")
    if {asset.name for asset in release.assets} - files.keys():
        odd.append("a file nobody planned")
    if any(there.get(name, digest) != digest for name, digest in files.items()):
        odd.append("other bytes")
    return f"**published, {', '.join(odd)}**" if odd else "published, whole"


def cell(world: World, faults: Sequence[Fault], column: str) -> str:
    """Play one release until its faults have come: with all files sent at once, none need be finished to be deleted."""
    told = (played(world, faults, column) for _ in range(TRIES))
    return next((one for one in told if one != NOT_MET), NOT_MET)


def played(world: World, faults: Sequence[Fault], column: str) -> str:
    """Play one release: one run, and where that failed the same once more, when nothing goes wrong any longer."""
    commit = world.creates.commit  # built in a loopback of its own, when it is first asked for
    shutil.rmtree(world.loopback_folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=world.folder) as temporary, Loopback(folder=world.loopback_folder) as loopback:
        repository = loopback.github.add_repository(NAME)
        repository.add_tag(TAG, commit, annotated=True)
        target, folder = repository.tags[TAG], Path(temporary) / "play"
        script = SCRIPTS.get(column)
        way = Script(script, loopback, folder) if script else Jobs(world, loopback, repository, folder)
        loopback.faults.set(faults)
        codes = [way.run()]
        if len(loopback.faults.hits) < len(faults):
            return NOT_MET
        public = _assets(repository)
        if codes[0] != 0:
            loopback.faults.set(())
            repository.stale.clear()
            codes.append(way.run())
        told = ended(repository, way.files())
        if any(fault.name == "draft-edited" for fault in faults) and not _edited(repository):
            told.append("**a person's words overwritten**")
        if not public <= _assets(repository):
            told.append("**public files deleted meanwhile**")
        if target != repository.tags[TAG] and _assets(repository):
            told.append("**of a moved tag**")
    return f"{', '.join(_code(code) for code in codes)}: {', '.join(told)}"


def _assets(repository: PlayedRepository) -> set[int]:
    """Return the numbers of all assets that are public."""
    return {asset.id for release in repository.releases if not release.draft for asset in release.assets}


def _edited(repository: PlayedRepository) -> bool:
    return any(release.body.startswith("A person wrote this.") for release in repository.releases)


def _code(code: int) -> str:
    return str(code) if code >= 0 else "killed"


def table(world: World) -> Iterator[str]:
    """Yield the table's lines, in Markdown."""
    columns = [*SCRIPTS, OURS]
    version = subprocess.run(VERSION, capture_output=True, text=True, check=True).stdout.split()[2]
    yield f"| gh {version} | {' | '.join(columns)} |"
    yield f"|---{'|---' * len(columns)}|"
    for name, faults in ROWS.items():
        yield f"| {name} | {' | '.join(cell(world, faults, column) for column in columns)} |"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="side-by-side-") as temporary, World(Path(temporary) / "world") as world:
        for line in table(world):
            print(line, flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    main()
