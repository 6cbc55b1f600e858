"""`tagseal init`: what a project gets, what it keeps, and that a second run changes nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import widget
from tagseal.cli import main
from tagseal.loopback import Loopback
from tagseal.project.init import scaffold
from tagseal.workflow.document import read
from tagseal.workflow.lint import lint
from tagseal.workflow.play import setup

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
RELEASE, REHEARSE = ".github/workflows/release.yml", ".github/workflows/rehearse.yml"
LOCK, REHEARSE_LOCK = ".github/tagseal/requirements.txt", ".github/tagseal/rehearse.txt"
OWN = version("tagseal")
WHEEL = f"tagseal-{OWN}-py3-none-any.whl"
OLD = """
on:
  release:
    types: [published]
jobs:
  publish:
    environment: pypi
    runs-on: ubuntu-latest
    steps:
      - uses: pypa/gh-action-pypi-publish@release/v1
"""


class Made:
    """A project, and the command in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], wheel: Path) -> None:
        self.root, self.capsys, self.wheel = root, capsys, wheel

    def init(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Run it, and return what ``--json`` prints."""
        assert main(["init", "--json", *words]) == code
        found: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return found

    def first(self, *words: str) -> dict[str, str]:
        """Run it with a wheel, and return the state of each file."""
        return self.states(self.init("--wheel", str(self.wheel), *words))

    def states(self, document: dict[str, Any]) -> dict[str, str]:
        return {one["path"]: one["state"] for one in document["files"]}

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def all(self) -> dict[str, bytes]:
        """Return every file but git's own."""
        paths = (path for path in self.root.rglob("*") if path.is_file() and ".git/" not in f"{path}")
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Made:
    """Give the widget at GitHub, and a wheel of this tool."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    wheel = tmp_path / WHEEL
    wheel.write_bytes(b"a wheel")
    project = Made(tmp_path / "project", capsys, wheel)
    commit(project, {}, monkeypatch)
    return project


def commit(made: Made, files: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, *tags: str) -> None:
    made.root.mkdir(exist_ok=True)
    known = {} if (made.root / "pyproject.toml").exists() else widget.files()
    git = widget.commit(made.root, {**known, **files}, *tags)
    if git.origin() is None:
        git.command("remote", "add", "origin", "git@github.com:octo/widget.git")
    monkeypatch.chdir(made.root)


def test_a_project_gets_what_releases_it(made: Made) -> None:
    """Workflow, locks, the kept wheel, a rehearsal of pull requests, and a second run changes nothing."""
    wheel = f".github/tagseal/{WHEEL}"
    assert made.first() == dict.fromkeys((wheel, LOCK, REHEARSE_LOCK, RELEASE, REHEARSE, ".gitignore"), "write")
    before = made.all()
    assert set(made.states(made.init()).values()) == {"same"}
    assert set(made.first().values()) == {"same"}
    assert made.all() == before
    for path in (RELEASE, REHEARSE):
        assert lint(read(made.root / path, path)) == ()
    assert made.text(RELEASE).count("    if: github.repository == 'octo/widget'\n") == 1


def test_what_is_written_is_locked_and_set_up(made: Made) -> None:
    """Each job of the release installs the small lock, which names the kept wheel; the one that rehearses more."""
    made.first()
    digest = hashlib.sha256(b"a wheel").hexdigest()
    assert made.text(LOCK).endswith(f"\n./.github/tagseal/{WHEEL} \\\n    --hash=sha256:{digest}\n")
    assert installed(made, RELEASE) == [[LOCK]] * 4
    assert installed(made, REHEARSE) == [[REHEARSE_LOCK]]
    assert "\n-r requirements.txt\n" in made.text(REHEARSE_LOCK)


def installed(made: Made, path: str) -> list[list[str]]:
    """Return the locks that each job of a workflow installs."""
    jobs = read(made.root / path, path).jobs
    return [[name for step in job.steps if (name := setup.requirements_file(step.run))] for job in jobs]


def test_a_newer_lock_takes_an_older_ones_place(made: Made) -> None:
    """Both were made here; a file that a person wrote is kept, and the difference shown."""
    made.first()
    ours = {path: made.text(path).partition("\n")[0] for path in (LOCK, REHEARSE_LOCK)}
    for texts, state in ((ours, "replace"), (dict.fromkeys(ours, "mine==1"), "differs")):
        for path, text in texts.items():
            (made.root / path).write_text(f"{text}\n")
        states = made.first()
        assert {path: states[path] for path in ours} == dict.fromkeys(ours, state)


def test_nothing_is_written_when_only_the_difference_is_wanted(made: Made) -> None:
    """`--diff` shows what would be, and leaves everything."""
    before = made.all()
    assert set(made.first("--diff").values()) == {"write"}
    assert made.all() == before


def test_an_older_workflow_is_shown_and_kept(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--replace-workflow` it goes, its name and environment stay, and what it published is told before."""
    commit(made, {".github/workflows/publish.yml": OLD}, monkeypatch)
    document = made.init("--wheel", str(made.wheel))
    assert made.states(document)[".github/workflows/publish.yml"] == "differs"
    assert made.text(".github/workflows/publish.yml") == OLD
    (shown,) = [one["diff"] for one in document["files"] if one["state"] == "differs"]
    assert "-    environment: pypi" not in shown
    document = made.init("--replace-workflow")
    assert made.states(document)[".github/workflows/publish.yml"] == "replace"
    assert "    environment: pypi\n" in made.text(".github/workflows/publish.yml")
    fields = "owner octo, repository widget, workflow publish.yml, environment pypi"
    assert (
        ".github/workflows/publish.yml:10 publishes to the package index pypi (pypa/gh-action-pypi-publish): for the "
        'release to do it instead, add [tool.tagseal.index] with name = "pypi", and at the index a trusted publisher '
        f"with {fields}; then run init again"
    ) in document["advice"]
    assert not (made.root / RELEASE).exists()


UPLOADS = """
on: { push: { tags: ["v*"] } }
jobs:
  wheels:
    runs-on: x
    steps:
      - uses: pypa/cibuildwheel@v3
  test:
    environment: first-tried
    runs-on: x
    steps:
      - run: twine upload --repository testpypi dist/*
  publish:
    environment: real
    runs-on: x
    permissions: { id-token: write }
    steps:
      - run: uv publish
"""


@pytest.mark.parametrize("configured", [False, True])
def test_what_other_jobs_publish_and_build_is_told_with_its_place(
    made: Made, monkeypatch: pytest.MonkeyPatch, *, configured: bool
) -> None:
    """To which index, and what becomes of it; the environment is the real index's, not the first in the file."""
    table = '\n[tool.tagseal.index]\nname = "pypi"\n' if configured else ""
    toml = widget.files()["pyproject.toml"] + table
    commit(made, {".github/workflows/publish.yml": UPLOADS, "pyproject.toml": toml}, monkeypatch)
    advice = made.init("--wheel", str(made.wheel), "--diff")["advice"]
    what = ".github/workflows/publish.yml:{} publishes to the package index {}"
    told = [text for text in advice if "publish.yml:" in text]
    assert told[0] == (
        f"{what.format(12, 'testpypi')} (twine upload): Tagseal does not, so keep that job in a workflow of its own"
    )
    assert told[1].startswith(f"{what.format(18, 'pypi')} (uv publish)")
    assert told[1].endswith(", and so does the release: take that job out") == configured
    assert ("workflow publish.yml, environment real; then run init again" in told[1]) != configured
    assert told[2].startswith("wheels that other jobs build (.github/workflows/publish.yml:4 wheels): keep those jobs")
    assert advice[0].startswith("create the environment `real` at GitHub")


def test_a_workflow_on_a_release_is_told_that_this_one_will_not_start_it(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is the one that is replaced."""
    announce = "on: { release: { types: [published] } }\njobs: { tell: { runs-on: x, steps: [{ run: make tell }] } }\n"
    told = ".github/workflows/tell.yml starts on a release, and one that a job's own token publishes starts no workflow"
    commit(made, {".github/workflows/tell.yml": announce}, monkeypatch)
    assert told not in made.init("--wheel", str(made.wheel), "--diff")["advice"]
    commit(made, {".github/workflows/publish.yml": UPLOADS}, monkeypatch)
    assert told in made.init("--wheel", str(made.wheel), "--diff")["advice"]


def test_a_workflow_with_changes_that_are_in_no_commit_is_not_replaced(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be lost."""
    commit(made, {".github/workflows/publish.yml": OLD}, monkeypatch)
    (made.root / ".github/workflows/publish.yml").write_text(f"{OLD}# new\n")
    made.init("--wheel", str(made.wheel), "--replace-workflow", code=3)
    assert made.text(".github/workflows/publish.yml") == f"{OLD}# new\n"


def test_nothing_is_written_through_a_link(made: Made, tmp_path: Path) -> None:
    """A folder that leads elsewhere is refused before anything is put there."""
    (tmp_path / "elsewhere").mkdir()
    (made.root / ".github").symlink_to(tmp_path / "elsewhere")
    made.init("--wheel", str(made.wheel), code=3)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("tags", "glob"),
    [((), "v[0-9]*"), (("1.0", "1.1"), "[0-9]*"), (("pkg/v1.0",), "pkg/v[0-9]*"), (("a+b-1.0",), "a\\\\+b-[0-9]*")],
)
def test_the_filter_is_of_the_projects_tags(
    tags: tuple[str, ...], glob: str, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are, or `v` where there are none; what a filter reads otherwise is escaped."""
    commit(made, {"x.txt": ""}, monkeypatch, *tags)
    made.first()
    assert f'    tags: ["{glob}"]\n' in made.text(RELEASE)


def test_a_package_in_a_folder_is_found(tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the root has no project, the only folder that has one is told to the release."""
    other = Made(tmp_path / "monorepo", made.capsys, made.wheel)
    files = {f"backend/{name}": text for name, text in widget.files().items()}
    other.root.mkdir()
    widget.commit(other.root, {**files, "README.md": ""})
    monkeypatch.chdir(other.root)
    assert other.first()["tagseal.toml"] == "write"
    assert other.text("tagseal.toml") == 'project = "backend"\n'
    assert "if: github.repository" not in other.text(RELEASE)


def test_a_bot_that_begins_releases_is_made_room_for(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its release is adopted, the workflow can be dispatched on its tag, and what must be set there is told."""
    commit(made, {"release-please-config.json": "{}"}, monkeypatch)
    document = made.init("--wheel", str(made.wheel))
    assert made.text("pyproject.toml").endswith('\n\n[tool.tagseal]\nrelease = "adopt"\n')
    assert "  workflow_dispatch:" in made.text(RELEASE)
    assert any("gh workflow run release.yml --ref TAG" in text for text in document["advice"])
    assert lint(read(made.root / RELEASE, RELEASE)) == ()
    assert set(made.states(made.init()).values()) == {"same"}


def test_an_image_brings_its_permissions_and_tools(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs may write packages, two install crane."""
    image = f'{widget.files()["pyproject.toml"]}\n[tool.tagseal.image]\nname = "ghcr.io/octo/widget"\n'
    commit(made, {"pyproject.toml": image}, monkeypatch)
    made.first()
    text = made.text(RELEASE)
    assert (text.count("      packages: write #"), text.count("imjasonh/setup-crane@")) == (2, 2)
    assert lint(read(made.root / RELEASE, RELEASE)) == ()


def test_a_project_that_needs_a_newer_python_gets_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that tool and project run on."""
    newer = widget.files()["pyproject.toml"].replace('name = "widget"', 'name = "widget"\nrequires-python = ">=3.13"')
    commit(made, {"pyproject.toml": newer}, monkeypatch)
    made.first()
    assert '{ python-version: "3.13" }' in made.text(RELEASE)


@pytest.mark.parametrize("name", ["tagseal-0.0.1-py3-none-any.whl", "other-1.0-py3-none-any.whl", "x.txt", WHEEL])
def test_a_wheel_of_anything_else_is_refused(name: str, made: Made, tmp_path: Path) -> None:
    """Only this very version of this tool is locked; one that is not there is no wheel."""
    path = tmp_path / "else" / name
    path.parent.mkdir()
    if name != WHEEL:
        path.write_bytes(b"x")
    made.init("--wheel", str(path), code=2)
    assert not (made.root / ".github").exists()


@pytest.mark.parametrize("released", [True, False])
def test_the_tool_is_named_by_its_own_release(
    *, released: bool, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By URL and digest, as the release page has it; where there is none, the error says what to do."""
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with Loopback(folder=tmp_path / "loopback") as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        repository = loopback.github.add_repository("tagseal/tagseal")
        repository.add_tag(f"v{OWN}", "4f2c1e9" * 5 + "4f2c1")
        if released:
            from tagseal.services.github import GitHub  # noqa: PLC0415 - behind the environment

            token = loopback.github.token(scopes={"contents": "write"}, repository="tagseal/tagseal")
            github = GitHub(token)
            draft = github.create_draft("tagseal/tagseal", f"v{OWN}", body="", prerelease=False)
            github.upload("tagseal/tagseal", draft, made.wheel, sha256=hashlib.sha256(b"a wheel").hexdigest())
            github.publish("tagseal/tagseal", draft, latest=True)
        made.init(code=0 if released else 2)
    if released:
        url = f"https://github.com/tagseal/tagseal/releases/download/v{OWN}/{WHEEL}"
        digest = hashlib.sha256(b"a wheel").hexdigest()
        assert made.text(LOCK).endswith(f"\ntagseal @ {url} \\\n    --hash=sha256:{digest}\n")
        assert set(made.states(made.init()).values()) == {"same"}


def test_this_project_is_as_init_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Made) -> None:
    """Its own workflow is what the template renders: a pin that is bumped in one place only is seen."""
    names = ("pyproject.toml", RELEASE, "release/tagseal/__main__.py", "templates/scaffold/requirements.txt")
    files = {name: (ROOT / name).read_text() for name in names}
    own = Made(tmp_path / "own", made.capsys, made.wheel)
    own.root.mkdir()
    git = widget.commit(own.root, {**files, ".gitignore": "/dist/\n"})
    git.command("remote", "add", "origin", "https://github.com/tagseal/tagseal")
    monkeypatch.chdir(own.root)
    assert set(own.states(own.init("--replace-workflow")).values()) == {"same"}


TABLES = {
    "[tool.tagseal] # ours\nwait = 3\n": '[tool.tagseal] # ours\nrelease = "adopt"\nwait = 3\n',
    "  [tool.tagseal]\nwait = 3\n": '  [tool.tagseal]\nrelease = "adopt"\nwait = 3\n',
    '[tool.tagseal.index]\nname = "pypi"\n': (
        '[tool.tagseal]\nrelease = "adopt"\n\n[tool.tagseal.index]\nname = "pypi"\n'
    ),
}


@pytest.mark.parametrize("before", TABLES)
def test_a_key_is_added_to_the_table_however_it_is_written(
    made: Made, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """With a comment behind it, indented, or only as the parent of another table."""
    toml = widget.files()["pyproject.toml"] + before
    commit(made, {"release-please-config.json": "{}", "pyproject.toml": toml}, monkeypatch)
    made.init("--wheel", str(made.wheel))
    assert made.text("pyproject.toml").endswith(TABLES[before])


def test_a_table_that_is_written_in_another_way_is_left_with_the_line_to_add(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dotted keys and inline tables are a person's own: nothing is guessed, and nothing is silent."""
    toml = widget.files()["pyproject.toml"] + "[tool]\ntagseal.wait = 3\n"
    commit(made, {"release-please-config.json": "{}", "pyproject.toml": toml}, monkeypatch)
    document = made.init("--wheel", str(made.wheel))
    assert made.text("pyproject.toml") == toml
    assert made.states(document)["pyproject.toml"] == "differs"
    assert 'pyproject.toml is kept: add release = "adopt" to the table of Tagseal yourself' in document["advice"]


@pytest.mark.parametrize("template", ["v{version}", "{version}", "pkg@{version}-final"])
def test_a_filter_takes_versions_and_no_words(template: str) -> None:
    """A version begins with a digit."""
    assert scaffold.glob(template) == template.replace("{version}", "[0-9]*")


@pytest.mark.parametrize("program", ["zizmor", "actionlint"])
def test_other_linters_find_nothing(program: str, made: Made) -> None:
    """In their strictest mood, where they are here."""
    found = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"no {program} here: `nox -s lint` has it judge this project's own")
    made.first()
    options = ["--offline", "--no-progress", "--persona", "pedantic"] if program == "zizmor" else []
    done = subprocess.run([found, *options, RELEASE, REHEARSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
