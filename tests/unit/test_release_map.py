"""The map of what releases a project: each folder of `tests/assets/map` is a shape, and has its golden table.

A new shape needs a folder and nothing else: ``TAGSEAL_GOLDEN=write pytest tests/unit/test_release_map.py`` writes its
table; look at the difference. ``TEST-INDEX-UPLOAD-URL`` stands for the address that twine knows.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.cli import main
from tagseal.machine.indexes import known_indexes
from tagseal.machine.yaml import LARGEST
from tagseal.report.release_map import document, table
from tagseal.workflow.document import parse
from tagseal.workflow.identity import IdentitySource
from tagseal.workflow.publications import IndexTrust
from tagseal.workflow.release_map import release_map, survey
from tagseal.workflow.release_tools import Role

if TYPE_CHECKING:
    from tagseal.workflow.release_jobs import MappedJob, ReleaseMap

ROOT = Path(__file__).parents[2]
SHAPES = sorted((ROOT / "tests" / "assets" / "map").iterdir())
GOLDEN = ROOT / "tests" / "golden" / "map"
TEST_INDEX = known_indexes()["testpypi"].upload
PAGE = ROOT / ".github" / "docs" / "release-map.md"


def shape(folder: Path) -> ReleaseMap:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
    return mapped({name: text.replace("TEST-INDEX-UPLOAD-URL", TEST_INDEX) for name, text in files.items()})


def mapped(files: dict[str, str], tag: str | None = None) -> ReleaseMap:
    return release_map([parse(text.encode(), f".github/workflows/{name}") for name, text in files.items()], tag)


@pytest.mark.parametrize("folder", SHAPES, ids=lambda folder: folder.name)
def test_a_shape_has_its_map(folder: Path) -> None:
    """What is printed of it, to the letter."""
    printed = f"{table(shape(folder))}\n"
    golden = GOLDEN / f"{folder.name}.txt"
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", SHAPES, ids=lambda folder: folder.name)
def test_a_shape_is_a_workflow_as_projects_have_them(folder: Path) -> None:
    """At least 60 lines, without a mistake in the file, with what makes reading one hard."""
    texts = [path.read_text(encoding="utf-8") for path in folder.iterdir()]
    assert sum(len(text.splitlines()) for text in texts) >= 60
    parts = (r"matrix:", r"needs:", r"outputs:", r"secrets[.\[]", r"concurrency:")
    assert [part for part in parts if not re.search(part, "\n".join(texts))] == []
    assert [finding for text in texts for finding in parse(text.encode(), "x.yml").problems] == []


def test_there_are_sixteen_shapes_and_each_golden_table_has_one() -> None:
    """None is left over of a shape that was renamed."""
    names = {folder.name for folder in SHAPES}
    assert len(names) >= 16
    assert {path.stem for path in GOLDEN.iterdir()} == names


def test_a_table_fits_80_columns() -> None:
    """Whatever the names of files, jobs and actions are."""
    long = "x" * 90
    hard = f"on: {{push: {{tags: [{long}]}}}}\njobs: {{{long}: {{if: {long}, steps: [{{uses: {long}-release}}]}}}}\n"
    tables = [table(found) for found in (*map(shape, SHAPES), mapped({f"{long}.yml": hard}))]
    assert [line for text in tables for line in text.splitlines() if len(line) > 80] == []


def job(steps: str, more: str = "", head: str = 'on: {push: {tags: ["v*"]}}\npermissions: {}\n') -> MappedJob:
    """Return the map of the only job that has these steps."""
    (found,) = mapped({"x.yml": f"{head}jobs:\n  a:\n    runs-on: x\n{more}    steps:\n{steps}"}).jobs
    return found


def run(command: str) -> str:
    return f"      - run: |\n          {command}\n"


def uses(action: str, *options: str) -> str:
    given = "".join(f"          {option}\n" for option in options)
    return f"      - uses: {action}@v1\n" + (f"        with:\n{given}" if options else "")


TOOLS = {
    "python -m build": (Role.builds, "build"),
    "pipx run build --sdist": (Role.builds, "build"),
    "pyproject-build": (Role.builds, "pyproject-build"),
    "uv build": (Role.builds, "uv build"),
    "hatch -v build": (Role.builds, "hatch build"),
    "poetry build": (Role.builds, "poetry build"),
    "flit build": (Role.builds, "flit build"),
    "pdm build": (Role.builds, "pdm build"),
    "python setup.py sdist bdist_wheel": (Role.builds, "python setup.py"),
    "pip wheel --no-deps .": (Role.builds, "pip wheel"),
    "maturin sdist": (Role.builds, "maturin sdist"),
    "maturin build --release": (Role.builds_platform_wheels, "maturin build"),
    "python -m cibuildwheel": (Role.builds_platform_wheels, "cibuildwheel"),
    "uvx twine upload dist/*": (Role.publishes, "twine upload"),
    "uv publish": (Role.publishes, "uv publish"),
    "hatch publish": (Role.publishes, "hatch publish"),
    "flit publish": (Role.publishes, "flit publish"),
    "poetry publish --build": (Role.publishes, "poetry publish"),
    "pdm publish": (Role.publishes, "pdm publish"),
    "maturin upload dist/*": (Role.publishes, "maturin upload"),
    "npm publish": (Role.pushes, "npm publish"),
    "docker push x": (Role.pushes, "docker push"),
    "docker buildx build . --push": (Role.pushes, "docker buildx build"),
    "gh release create v1 dist/*": (Role.releases, "gh release create"),
    "gh release upload v1 dist/*": (Role.releases, "gh release upload"),
    "semantic-release -v publish": (Role.begins_releases, "semantic-release publish"),
    "git tag -a -m x v1": (Role.begins_releases, "git tag"),
    "cosign sign x": (Role.signs, "cosign sign"),
    "python -m sigstore sign x": (Role.signs, "sigstore sign"),
    "cosign attest x": (Role.attests, "cosign attest"),
    "mkdocs gh-deploy": (Role.comes_after, "mkdocs gh-deploy"),
    "./tools/release.sh": (Role.unread, "./tools/release.sh"),
    "make publish": (Role.unread, "make publish"),
}


@pytest.mark.parametrize("command", TOOLS)
def test_a_command_tells_what_a_job_is_there_for(command: str) -> None:
    """By the words that every tool is called by, wherever in a script they stand."""
    found = job(run(f"true && {command}"))
    assert [(act.role, act.tool, act.line) for act in found.acts] == [(*TOOLS[command], 8)]
    assert found.roles == (TOOLS[command][0],)


@pytest.mark.parametrize(
    "command",
    [
        "echo twine upload dist/*",
        "# twine upload",
        "cat <<EOF\n          twine upload\n          EOF",
        "pip install twine build",
        "docker buildx build .",
        "git tag --list",
        "make release-notes",
        "build",
    ],
)
def test_a_command_that_releases_nothing_has_no_role(command: str) -> None:
    """What is only printed, installed, listed or called alike."""
    assert job(run(command)).roles == ()


ACTIONS = {
    ("hynek/build-and-inspect-python-package",): (Role.builds,),
    ("hynek/build-and-inspect-python-package", "attest-build-provenance-github: true"): (Role.builds, Role.attests),
    ("pypa/cibuildwheel",): (Role.builds_platform_wheels,),
    ("PyO3/maturin-action",): (Role.builds_platform_wheels,),
    ("PyO3/maturin-action", "command: sdist"): (Role.builds,),
    ("PyO3/maturin-action", "command: upload"): (Role.publishes,),
    ("pypa/gh-action-pypi-publish",): (Role.publishes,),
    ("docker/build-push-action", "push: true"): (Role.pushes,),
    ("docker/build-push-action", "push: false"): (),
    ("softprops/action-gh-release",): (Role.releases,),
    ("ncipollo/release-action",): (Role.releases,),
    ("actions/create-release",): (Role.releases,),
    ("svenstaro/upload-release-action",): (Role.releases,),
    ("googleapis/release-please-action",): (Role.begins_releases,),
    ("python-semantic-release/python-semantic-release",): (Role.begins_releases,),
    ("sigstore/gh-action-sigstore-python",): (Role.signs,),
    ("actions/attest-build-provenance",): (Role.attests,),
    ("actions/deploy-pages",): (Role.comes_after,),
    ("./.github/actions/publish",): (Role.unread,),
    ("someone/deploy-pypi",): (Role.publishes,),
    ("someone/pypi-auto-publish",): (Role.publishes,),
    ("someone/make-a-release",): (Role.unread,),
    ("someone/release-downloader",): (),
    ("someone/publish-test-results",): (),
    ("./.github/actions/setup",): (),
    ("actions/checkout",): (),
}


@pytest.mark.parametrize("action", ACTIONS, ids=" ".join)
def test_an_action_tells_what_a_job_is_there_for(action: tuple[str, ...]) -> None:
    """By its name, whatever its ref, and by the options that decide."""
    assert job(uses(*action)).roles == ACTIONS[action]


@pytest.mark.parametrize(
    ("runner", "steps", "role"),
    [
        ("${{ matrix.os }}", run("python -m build --wheel") + uses("actions/upload-artifact"), "platform"),
        ("${{ matrix.os }}", run("python -m build --sdist") + uses("actions/upload-artifact"), "pure"),
        ("${{ matrix.os }}", run("python -m build"), "pure"),
        ("ubuntu-24.04", run("python -m build") + uses("actions/upload-artifact"), "pure"),
    ],
)
def test_a_matrix_of_runners_that_keeps_its_wheels_builds_platform_wheels(runner: str, steps: str, role: str) -> None:
    """A test that builds on each system, and keeps nothing, does not."""
    (found,) = mapped({"x.yml": f"on: push\njobs:\n  a:\n    runs-on: {runner}\n    steps:\n{steps}"}).jobs
    assert found.roles == (Role.builds_platform_wheels if role == "platform" else Role.builds,)


INDEXES = {
    "twine upload dist/*": "pypi",
    "twine upload -r testpypi dist/*": "testpypi",
    "twine upload --repository=test-pypi dist/*": "testpypi",
    f"twine upload \\\n            --repository-url {TEST_INDEX} \\\n            dist/*": "testpypi",
    f"twine upload --repository-url {known_indexes()['pypi'].upload} dist/*": "pypi",
    "twine upload --repository-url https://packages.example/x dist/*": "https://packages.example/x",
    "twine upload --repository-url 'https://[' dist/*": "https://[",
    "TWINE_REPOSITORY=testpypi twine upload dist/*": "testpypi",
    f"uv publish --publish-url {TEST_INDEX}": "testpypi",
    "uv publish --index testpypi": "testpypi",
    "hatch publish -r test": "testpypi",
    "hatch publish --repo main": "pypi",
    "poetry publish --repository own": "own",
    "pdm publish -r testpypi": "testpypi",
    "flit publish --repository testpypi": "testpypi",
    "maturin publish --repository testpypi": "testpypi",
}


@pytest.mark.parametrize("command", INDEXES)
def test_the_index_is_the_one_that_the_command_names(command: str) -> None:
    """By its name or its address, as twine knows them; without either it is the real one."""
    assert [upload.index for upload in job(run(command)).publications] == [INDEXES[command]]


VARIABLES = {
    "twine upload x": "TWINE_REPOSITORY_URL",
    "uv publish": "UV_PUBLISH_URL",
    "hatch publish": "HATCH_INDEX_REPO",
    "flit publish": "FLIT_INDEX_URL",
    "poetry publish -r own": "POETRY_REPOSITORIES_OWN_URL",
    "pdm publish": "PDM_PUBLISH_REPO",
    "maturin upload x": "MATURIN_REPOSITORY_URL",
}


@pytest.mark.parametrize("holder", ["workflow", "job", "step"])
@pytest.mark.parametrize("command", VARIABLES)
def test_the_index_is_the_one_that_a_variable_names(command: str, holder: str) -> None:
    """Of the step, the job or the workflow; an option comes first."""
    env = f"env: {{ {VARIABLES[command]}: '{TEST_INDEX}' }}\n"
    head = "on: push\npermissions: {}\n" + env * (holder == "workflow")
    found = job(run(command) + f"        {env}" * (holder == "step"), f"    {env}" * (holder == "job"), head)
    assert [upload.index for upload in found.publications] == ["own" if "own" in command else "testpypi"]


def test_the_index_of_the_action_is_its_option() -> None:
    """In both spellings; a variable of the shell is looked up, and an expression told as it is."""
    action = "pypa/gh-action-pypi-publish"
    options = (f"repository-url: {TEST_INDEX}", f"repository_url: {TEST_INDEX}", "repository-url: ${{ inputs.to }}")
    found = [job(uses(action, option)).publications[0].index for option in options]
    found += [
        upload.index for upload in job(run('uv publish --index "$TO"'), "    env: { TO: testpypi }\n").publications
    ]
    assert found == ["testpypi", "testpypi", "${{ inputs.to }}", "testpypi"]


CREDENTIALS = {
    "uv publish\n        env: { UV_PUBLISH_TOKEN: '${{ secrets.A }}' }": (IndexTrust.credential, ("A",)),
    "twine upload -p \"${{ secrets['B'] }}\" x": (IndexTrust.credential, ("B",)),
    "twine upload x\n        env: { TWINE_PASSWORD: plain }": (IndexTrust.credential, ()),
    "poetry config pypi-token.pypi ${{ secrets.C }}\n          poetry publish": (IndexTrust.credential, ("C",)),
    "uv publish\n        env: { OTHER_TOKEN: '${{ secrets.A }}' }": (IndexTrust.identity, ()),
}


@pytest.mark.parametrize("command", CREDENTIALS)
def test_a_credential_is_what_the_index_trusts(command: str) -> None:
    """The secret is named where the file names it; without one it is the job's identity."""
    found = job(run(command), "    permissions: { id-token: write }\n").publications
    assert [(upload.trust, upload.secrets) for upload in found] == [CREDENTIALS[command]]


def test_a_job_without_identity_and_credential_is_trusted_by_nothing_that_is_said() -> None:
    """It may use what no file shows."""
    assert [upload.trust for upload in job(run("uv publish")).publications] == [IndexTrust.unsaid]


def test_a_script_that_is_given_an_indexs_credential_publishes() -> None:
    """Whatever its name; a step that only has it beside its tool is one publication."""
    given = "        env: { TWINE_PASSWORD: '${{ secrets.A }}' }\n"
    for command, tool in (("scripts/publish", "twine, by a script"), ("make dist", "twine, by a script")):
        (upload,) = job(run(command) + given).publications
        assert (upload.tool, upload.index, upload.secrets) == (tool, "pypi", ("A",))
    assert [upload.tool for upload in job(run("twine upload x") + given).publications] == ["twine upload"]


CONDITIONS = {
    "github.ref_type == 'tag'": True,
    "startsWith(github.ref, 'refs/tags/')": True,
    "${{ startsWith(github.ref, 'refs/tags/v2') }}": True,
    "github.repository == 'octo/widget'": True,
    "github.repository == 'octo/widget' && github.event_name == 'push'": True,
    "needs.x.outputs.y == 'true' || github.ref == 'refs/heads/main'": True,
    "contains(github.event.head_commit.message, 'release')": True,
    "always()": True,
    "a &&": True,
    "github.ref == 'refs/heads/main'": False,
    "github.event_name == 'release'": False,
    "github.event.action == 'published'": False,
    "!startsWith(github.ref, 'refs/tags/')": False,
    "github.repository == 'octo/widget' && github.ref_name == 'main'": False,
    "startsWith(github.ref, 'refs/tags/no-v')": False,
    "failure()": False,
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_counts_as_far_as_a_pushed_tag_decides_it(condition: str) -> None:
    """Of a job, and of a step; what cannot be known beforehand may hold."""
    text = json.dumps(condition)
    found = job(run("uv publish"), f"    if: {text}\n")
    assert (found.on_tags, found.releases_on_tags, found.condition) == (CONDITIONS[condition],) * 2 + (condition,)
    found = job(f"      - if: {text}\n        run: uv publish\n")
    assert (found.on_tags, found.releases_on_tags) == (True, CONDITIONS[condition])


EVENTS = {
    "push": (True, ("any push",)),
    "[push, pull_request]": (True, ("any push", "pull_request")),
    "{push: {tags: ['v*', '!v0*']}}": (True, ("pushed tags v*, !v0*",)),
    "{push: {tags-ignore: ['v*']}}": (False, ("pushed tags but v*",)),
    "{push: {branches: [main]}}": (False, ("pushed branches main",)),
    "{push: {paths: [src]}}": (True, ("any push",)),
    "{release: {types: [published]}, workflow_dispatch: {}}": (False, ("release published", "workflow_dispatch")),
    "create": (True, ("create",)),
    "{workflow_run: {workflows: [ci]}}": (False, ("after the workflow ci",)),
    "{push: {tags: [1.*]}}": (False, ("pushed tags 1.*",)),
}


@pytest.mark.parametrize("on", EVENTS)
def test_events_are_put_into_words_and_held_against_the_projects_tags(on: str) -> None:
    """A filter that no tag of the project passes starts nothing."""
    (found,) = mapped({"x.yml": f"on: {on}\njobs: {{a: {{steps: []}}}}\n"}, "v1.2.3").jobs
    assert (found.on_tags, found.events) == EVENTS[on]


def test_without_a_tag_of_the_project_whatever_a_filter_takes_counts() -> None:
    """Also of a package among several."""
    text = "on: {push: {tags: ['core-v*', 'cli-v*']}}\njobs: {a: {if: \"startsWith(github.ref_name, 'cli-')\"}}\n"
    assert [mapped({"x.yml": text}, tag).jobs[0].on_tags for tag in (None, "cli-v1", "core-v1", "v1")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_skipped_job_takes_those_along_that_wait_for_it() -> None:
    """Unless their condition asks how it went."""
    jobs = ("{ if: github.ref == 'refs/heads/main' }", "{ needs: j0 }", "{ needs: j1, if: always() }")
    text = "on: push\njobs:\n" + "".join(f"  j{number}: {written}\n" for number, written in enumerate(jobs))
    assert [found.on_tags for found in mapped({"x.yml": text}).jobs] == [False, False, True]


IDENTITIES = {
    ("", "    permissions: { id-token: write }\n"): IdentitySource.job,
    ("", "    permissions: write-all\n"): IdentitySource.job,
    ("permissions: { id-token: write }\n", ""): IdentitySource.file,
    ("permissions: write-all\n", "    permissions: { contents: read }\n"): IdentitySource.none,
    ("permissions: read-all\n", ""): IdentitySource.none,
    ("", ""): IdentitySource.unsaid,
}


@pytest.mark.parametrize("written", IDENTITIES)
def test_where_an_identity_comes_from_is_told(written: tuple[str, str]) -> None:
    """From the job, the file, or the repository's default, which no file shows."""
    found = job(run("true"), written[1], f"on: push\n{written[0]}")
    assert found.identity.source is IDENTITIES[written]
    assert bool(found.identity.reason) == (found.identity.source is not IdentitySource.none)


CALLED = "on: workflow_call\njobs: {upload: {steps: [{run: uv publish}]}}\n"
CALLER = "on: {push: {tags: ['*']}}\njobs: {a: {uses: ./.github/workflows/%s}, b: {needs: a}}\n"


def test_a_workflow_that_is_called_starts_with_its_caller() -> None:
    """Through two files as well; whoever waits for the caller comes after what was published."""
    between = "on: workflow_call\njobs: {c: {uses: $/.github/workflows/upload.yml}}\n"
    found = mapped({"a.yml": CALLER % "between.yml", "between.yml": between, "upload.yml": CALLED})
    assert [(one.id, one.on_tags, one.releases_on_tags, one.after) for one in found.jobs] == [
        ("a", True, False, ""),
        ("b", True, False, "the job a"),
        ("c", True, False, ""),
        ("upload", True, True, ""),
    ]
    assert [one.called_by for one in found.jobs[2:]] == [
        (".github/workflows/a.yml:2",),
        (".github/workflows/between.yml:2",),
    ]
    assert [one.calls for one in found.jobs[:1]] == [".github/workflows/between.yml"]


def test_what_a_caller_gives_decides_where_a_called_workflow_publishes() -> None:
    """Once for each caller, with its start and its environment; a person's choice is none of a pushed tag."""
    called = (
        "on: workflow_call\njobs: {u: {environment: '${{ inputs.to }}', steps: "
        "[{run: 'uv publish --index ${{inputs.to}}'}]}}\n"
    )
    files = {"u.yml": called}
    for name, on, index in (("a", "release", "testpypi"), ("b", "push", "pypi")):
        given = f"uses: ./.github/workflows/u.yml, with: {{to: {index}}}"
        files[f"{name}.yml"] = f"on: {on}\njobs: {{{name}: {{{given}}}}}\n"
    chosen = "on: {workflow_dispatch: {inputs: {to: {options: [testpypi, pypi]}}}}"
    expected = {"u.yml": [("testpypi", "testpypi", False), ("pypi", "pypi", True)]}
    expected["x.yml"] = [("testpypi", "testpypi", False), ("pypi", "pypi", False)]
    for name, text in (("u.yml", files), ("x.yml", {"x.yml": called.replace("on: workflow_call", chosen)})):
        (found,) = mapped(text).file(f".github/workflows/{name}")
        uploads = [(upload.index, upload.environment, upload.on_tags) for upload in found.publications]
        assert uploads == expected[name]
    assert [upload.index for _, upload in mapped({"u.yml": called}).publications] == ["${{inputs.to}}"]


def test_a_workflow_that_nobody_calls_starts_nothing() -> None:
    """It may have been left behind; one that calls itself ends, and so does one that is not there."""
    assert [one.on_tags for one in mapped({"upload.yml": CALLED}).jobs] == [False]
    assert [one.on_tags for one in mapped({"x.yml": CALLER % "x.yml"}).jobs] == [True, True]
    assert [one.roles for one in mapped({"x.yml": CALLER % "none.yml"}).jobs] == [(Role.calls,), ()]


def test_a_workflow_elsewhere_is_not_looked_into() -> None:
    """It may release where its name says so."""
    called = "{{uses: o/r/.github/workflows/{}.yml@v1}}"
    text = f"on: push\njobs: {{a: {called.format('publish')}, b: {called.format('ci')}}}\n"
    found = mapped({"x.yml": text}).jobs
    assert [one.roles for one in found] == [(Role.calls, Role.unread), (Role.calls,)]
    assert [one.releases_on_tags for one in found] == [True, False]


def test_what_comes_after_is_told() -> None:
    """A job that waits for a publication, a workflow on a release, and one that runs after another that publishes."""
    files = {
        "a.yml": "name: go\non: push\njobs: {p: {steps: [{run: uv publish}]}, t: {needs: p}, r: {needs: p, steps: "
        "[{run: gh release create}]}}\n",
        "b.yml": "on: release\njobs: {n: {steps: [{run: make docs}]}}\n",
        "c.yml": "on: {workflow_run: {workflows: [ci, go]}}\njobs: {d: {}}\n",
    }
    found = {one.id: one.after for one in mapped(files).jobs}
    assert found == {"p": "", "t": "the job p", "r": "", "n": "a release", "d": "the workflow go"}


def test_verbs_of_ours_are_told_in_both_forms() -> None:
    """By the shipped noxfile, and by sessions of the project's own where `guard` is among them."""
    shipped = 'nox --noxfile "$(python -P -m tagseal noxfile)" -s guard publish'
    commands = {shipped: ("guard", "publish"), "nox -s guard sign": ("guard", "sign"), "nox -s build check": ()}
    found = {command: job(run(command)) for command in commands}
    assert {command: one.verbs for command, one in found.items()} == commands
    assert [one.releases_on_tags for one in found.values()] == [True, True, False]
    assert found[shipped].roles == (Role.runs_verbs,)


def test_the_environment_of_a_publication_is_that_of_the_verb_or_of_the_index() -> None:
    """Of the test index only where that is asked for; unknown where nothing publishes there."""
    text = (
        "on: push\njobs:\n  a: {{ environment: one, steps: [{{ run: twine upload -r testpypi x }}] }}\n"
        "  b: {{ environment: {{ name: two }}, steps: [{{ run: {} }}] }}\n"
    )
    path = ".github/workflows/x.yml"
    theirs, ours = (mapped({"x.yml": text.format(line)}) for line in ("uv publish", "nox -s guard publish"))
    assert [theirs.environment(path, index) for index in ("testpypi", "pypi", "own")] == ["one", "two", None]
    assert [ours.environment(path, index) for index in ("testpypi", "pypi")] == ["two", "two"]
    assert theirs.environment(".github/workflows/other.yml", "pypi") is None


BROKEN = {
    "not YAML": ("on: [", "got no YAML"),
    "no jobs": ("on: push\n", "got a file without jobs"),
    "a list": ("- a\n", "got a file without jobs"),
    "empty": ("", "got an empty file"),
    "too large": (f"# {'x' * LARGEST}\n", "bytes, expected at most"),
    "an alias of itself": ("on: push\njobs: &a\n  x: *a\n", "an alias to what it stands in"),
    "too many jobs": ("on: push\njobs:\n" + "".join(f"  j{number}: {{}}\n" for number in range(501)), "got 501 jobs"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_workflow_is_named_with_its_reason(name: str) -> None:
    """The others are mapped all the same."""
    text, reason = BROKEN[name]
    found = mapped({"broken.yml": text, "good.yml": CALLED})
    assert [one.id for one in found.jobs] == ["upload"]
    assert [file.path for file in found.unread] == [".github/workflows/broken.yml"]
    assert reason in found.unread[0].reason
    assert "Not read: .github/workflows/broken.yml:" in table(found)


def test_names_from_outside_cannot_rewrite_the_terminal() -> None:
    """A job, an event, an environment with an escape is printed as its number."""
    jobs = 'jobs: {"b\\e[2J": {environment: "\\e[3m", steps: [{run: uv publish}]}}'
    text = f'on: {{"a\\e[2J": {{}}, push: {{tags: ["\\e[1m"]}}}}\n{jobs}\n'
    assert "\x1b" not in table(mapped({"x.yml": text}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a checkout with a workflow that publishes, and one that cannot be read."""
    publish = CALLED.replace("on: workflow_call", "name: p\non: {push: {tags: ['1.*']}}")
    files = {"publish.yml": publish, "x.yml": "on: ["}
    content = {f".github/workflows/{name}": text for name, text in files.items()}
    widget.commit(tmp_path, {**widget.files(), **content}, "1.0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


@pytest.mark.system
def test_init_prints_the_map_and_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, held against the tags of the project."""
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and ".git/" not in f"{path}"}
    assert main(["init", "--map"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "publish.yml: pushed tags 1.*"
    assert "A pushed tag releases from: publish.yml" in lines
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and ".git/" not in f"{path}"}
    assert after == before


@pytest.mark.system
def test_init_prints_the_map_as_a_document(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each job with its place, its roles and its publications; what could not be read beside them."""
    assert main(["init", "--map", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    (upload,) = found["map"]["jobs"]
    assert upload["at"] == ".github/workflows/publish.yml:3"
    assert (upload["roles"], upload["releases_on_tags"]) == (["publishes"], True)
    assert [publication["index"] for publication in upload["publications"]] == ["pypi"]
    assert [file["path"] for file in found["map"]["unread"]] == [".github/workflows/x.yml"]
    assert found["map"] == json.loads(json.dumps(document(survey(project, "1.2.3"))))


@pytest.mark.system
@pytest.mark.usefixtures("project")
def test_the_map_is_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """One or the other is shown."""
    assert main(["init", "--map", "--diff"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.system
def test_a_checkout_without_workflows_has_an_empty_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says so."""
    widget.commit(tmp_path, widget.files())
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--map"]) == 0
    assert capsys.readouterr().out == "A pushed tag releases from: no workflow\n"


def test_the_page_shows_the_map_of_a_shape() -> None:
    """The printed example, to the letter."""
    example = table(shape(ROOT / "tests" / "assets" / "map" / "cibuildwheel_on_three_systems"))
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition("```text\n")
    held = f"{head}```text\n{example}\n```{rest.partition('```')[2]}"
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        PAGE.write_text(held, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == held


def test_the_page_names_every_role() -> None:
    """Each as the document has it, and no other."""
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [role.value for role in Role]
