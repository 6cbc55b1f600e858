"""What `tagseal doctor` tells of a project: a line each, with its place, and an exit code that a script can use."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import widget
from source import ROOT
from tagseal.cli import main
from tagseal.loopback import Loopback
from tagseal.loopback.index.state import IndexFile
from tagseal.machine.git import Git
from tagseal.machine.indexes import known_indexes
from tagseal.machine.yaml import compose
from tagseal.notes.templates import packaged_folder
from tagseal.project.doctor.network import clock
from tagseal.workflow.document import read
from tagseal.workflow.lint import lint

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

ASSETS = Path(__file__).parents[1] / "assets" / "workflows"
GOOD = (ASSETS / "good_whole_release" / "release.yml").read_text(encoding="utf-8")
OTHERS = (ASSETS / "good" / "release.yml").read_text(encoding="utf-8")
"""One that releases without a verb of ours."""
WORKFLOW = ".github/workflows/release.yml"
CONFIGURED = '\n[tool.tagseal]\nrepository = "example/widget"\n'
PUBLISHER = 'publisher = { workflow = "release.yml", environment = "release" }'
CHANGELOG = "# Changelog\n\n## 1.2.3\n\n- A widget.\n"


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a PATH with git and no linter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return folder


def project(root: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, str], *tags: str) -> None:
    folder = root / "project"
    folder.mkdir()
    files = {**widget.files(), "CHANGELOG.md": CHANGELOG}
    files["pyproject.toml"] += CONFIGURED
    widget.commit(folder, {**files, **content}, *tags)
    monkeypatch.chdir(folder)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[tuple[str, str, int]]]:
    code = main(["doctor", "--offline", *words, "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    return code, [(row["slug"], row["file"], row["line"]) for row in rows if row["level"] != "ok"]


def test_a_good_project_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is wrong every line is ok."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD}, "v1.0.0")
    code = main(["doctor", "--offline"])
    lines = capsys.readouterr().out.splitlines()
    assert (code, lines[-1]) == (0, "0 errors, 0 warnings")
    assert f"workflow ok  {WORKFLOW}" in lines
    assert {line[8:13] for line in lines[:-2]} == {" ok  "}


PULLED = OTHERS.replace("on:\n", "on:\n  pull_request_target:\n")


def test_findings_are_told_by_rule_and_by_file_the_worst_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule has one heading, with what to do, and a line for each place: file, line and column; errors come first."""
    other = ".github/workflows/a.yml"
    project(tmp_path, monkeypatch, {WORKFLOW: PULLED, other: PULLED.replace("v[0-9]*", "*")}, "v1.0.0")
    assert main(["doctor", "--offline"]) == 2
    lines = capsys.readouterr().out.splitlines()
    gives, starts = (
        "`pull_request_target` gives a stranger's pull request rights",
        "`pull_request_target` can start 'publish' on a branch",
    )
    assert lines[:8] == [
        "error    no  pull-request-target: Use `pull_request`, and release from another file.",
        f"             {other}:3:3: {gives}",
        f"             {WORKFLOW}:3:3: {gives}",
        "warning  --  branch-can-sign: Let tags alone start it, or give the job `if: github.ref_type == 'tag'`.",
        f"             {other}:3:3: {starts}",
        f"             {WORKFLOW}:3:3: {starts}",
        "warning  --  trigger-too-wide: Write a filter for versions, such as `tags: ['v[0-9]*']` or `['[0-9]*']`.",
        f"             {other}:5:5: '*' takes any tag",
    ]
    assert lines[-1] == "2 errors, 4 warnings"


def test_an_error_of_the_configuration_has_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two problems of one rule are two lines below it."""
    toml = f"{widget.files()['pyproject.toml']}\n[tool.tagseal]\nwroflow = 1\nwait = -1\n"
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD, "pyproject.toml": toml})
    assert main(["doctor", "--offline"]) == 2
    heading, first, second, rest, *_ = capsys.readouterr().out.splitlines()
    hint = "Correct these keys; the README lists every key with its default."
    assert heading == f"error    no  invalid-configuration: {hint}"
    assert [first, second] == [
        f"{'':<13}pyproject.toml: tool.tagseal.wait: got -1, expected seconds, zero or more",
        f"{'':<13}pyproject.toml: tool.tagseal.wroflow: unknown key; did you mean workflow?",
    ]
    assert rest[8:13] == " ok  "


def test_columns_hold_for_the_longest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], programs: Path
) -> None:
    """Levels and texts stand below each other, whatever is installed."""
    (programs / "actionlint").write_text("#!/bin/sh\necho '[]'\n")
    (programs / "actionlint").chmod(0o755)
    project(tmp_path, monkeypatch, {WORKFLOW: PULLED}, "v1.0.0")
    main(["doctor", "--offline"])
    lines = capsys.readouterr().out.splitlines()[:-2]
    assert {line[10:15] for line in lines} == {" ok  ", " no  ", " --  ", "     "}
    assert "actionlint ok  no findings" in lines


def test_what_was_not_looked_at_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], programs: Path
) -> None:
    """The network where nobody may be asked, linters that are missing, and the build; a program gets the same list."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD}, "v1.0.0")
    main(["doctor", "--offline"])
    lines = capsys.readouterr().out.splitlines()
    network, build = "the network (--offline)", "the build (`tagseal rehearse` makes it)"
    assert lines[-2] == f"Not looked at: {network}, actionlint and zizmor (not installed), {build}"
    assert not [line for line in lines[:-2] if "not installed" in line]
    main(["doctor", WORKFLOW])
    assert capsys.readouterr().out.splitlines()[-2] == "Not looked at: actionlint and zizmor (not installed)"
    (programs / "zizmor").write_text("#!/bin/sh\necho '[]'\n")
    (programs / "zizmor").chmod(0o755)
    main(["doctor", "--offline", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["unchecked"] == [network, "actionlint (not installed)", build]
    assert {row["level"] for row in document["rows"]} == {"ok"}


def test_the_documented_hook_is_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's YAML is a hook of pre-commit, its command is ours, and a commit is stopped by an error alone."""
    page = (ROOT / ".github" / "docs" / "pre-commit.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    ((repository,),) = compose(text.encode()).plain().values()
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["language"], hook["pass_filenames"]) == ("local", "system", "false")
    assert set(hook) <= {"id", "name", "entry", "language", "pass_filenames", "files"}
    wanted = (WORKFLOW, ".github/tagseal/requirements.txt", "pyproject.toml", "tagseal.toml")
    assert [name for name in (*wanted, "src/x.py", "a/pyproject.toml") if re.search(hook["files"], name)] == [*wanted]
    program, *words = shlex.split(hook["entry"])
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert (program in scripts, words) == (True, ["doctor", "--offline"])
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD.replace("v[0-9]*", "*")}, "v1.0.0")
    assert main(words) == 0
    Path(WORKFLOW).write_text(PULLED)
    assert main(words) == 2
    assert f"`SKIP={hook['id']} git commit`" in page


def test_a_workflow_that_runs_our_verbs_is_judged_by_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is style in a workflow of others is an error in ours, for its verbs rely on it."""
    wide = OTHERS.replace("permissions: {}", "permissions: write-all")
    ours = wide.replace("python -m build", "tagseal run guard plan build check")
    project(tmp_path, monkeypatch, {WORKFLOW: wide}, "v1.0.0")
    code, rows = told(capsys)
    assert (code, rows[0]) == (0, ("permissions-at-top", WORKFLOW, 5))
    Path(WORKFLOW).write_text(ours)
    code, rows = told(capsys)
    assert (code, ("permissions-at-top", WORKFLOW, 5) in rows) == (2, True)


def test_warnings_alone_end_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning is told, and lets a script go on."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD.replace("v[0-9]*", "*")})
    assert told(capsys) == (0, [("trigger-too-wide", WORKFLOW, 4)])


def test_workflows_that_cannot_release_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workflow of pull requests is judged when it is named, and broken ones always."""
    tests = "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n"
    content = {WORKFLOW: GOOD, ".github/workflows/ci.yml": tests, ".github/workflows/torn.yml": "on: ["}
    project(tmp_path, monkeypatch, content)
    assert told(capsys) == (2, [("workflow-not-yaml", ".github/workflows/torn.yml", 1)])
    named = told(capsys, ".github/workflows/ci.yml")[1]
    assert {slug for slug, *_ in named} == {"permissions-missing", "credentials-kept", "unpinned-action"}


def test_a_project_without_a_release_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pushed tag would start nothing."""
    project(tmp_path, monkeypatch, {"README.md": ""})
    assert told(capsys) == (0, [("no-release-workflow", WORKFLOW, 0)])


def test_the_filter_is_held_against_the_projects_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A project of bare tags needs a filter that takes them."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD}, "1.0.0")
    assert told(capsys) == (2, [("tag-not-matched", WORKFLOW, 4)])


def test_a_renamed_workflow_is_found_where_it_is_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration, and every page with the project's identity, name a file that there is."""
    identity = "https://github.com/{}/.github/workflows/release.yml@refs/tags/v1"
    page = f"# Verify\n\n{identity.format('example/widget')}\n{identity.format('other/project')}\n"
    content = {
        ".github/workflows/publish.yml": GOOD,
        "docs/verify.md": page,
        "pyproject.toml": f'{widget.files()["pyproject.toml"]}{CONFIGURED}workflow = "release.yml"\n',
    }
    project(tmp_path, monkeypatch, content)
    code, rows = told(capsys)
    expected = [
        ("identity-file", ".github/workflows/publish.yml", 1),
        ("page-identity", "docs/verify.md", 3),
        ("no-release-workflow", WORKFLOW, 0),
    ]
    assert (code, rows) == (2, expected)


PROGRAMS = {
    "findings": ("echo '[{}, {}]'; exit 14", [("linter-finds", "", 0)]),
    "none": ("echo '[]'", []),
    "no list": ("echo broken >&2; exit 1", [("linter-failed", "", 0)]),
    "a token": ('test -z "$GH_TOKEN" && echo "[]"', []),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_linters_are_asked_where_they_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], programs: Path
) -> None:
    """Findings of an installed linter are counted; it gets no token, and its failure is a warning."""
    script, rows = PROGRAMS[name]
    (programs / "zizmor").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "zizmor").chmod(0o755)
    monkeypatch.setenv("GH_TOKEN", "canary")
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD})
    assert told(capsys) == (0, rows)


def test_other_linters_find_the_file_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], programs: Path
) -> None:
    """A path that is relative to the person's folder means the same file to the linter."""
    (programs / "zizmor").write_text('#!/bin/sh\nfor last; do :; done\ntest -f "$last" && echo "[]"\n')
    (programs / "zizmor").chmod(0o755)
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD})
    assert told(capsys, WORKFLOW) == (0, [])


def test_files_are_judged_outside_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A named file needs no project around it, and one that is not there is a usage error."""
    monkeypatch.chdir(tmp_path)
    assert told(capsys, str(ASSETS / "good" / "release.yml")) == (0, [])
    assert main(["doctor", "none.yml"]) == 2
    assert "got 'none.yml', which cannot be read" in capsys.readouterr().err
    assert main(["doctor"]) == 2


def test_names_from_outside_cannot_rewrite_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job's name with an escape is printed as its number."""
    file = tmp_path / "x.yml"
    file.write_text('on: push\njobs:\n  "a\\e[2J": { runs-on: x, steps: [{ run: make }] }\n')
    monkeypatch.chdir(tmp_path)
    main(["doctor", "x.yml"])
    out = capsys.readouterr().out
    assert ("\x1b" in out, "\\u001b[2J" in out) == (False, True)


def test_our_own_workflows_can_be_read() -> None:
    """Nothing is wrong with the files of this repository's workflows themselves."""
    folder = Path(__file__).parents[2] / ".github" / "workflows"
    problems = [problem for file in sorted(folder.iterdir()) for problem in read(file, file.name).problems]
    assert problems == []


def test_our_own_release_has_no_finding() -> None:
    """What releases the tool is written as it asks of others."""
    file = Path(__file__).parents[2] / WORKFLOW
    assert lint(read(file, WORKFLOW)) == ()


LOCKED = GOOD.replace("run: python -P -m pip --version", "run: python -P -m pip install --require-hashes -r lock.txt")
NO_DEPS = LOCKED.replace("--require-hashes", "--no-deps --require-hashes")
OURS = (packaged_folder() / "scaffold" / "requirements.txt").read_text()
PIN = f"tool==1.0 \\\n    --hash=sha256:{'0' * 64}\n"


@pytest.mark.parametrize(
    ("content", "tags", "expected"),
    [
        pytest.param({"CHANGELOG.md": "# Changelog\n"}, (), (0, ["changelog-section-missing"]), id="no section"),
        pytest.param({}, ("v1.2.3",), (0, []), id="tagged here"),
        pytest.param(
            {"pyproject.toml": f"{widget.files()['pyproject.toml']}\n[tool.tagseal]\nwroflow = 1\nwait = -1\n"},
            (),
            (2, ["invalid-configuration"] * 2),
            id="two unknown keys",
        ),
        pytest.param(
            {"pyproject.toml": widget.files()["pyproject.toml"]}, (), (0, ["identity-unknown"]), id="no repository"
        ),
        pytest.param(
            {"docs/verify.md": "x\n<!-- Written by: tagseal guide -->\n"}, (), (2, ["guide-drifted"]), id="drift"
        ),
        pytest.param({WORKFLOW: LOCKED}, (), (2, ["lock-missing"]), id="no lock"),
        pytest.param({WORKFLOW: LOCKED, "lock.txt": PIN}, (), (0, []), id="a lock"),
        pytest.param({WORKFLOW: LOCKED, "lock.txt": OURS}, (), (2, ["lock-without-no-deps"]), id="our lock, resolved"),
        pytest.param({WORKFLOW: NO_DEPS, "lock.txt": OURS}, (), (0, []), id="our lock"),
        pytest.param({WORKFLOW: LOCKED, "lock.txt": f"{PIN}other==2\n"}, (), (2, ["lock-without-hash"]), id="no hash"),
        pytest.param(
            {WORKFLOW: LOCKED, "lock.txt": f"{PIN}./x/tagseal-0.0.1-py3-none-any.whl --hash=sha256:{'1' * 64}\n"},
            (),
            (0, ["lock-differs"]),
            id="another version",
        ),
    ],
)
def test_a_check(  # noqa: PLR0913, PLR0917 - what there is, and where
    content: dict[str, str],
    tags: tuple[str, ...],
    expected: tuple[int, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the next release would stop at is an error, what a person should know a warning."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD, **content}, *tags)
    code, rows = told(capsys)
    assert (code, [slug for slug, *_ in rows]) == expected


def test_a_version_that_is_tagged_elsewhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before somebody tags it again."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD}, "v1.2.3")
    widget.commit(Path.cwd(), {"new.txt": ""})
    assert told(capsys) == (0, [("tag-taken", "pyproject.toml", 9)])


def test_the_identity_and_the_four_fields_of_a_publisher_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the certificate, and an index, will have them; the latter cannot be asked."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD, "pyproject.toml": with_index("pypi", PUBLISHER)})
    main(["doctor", "--offline"])
    said = capsys.readouterr().out
    assert f"https://github.com/example/widget/{WORKFLOW}@refs/tags/vVERSION" in said
    assert "owner example, repository widget, workflow release.yml, environment release; not checkable" in said


def test_nothing_is_said_about_an_index_that_is_not_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line about trust would be read as an index that is set up."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD})
    main(["doctor", "--offline", "--json"])
    assert [row for row in json.loads(capsys.readouterr().out)["rows"] if row["check"] == "index"] == []


TWO_INDEXES = """\
on: { push: { tags: ["v*"] } }
permissions: {}
jobs:
  test-index:
    environment: release-test
    runs-on: x
    permissions: { id-token: write }
    steps:
      - uses: pypa/gh-action-pypi-publish@release/v1
        with: { repository-url: TEST }
  index:
    environment: release-real
    runs-on: x
    permissions: { id-token: write }
    steps:
      - uses: pypa/gh-action-pypi-publish@release/v1
""".replace("TEST", known_indexes()["testpypi"].upload)


@pytest.mark.parametrize(("name", "environment"), [("pypi", "release-real"), ("testpypi", "release-test")])
def test_the_environment_is_that_of_the_job_that_publishes_to_this_index(
    name: str, environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test index's environment is not the real one's, whichever stands first in the file."""
    project(tmp_path, monkeypatch, {WORKFLOW: TWO_INDEXES, "pyproject.toml": with_index(name)})
    main(["doctor", "--offline"])
    assert f"workflow release.yml, environment {environment}\n" in capsys.readouterr().out


def test_a_workflow_in_which_nothing_publishes_there_has_no_environment_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`none` would be taken for a field to leave empty."""
    nothing = TWO_INDEXES.partition("  index:")[0]
    project(tmp_path, monkeypatch, {WORKFLOW: nothing, "pyproject.toml": with_index("pypi")})
    main(["doctor", "--offline"])
    assert "environment unknown, because no job of it publishes there" in capsys.readouterr().out


def with_index(name: str, more: str = "") -> str:
    return f'{widget.files()["pyproject.toml"]}{CONFIGURED}\n[tool.tagseal.index]\nname = "{name}"\n{more}'


_PUBLISH = "permissions: {{ contents: write{} }}\n    environment"
TO_INDEX = GOOD.replace(_PUBLISH.format(""), _PUBLISH.format(", id-token: write"))
PUBLISHERS = {
    "as it is": ('{ workflow = "release.yml", environment = "release" }', []),
    "any environment": ('{ workflow = "release.yml" }', []),
    "another workflow": ('{ workflow = "publish.yml", environment = "release" }', ["workflow"]),
    "another environment": ('{ workflow = "release.yml", environment = "production" }', ["environment"]),
    "both": ('{ workflow = "publish.yml", environment = "production" }', ["workflow", "environment"]),
}


@pytest.mark.parametrize("what", PUBLISHERS)
def test_a_publisher_that_is_registered_otherwise_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """Field by field, both sides: the index would refuse what is signed already."""
    publisher, wrong = PUBLISHERS[what]
    table = f'{CONFIGURED}\n[tool.tagseal.index]\nname = "pypi"\npublisher = {publisher}\n'
    toml = widget.files()["pyproject.toml"] + table
    project(tmp_path, monkeypatch, {WORKFLOW: TO_INDEX, "pyproject.toml": toml})
    code = main(["doctor", "--offline", "--json"])
    rows = [row for row in json.loads(capsys.readouterr().out)["rows"] if row["slug"] == "publisher-disagrees"]
    assert code == (2 if wrong else 0)
    told = [(row["slug"], row["text"].partition(": got '")[0].rpartition("yml: ")[2]) for row in rows]
    assert told == [("publisher-disagrees", f"the trusted publisher of pypi: {field}") for field in wrong]


def test_a_publisher_that_nothing_names_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the line to write; another index has none."""
    for number, table in enumerate(('name = "pypi"', 'name = "own"\nurl = "https://packages.example/simple/"')):
        toml = f"{widget.files()['pyproject.toml']}{CONFIGURED}\n[tool.tagseal.index]\n{table}\n"
        (tmp_path / str(number)).mkdir()
        project(tmp_path / str(number), monkeypatch, {WORKFLOW: GOOD, "pyproject.toml": toml})
        main(["doctor", "--offline"])
        said = capsys.readouterr().out
        assert (PUBLISHER in said) == (number == 0)
        assert ("to trust" in said) == (number == 0)


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Give a network with GitHub and Sigstore in it."""
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with Loopback(folder=tmp_path / "loopback") as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        yield loopback


@pytest.mark.parametrize("where", ["nowhere", "here", "elsewhere"])
def test_the_remotes_tag_is_held_against_this_checkouts(
    where: str,
    online: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tag that somebody moved is an error; services that answer, and a clock that agrees, are well."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD}, "v1.2.3")
    repository = online.github.add_repository("example/widget")
    if where != "nowhere":
        commit = Git.at(Path.cwd(), {"PATH": str(tmp_path / "bin")}).head() if where == "here" else "9" * 40
        repository.add_tag("v1.2.3", commit, annotated=True)
    code = main(["doctor", "--json"])
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert code == (2 if where == "elsewhere" else 0)
    assert rows["remote"]["slug"] == ("tag-differs" if where == "elsewhere" else "")
    assert {rows[name]["level"] for name in ("sigstore", "clock", "releases")} == {"ok"}
    assert "not told to this token" in rows["releases"]["text"]


@pytest.mark.parametrize("there", [False, True])
def test_a_name_that_is_used_up_at_the_index_is_told(
    there: bool,  # noqa: FBT001 - a table
    online: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No tag tells it: somebody may have sent the version from elsewhere."""
    project(tmp_path, monkeypatch, {WORKFLOW: TO_INDEX, "pyproject.toml": with_index("pypi", PUBLISHER)})
    online.github.add_repository("example/widget")
    if there:
        sent = IndexFile(
            name="widget-1.2.3.tar.gz",
            project="widget",
            version="1.2.3",
            kind="sdist",
            size=1,
            sha256=sha256(b"x").hexdigest(),
            blake2_256="0" * 64,
            uploaded="2026-01-01T00:00:00Z",
        )
        online.indexes["pypi"].add_project("widget")
        online.indexes["pypi"].state.add(sent, b"x")
    main(["doctor", "--json"])
    rows = [row for row in json.loads(capsys.readouterr().out)["rows"] if "file of 1.2.3" in row["text"] or row["slug"]]
    assert [(row["level"], row["slug"]) for row in rows] == [("warning", "index-name-taken") if there else ("ok", "")]


def test_a_repository_that_is_not_there_is_a_warning(
    online: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be private, and this person without a token."""
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD})
    online.github.add_repository("example/other")
    assert main(["doctor"]) == 0
    assert "warning  --  github-not-found: " in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (20, "warning"), (-600, "error"), (600, "error")])
def test_a_clock_that_differs_is_told(seconds: int, level: str) -> None:
    """A certificate is good for ten minutes."""
    assert clock(seconds).level == level


def test_without_a_network_nothing_is_known_and_nothing_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a train the rest is told all the same."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "")
    project(tmp_path, monkeypatch, {WORKFLOW: GOOD})
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "warning  --  sigstore-silent: " in said
    assert "0 errors, 2 warnings" in said
