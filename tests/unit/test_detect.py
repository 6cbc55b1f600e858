"""What is found out about a project without running any of it: tags, workflow, repository, metadata."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

import widget
from tagseal.config import Settings
from tagseal.errors import ConfigError, UsageError
from tagseal.machine.git import repository, repository_of
from tagseal.machine.metadata import read_declared, stated_name
from tagseal.project.detect import detect
from tagseal.tags import Pattern, parse_version, pattern
from tagseal.workflow.signing import signing

if TYPE_CHECKING:
    from pathlib import Path

BARE = [f"{major}.{minor}.0" for major in (24, 25) for minor in range(1, 9)]


@pytest.mark.parametrize(
    ("tags", "template", "basis"),
    [
        ([], "v{version}", "v{version}, for there is no version tag yet"),
        (["nightly", "latest"], "v{version}", "v{version}, for there is no version tag yet"),
        (BARE, "{version}", "bare, like your last 12"),
        (["v1.0", "v1.1"], "v{version}", "v{version}, like your last 2"),
        (["v1", "v1.2.3"], "v{version}", "v{version}, like your last one"),
        (["v1", "v2", "1.0.0", "2.0.0"], "{version}", "bare, like your last 2"),
        (["v0.1", "v0.2", *BARE], "{version}", "bare, like your last 12"),
        ([*BARE, "v26.1", "v26.2"], "{version}", "bare, like 10 of your last 12"),
        (["release-1.2.0", "release-1.3.0rc1"], "release-{version}", "release-{version}, like your last 2"),
        (["py3-widget-v1.2.0"], "py3-widget-v{version}", "py3-widget-v{version}, like your last one"),
        (["widget/1.0", "widget/1.1", "gadget/0.1"], "widget/{version}", "widget/{version}, like 2 of your last 3"),
    ],
)
def test_the_highest_versions_tell_how_a_project_tags(tags: list[str], template: str, basis: str) -> None:
    """The prefix of most of the twelve highest versions decides; moving tags do not; v{version} where none tells."""
    assert pattern(tags) == Pattern(template=template, basis=basis)


def test_a_configured_pattern_beats_every_tag() -> None:
    """A setting is taken as it stands, and the basis says that it was configured."""
    assert pattern(BARE, "v{version}") == Pattern(template="v{version}", basis="v{version}, as configured")


@pytest.mark.parametrize(
    ("template", "tag", "version"),
    [
        ("v{version}", "v1.2.3", "1.2.3"),
        ("{version}", "26.1.0rc1", "26.1.0rc1"),
        ("w-{version}-final", "w-1.0-final", "1.0"),
        ("v{version}", "1.2.3", None),
        ("{version}", "v1.2.3", None),
        ("v{version}", "vv1.2.3", None),
        ("v{version}", "v 1.2.3", None),
        ("v{version}", "v1.2.3\n", None),
        ("v{version}", "v", None),
        ("v{version}", "v1.2.3-oops!", None),
        ("a{version}a", "a", None),
    ],
)
def test_a_tag_fits_its_pattern_exactly_or_not_at_all(template: str, tag: str, version: str | None) -> None:
    """Only the pattern's own letters may stand around the version, though PEP 440 would forgive more."""
    parsed = Pattern(template=template, basis="").parse(tag)
    assert parsed == (Version(version) if version else None)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        *(("1.2.3", "1.2.3"), (" v1.0RC1 ", "1.0rc1"), ("9" * 200, "9" * 200)),
        *(
            ("", None),
            ("one", None),
            ("1.2.", None),
            ("9" * 201, None),
            ("9" * 5_000, None),
            ("1." * 10_000 + "1", None),
        ),
    ],
)
def test_a_version_from_outside_is_one_or_none(text: str, version: str | None) -> None:
    """PEP 440 decides; a text that is longer than any tag names no version, however many digits it has."""
    assert parse_version(text) == (Version(version) if version else None)
    assert Pattern(template="v{version}", basis="").parse(f"v{'9' * 5_000}") is None


def test_the_previous_tag_is_the_highest_below() -> None:
    """The previous release is told by version, not by date; moving tags and other projects' tags are not it."""
    tags = ["v1", "v2", "v1.0.0", "v1.9.0", "v1.10.0", "v2.0.0", "v2.0", "gadget-1.10.5", "v2.1.0"]
    ways = Pattern(template="v{version}", basis="")
    assert ways.previous(tags, Version("1.11")) == "v1.10.0"
    assert ways.previous(tags, Version("2.1.0")) == "v2.0.0"
    assert ways.previous(tags, Version("1.0.0")) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/octo/widget.git", "octo/widget"),
        ("https://github.com/octo/widget/", "octo/widget"),
        ("https://x-access-token:secret@github.com/octo/widget", "octo/widget"),
        ("ssh://git@github.com/octo/wid.get.git", "octo/wid.get"),
        ("ssh://git@ssh.github.com:443/octo/widget.git", "octo/widget"),
        ("git@github.com:octo/widget.git", "octo/widget"),
        ("git@github.com-work:octo/widget.git", "octo/widget"),
        ("https://github.com-work/octo/widget.git", None),
        ("git@github.com-work.example:octo/widget.git", None),
        ("git@gitlab.com:octo/widget.git", None),
        ("https://github.com.evil.example/octo/widget", None),
        ("https://github.com/octo", None),
        ("../widget.git", None),
        ("https://[github.com/octo/widget", None),
    ],
)
def test_every_form_of_a_remote_names_its_repository(url: str, name: str | None) -> None:
    """The https, ssh and scp-like forms name OWNER/REPO; another host, or another depth, names none."""
    assert repository_of(url) == name


def test_the_repository_is_the_configured_one_then_the_runs_then_the_origins() -> None:
    """The setting decides before the run's environment, and that before the remote."""
    run, origin = {"GITHUB_REPOSITORY": "octo/run"}, "git@github.com:octo/origin.git"
    assert repository("octo/set", run, origin) == "octo/set"
    assert repository(None, run, origin) == "octo/run"
    assert repository(None, {}, origin) == "octo/origin"
    assert repository(None, {}, None) is None


TAGGED = "on:\n  push:\n    tags: ['*']\npermissions:\n  id-token: write\n"
IN_A_JOB = "on: {push: {tags-ignore: [x]}}\njobs: {seal: {permissions: {id-token: write}}}\n"
RELEASED = "on: [release, workflow_dispatch]\n"
PLAIN = "on: push\npermissions: write-all\n"
UNSIGNED = "on: {push: {tags: ['*']}}\npermissions: {contents: write}\n"
BROKEN = "on: {push: [\n"


NO_SIGNER = "the usual name, for no workflow with a filter for tags may sign"


@pytest.mark.parametrize(
    ("files", "file", "reason"),
    [
        ({}, "release.yml", NO_SIGNER),
        (
            {"ci.yml": PLAIN, "x.yml": BROKEN},
            "release.yml",
            NO_SIGNER,
        ),
        ({"ci.yml": PLAIN, "publish.yaml": TAGGED}, "publish.yaml", "it starts on a pushed tag and may sign"),
        ({"a.yml": UNSIGNED, "publish.yml": IN_A_JOB}, "publish.yml", "it starts on a pushed tag and may sign"),
        ({"a.yml": RELEASED, "b.yml": TAGGED}, "b.yml", "it starts on a pushed tag and may sign"),
        ({"a.yml": UNSIGNED, "b.yml": RELEASED}, "b.yml", "it starts on a release"),
        (
            {"a.yml": TAGGED, "release.yml": TAGGED},
            "release.yml",
            "it starts on a pushed tag and may sign; so does a.yml",
        ),
        ({"a.yml": RELEASED, "b.yml": RELEASED}, "a.yml", "it starts on a release; so does b.yml"),
        ({"a.yml": UNSIGNED}, "release.yml", NO_SIGNER),
        ({"$(x).yml": TAGGED}, "release.yml", NO_SIGNER),
    ],
)
def test_the_workflow_files_tell_which_one_signs(tmp_path: Path, files: dict[str, str], file: str, reason: str) -> None:
    """A push of tags with id-token decides, then `release`, then the usual name; two candidates are both named."""
    widget.write(tmp_path, {f".github/workflows/{name}": text for name, text in files.items()})
    found = signing(tmp_path, None, {})
    assert (found.file, found.reason) == (file, reason)


def test_a_setting_and_the_run_beat_the_workflow_files(tmp_path: Path) -> None:
    """The configured file comes first, then the one that this run's environment names."""
    widget.write(tmp_path, {".github/workflows/a.yml": TAGGED})
    run = {
        "GITHUB_REPOSITORY": "octo/widget",
        "GITHUB_WORKFLOW_REF": "octo/widget/.github/workflows/run.yml@refs/tags/v1",
    }
    assert signing(tmp_path, "set.yml", run).path == ".github/workflows/set.yml"
    assert signing(tmp_path, None, run).file == "run.yml"
    assert signing(tmp_path, None, {}).file == "a.yml"


@pytest.mark.parametrize(
    ("text", "name", "version", "backend"),
    [
        (
            "[project]\nname = 'Wid.get'\nversion = '1.02'\n[build-system]\nbuild-backend = 'flit_core.buildapi'\n",
            *("Wid.get", "1.2", "flit_core.buildapi"),
        ),
        ("[project]\nname = 'widget'\ndynamic = ['version']\n", "widget", None, "setuptools.build_meta:__legacy__"),
        ("[tool.poetry]\nname = 'widget'\n", "widget", None, "setuptools.build_meta:__legacy__"),
    ],
)
def test_static_metadata_is_read_and_the_rest_is_dynamic(
    tmp_path: Path, text: str, name: str | None, version: str | None, backend: str
) -> None:
    """What [project] states is known; what it does not state only the back end knows."""
    widget.write(tmp_path, {"pyproject.toml": text})
    found = read_declared(tmp_path)
    assert (found.name, found.version, found.backend) == (name, version, backend)
    assert found.dynamic == (None in {name, version})


def test_a_project_with_only_a_setup_py_is_dynamic_and_never_run(tmp_path: Path) -> None:
    """Reading what a project declares executes nothing of it."""
    canary = tmp_path / "canary"
    widget.write(tmp_path, {"setup.py": f"open({str(canary)!r}, 'w')\nsetup(name='widget')\n"})
    found = read_declared(tmp_path)
    assert (found.name, found.version) == ("widget", None)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"setup.py": "import setuptools\nsetuptools.setup(version=V, name='widget')\n"}, "widget"),
        (
            {"setup.py": "setup()\n", "setup.cfg": "[metadata]\nname = widget\nversion = attr: widget.__version__\n"},
            "widget",
        ),
        ({"setup.py": "NAME = 'widget'\nif __name__ == '__main__':\n    setup(name=NAME)\n"}, "widget"),
        ({"setup.py": "setup(name=NAME)\n"}, None),
        ({"setup.py": "NAME = 'a'\nif X:\n    NAME = 'b'\nsetup(name=NAME)\n"}, None),
        ({"setup.py": "A = NAME = 'a'\nsetup(name=NAME)\n"}, None),
        ({"setup.py": "for NAME in 'ab':\n    setup(name=NAME)\n"}, None),
        ({"setup.py": "NAME = 'a' + B\nsetup(name=NAME)\n"}, None),
        ({"setup.py": "setup(name=1)\n"}, None),
        ({"setup.py": "setup(name='a') if A else setup(name='b')\n"}, None),
        ({"setup.py": "setup(**{'name': 'widget'})\n"}, None),
        ({"setup.py": "def (:\n"}, None),
        ({"setup.py": "(" * 5000}, None),
        ({"setup.cfg": "name = widget\n"}, None),
        ({"setup.cfg": "[metadata]\nversion = 1\n"}, None),
        ({"pyproject.toml": "[project]\nversion = '1'\n", "setup.cfg": "[metadata]\nname = widget\n"}, None),
    ],
)
def test_a_name_is_read_where_it_is_stated_and_nowhere_computed(
    tmp_path: Path, files: dict[str, str], name: str | None
) -> None:
    """A job that signs compares the build job's files with it, and runs nothing to learn it."""
    widget.write(tmp_path, files)
    found = read_declared(tmp_path)
    assert found.name == name
    if name is None:
        with pytest.raises(UsageError, match="whose name only its build back end knows") as caught:
            stated_name(found)
        assert caught.value.slug == "project-name-not-stated"
    else:
        assert stated_name(found) == name


@pytest.mark.parametrize(
    ("files", "kind", "slug"),
    [
        ({}, UsageError, "no-project"),
        ({"pyproject.toml": "[project\n"}, ConfigError, "invalid-toml"),
        ({"pyproject.toml": "[project]\nversion = 'one'\n"}, UsageError, "invalid-version"),
        ({"pyproject.toml": f"[project]\nversion = '{'9' * 5000}'\n"}, UsageError, "invalid-version"),
        ({"pyproject.toml": "[project]\nname = '-x'\n"}, UsageError, "invalid-project-name"),
    ],
)
def test_a_folder_that_is_no_project_is_said_so(
    tmp_path: Path, files: dict[str, str], kind: type[UsageError], slug: str
) -> None:
    """Nothing there, nothing that parses, no PEP 440 version, no name: each has its own error."""
    widget.write(tmp_path, files)
    with pytest.raises(UsageError) as caught:
        read_declared(tmp_path)
    assert (type(caught.value), caught.value.slug) == (kind, slug)


@pytest.mark.system
def test_detect_puts_it_all_together(tmp_path: Path) -> None:
    """One value holds the four findings, read from one checkout."""
    git = widget.commit(tmp_path, {**widget.files(), ".github/workflows/publish.yml": dedent(TAGGED)}, "1.2.2")
    git.command("remote", "add", "origin", "git@github.com:octo/widget.git")
    found = detect(git, Settings(), {})
    assert (found.declared.name, found.declared.version) == ("widget", "1.2.3")
    assert (str(found.pattern), found.workflow.file, found.repository) == ("{version}", "publish.yml", "octo/widget")
