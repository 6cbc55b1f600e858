"""What is found in workflow files: the folders of `tests/assets/workflows`, each named after what is wrong.

A comment `# expect: SLUG…` expects findings on its line; the file `expected` has those that a comment cannot stand
beside, `LINE SLUG` a line. A first line may say what is known of the project: `# tag: …`, `# documented: …`,
`# index: yes`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagseal.machine.yaml import LARGEST
from tagseal.workflow.document import parse
from tagseal.workflow.filters import passes
from tagseal.workflow.lint import RULES, lint
from tagseal.workflow.rules import ProjectFacts

if TYPE_CHECKING:
    from tagseal.workflow.finding import Finding

CASES = Path(__file__).parents[1] / "assets" / "workflows"
FOLDERS = sorted(CASES.iterdir())
GOOD = (CASES / "good" / "release.yml").read_text(encoding="utf-8")


def found(folder: Path) -> tuple[Finding, ...]:
    file = next(path for path in folder.iterdir() if path.suffix == ".yml")
    data = file.read_bytes()
    head = data.partition(b"\n")[0].decode("utf-8", "replace")
    tag = re.fullmatch(r"# tag: (\S+)", head)
    name = re.fullmatch(r"# documented: (\S+)", head)
    known = ProjectFacts(
        tag=tag[1] if tag else None, documented=(name[1],) if name else (), index=head == "# index: yes"
    )
    return lint(parse(data, file.name), known)


def expected(folder: Path) -> list[tuple[int, str]]:
    file = next(path for path in folder.iterdir() if path.suffix == ".yml")
    lines = enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
    marked = [(number, slug) for number, line in lines for slug in line.partition("# expect:")[2].split()]
    beside = folder / "expected"
    rows = beside.read_text(encoding="utf-8").splitlines() if beside.exists() else []
    return sorted([*marked, *((int(row.split()[0]), row.split()[1]) for row in rows)])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_finding_stands_on_its_line(folder: Path) -> None:
    """The findings are those that the file expects, each with its line, and no others."""
    assert sorted((one.line, one.slug) for one in found(folder)) == expected(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_names_tell_which_files_fail(folder: Path) -> None:
    """A folder that ends with `_fail` has a finding, and another has none."""
    assert bool(expected(folder)) == folder.name.endswith("_fail")


def test_every_rule_has_a_case() -> None:
    """No rule is without a workflow that it finds something in."""
    slugs = {slug for folder in FOLDERS for _, slug in expected(folder)}
    assert {rule.slug for rule in RULES} - slugs == set()


def test_every_rule_has_a_name_of_its_own() -> None:
    """A slug names one rule."""
    assert len({rule.slug for rule in RULES}) == len(RULES)


LEVELS = {
    "dispatch_warning_fail": {"warning"},
    "branch_push_fail": {"error"},
    "read_at_top_fail": {"warning"},
    "write_all_fail": {"error"},
    "alias_warned_fail": {"warning"},
    "unpinned_fail": {"warning", "error"},
    "pasted_expression_fail": {"warning", "error"},
}


OURS = """  ours:
    runs-on: ubuntu-24.04
    permissions: { contents: read }
    steps:
      - run: tagseal run guard
"""


def levels(text: str, slug: str = "") -> set[str]:
    """Return the levels of a rule's findings; of all, but for the job that signs beside ours in each of these files."""
    findings = [one for one in lint(parse(text.encode(), "release.yml")) if one.slug != "foreign-job-can-sign"]
    return {one.level for one in findings if slug in {"", one.slug}}


@pytest.mark.parametrize("name", LEVELS)
def test_the_level_tells_who_can_do_harm(name: str) -> None:
    """In a release of ours, what a stranger or a branch can use is an error, what only might go wrong a warning."""
    assert levels((CASES / name / "release.yml").read_text(encoding="utf-8") + OURS) == LEVELS[name]


HARMFUL = {
    "callable-signs",
    "cancels-publication",
    "continues-after-publication",
    "identity-file",
    "pasted-expression",
    "pull-request-target",
    "secrets-beside-code",
    "tag-not-matched",
}
"""What loses or leaks a release, whoever makes it."""


def test_in_a_workflow_without_our_verbs_only_what_loses_or_leaks_a_release_is_an_error() -> None:
    """Whatever else is found there is a warning, and files that cannot be read are errors as everywhere."""
    files = {rule.slug for rule in RULES}
    foreign = [one for folder in FOLDERS for one in found(folder) if "foreign_job" not in folder.name]
    assert {one.slug for one in foreign if one.level == "error" and one.slug in files} == HARMFUL
    assert {rule.slug for rule in RULES if rule.harms_anyone} == HARMFUL


SECRET = "          TOKEN: ${{ secrets.INDEX_TOKEN }} # expect: secrets-beside-code\n"


def test_a_secret_of_a_later_step_leaks_by_no_means_of_its_own() -> None:
    """In a workflow of others it is a warning there, and an error where the code has it in its environment."""
    text = (CASES / "secret_beside_code_fail" / "release.yml").read_text(encoding="utf-8")
    later, script = (
        text.replace(f"        env:\n{SECRET}", f"      - run: {run}\n        env:\n{SECRET}")
        for run in ("echo later", "scripts/publish")
    )
    slug = "secrets-beside-code"
    assert [levels(one, slug) for one in (text, later, script)] == [{"error"}, {"warning"}, {"warning"}]
    assert [levels(one + OURS, slug) for one in (text, later, script)] == [{"error"}] * 3


@pytest.mark.parametrize(
    ("group", "level"),
    [("release", "error"), ("x-${{ github.ref }}", "warning"), ("${{ github.ref_name }}", "warning")],
)
def test_a_run_that_only_the_same_tag_cancels_is_no_loss(group: str, level: str) -> None:
    """A push to a branch ends no release whose group has the tag in it; ours is ended by nothing."""
    text = GOOD.replace(
        "{ group: release, cancel-in-progress: false }", f'{{ group: "{group}", cancel-in-progress: true }}'
    )
    assert (levels(text, "cancels-publication"), levels(text + OURS, "cancels-publication")) == ({level}, {"error"})


def test_a_workflow_of_this_very_repository_is_pinned_by_the_run() -> None:
    """In both ways of writing it."""
    for where in ("./", "$/"):
        text = GOOD + f"  called:\n    permissions: {{}}\n    uses: {where}.github/workflows/other.yml\n"
        assert levels(text, "unpinned-action") == set()


def test_a_huge_file_is_not_parsed() -> None:
    """A file above the bound is one finding."""
    (one,) = lint(parse(b"#" * (LARGEST + 1), "release.yml"))
    assert (one.slug, one.what) == ("workflow-too-large", f"got {LARGEST + 1} bytes, expected at most {LARGEST}")


def test_jobs_are_bounded() -> None:
    """A file of more jobs than anybody writes is one finding."""
    jobs = "".join(f"  j{number}: {{ runs-on: x }}\n" for number in range(501))
    (one,) = lint(parse(f"on: push\njobs:\n{jobs}".encode(), "release.yml"))
    assert (one.slug, one.what) == ("workflow-too-large", "got 501 jobs, expected at most 500")


@pytest.mark.parametrize(
    ("filters", "what"),
    [
        ("v*, " * 101, "got 101 filters of tags, expected at most 100"),
        ("v" * 301, "got a filter of 301 characters, expected at most 300"),
    ],
)
def test_filters_are_bounded(filters: str, what: str) -> None:
    """More filters, or longer ones, than anybody writes are one finding, and nothing is matched with them."""
    (one,) = lint(parse(GOOD.replace('"v[0-9]*"', filters).encode(), "release.yml"))
    assert (one.slug, one.what) == ("workflow-too-large", what)


def test_deep_nesting_is_a_finding() -> None:
    """Values that are nested past every stack are found, and end nothing."""
    assert [one.slug for one in lint(parse(b"[" * 50_000, "release.yml"))] == ["workflow-too-large"]


# GitHub's "Filter pattern cheat sheet", and the last filter that fits decides.
FILTERS = {
    ("v*", "v1.2.3"): True,
    ("v*", "v1/2"): False,
    ("**", "a/b"): True,
    ("v[12].[0-9]+.[0-9]+", "v1.10.1"): True,
    ("v[12].[0-9]+.[0-9]+", "v3.10.1"): False,
    ("v1?.0", "v.0"): True,
    ("*.*", "v1.2"): True,
    ("1.2", "1x2"): False,
    ("v*,!v2*", "v2.0"): False,
    ("!v2*,v*", "v2.0"): True,
    ("v**", "v1/2"): True,
    ("v*+", "v1"): True,
    ("ab+?", "a"): True,
    ("v[0-9]?.+", "v..."): True,
    ("[[:alpha:]]", "a]"): True,
    ("[[a-z--]]", "[]"): True,
    ("[^v]*", "1.2"): False,
    (r"v\d", "v1"): False,
    (r"v\*", "v*"): True,
    ("v[", "v["): True,
    ("+v", "v1"): True,
    ("v[]", "v1"): True,
    ("", "v1"): False,
    ("**" * 60 + "x", "v1.2.3" * 10): False,
    ("*a" * 60 + "x", "a" * 80): False,
    ("a?" * 60 + "a" * 60, "a" * 60): True,
}


@pytest.mark.parametrize("case", FILTERS, ids=" ".join)
def test_filters_are_read_as_github_reads_them(case: tuple[str, str]) -> None:
    """A tag passes a filter, or not, as at GitHub."""
    filters, tag = case
    assert passes(tuple(filters.split(",")), tag) == FILTERS[case]


def test_values_know_their_places() -> None:
    """A workflow, its jobs and its steps are values, each with the line that it stands in."""
    text = (CASES / "good" / "release.yml").read_bytes()
    workflow = parse(text, "release.yml")
    lines = text.decode().splitlines()
    build, publish = workflow.jobs
    assert (lines[build.at.line - 1].strip(), publish.needs, publish.environment) == ("build:", ("build",), "release")
    assert [lines[step.at.line - 1].strip()[:6] for step in build.steps] == ["- uses", "- run:", "- id: "]
    assert (workflow.starts.only_tags, publish.may("id-token"), build.may("id-token")) == (True, True, False)


WORDS = "on jobs needs uses run permissions with & * << ? ! | > - : [ ] { } # ${{ }} github secrets. a"
PIECES = st.sampled_from([*WORDS.split(), "'", '"', "\t", "\n", "\0", "\n  ", "\n    ", ": ", "&a ", "*a "])


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80))
def test_no_file_ends_the_tool(text: str) -> None:
    """Whatever is in a file, it is read into findings, each with a line that the file has, and nothing is raised."""
    findings = lint(parse(text.encode("utf-8", "replace"), "release.yml"))
    assert all(finding.line >= 1 and finding.column >= 1 and finding.what and finding.hint for finding in findings)


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(["", "\n", ":", "[", "- ", "x", "${{", "*", "null"]))
def test_no_torn_workflow_ends_the_tool(place: int, put: str) -> None:
    """A workflow with a character replaced is still read into findings."""
    torn = GOOD[:place] + put + GOOD[place + 1 :]
    assert all(one.line >= 1 for one in lint(parse(torn.encode(), "release.yml")))
