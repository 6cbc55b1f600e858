"""plan: what will be released is settled, and everything that can be known now fails now."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import replace
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import widget
from job import NAME, TAG
from refusals import refused
from tagseal.config import IndexSettings
from tagseal.errors import ConfigError, Refused, UsageError
from tagseal.machine.indexes import known_indexes
from tagseal.records import Identity, Plan
from tagseal.steps.plan import confirm, latest, plan

if TYPE_CHECKING:
    from pathlib import Path

    from job import Job

DYNAMIC = dedent("""
    [build-system]
    requires = []
    build-backend = "backend"
    backend-path = ["."]

    [project]
    name = "widget"
    dynamic = ["version"]
""")
UNRELEASED = "# Changelog\n\n## Unreleased\n\n- More turns.\n\n## 1.2.2\n\n- A widget.\n"
ABSENT = "# Changelog\n\n## 1.2.2\n\n- A widget.\n"


def planned(job: Job, *, loopback: bool = True, **settings: object) -> Plan:
    services = replace(job.services(None, **settings), loopback=loopback)
    return plan(job.guard(None, **settings), services=services)


def versioned(job: Job, version: str) -> Plan:
    """Plan another version of the project, on its tag."""
    job.push({**widget.files(version), "CHANGELOG.md": UNRELEASED}, f"v{version}")
    return planned(job)


def test_a_static_project_is_planned_without_its_code(job: Job) -> None:
    """Names, version, identity, notes and acts follow from the tag and the files; no back end is asked."""
    job.push({"backend.py": "raise SystemExit('ran')\n"})
    assert planned(job) == Plan(
        tag=TAG,
        commit=job.git.head(),
        project="widget",
        version="1.2.3",
        prerelease=False,
        latest=True,
        identity=Identity(repository=NAME, workflow=".github/workflows/release.yml", ref=f"refs/tags/{TAG}"),
        epoch=job.git.commit_time("HEAD"),
        sdist="widget-1.2.3.tar.gz",
        wheel="widget-1.2.3-",
        assets=(),
        tools=("cosign", "curl", "gh", "sha256sum", "sigstore"),
        changelog="CHANGELOG.md",
        section="- A widget that turns.",
        published=(),
        irreversible=(
            f"the public transparency log keeps an entry for each artifact, naming {NAME}",
            f"the release {TAG} of {NAME} becomes public",
        ),
    )


def test_a_dynamic_version_is_computed_in_a_child_without_a_token(job: Job, tmp_path: Path) -> None:
    """The back end is asked in another process, which sees a copy of the tag's files and no token of this job."""
    seen = tmp_path / "seen.json"
    look = f"pathlib.Path({str(seen)!r}).write_text(__import__('json').dumps([os.getpid(), os.getcwd(), *os.environ]))"
    backend = widget.BACKEND.replace("STEM =", f"PROJECT['version'] = '1.2.3'\n{look}\nSTEM =", 1)
    job.push({"pyproject.toml": DYNAMIC, "backend.py": backend})
    found = planned(job)
    process, folder, *names = json.loads(seen.read_text())
    assert (found.project, found.version) == ("widget", "1.2.3")
    assert process != os.getpid()
    assert not folder.startswith(str(job.git.root))
    assert [name for name in names if "TOKEN" in name or name.startswith("GITHUB_")] == []


def test_a_back_end_that_fails_is_an_error_of_the_project(job: Job) -> None:
    """Its last words are shown."""
    job.push({"pyproject.toml": DYNAMIC, "backend.py": "raise SystemExit('the version is gone')\n"})
    error = refused(planned, job)
    assert (type(error), error.slug) == (UsageError, "build-failed")
    assert any("the version is gone" in line for line in error.context)


def test_a_tag_of_another_version_is_refused(job: Job) -> None:
    """Both versions are named, and the tag that would fit."""
    job.push(widget.files("1.2.4"))
    error = refused(planned, job)
    assert (type(error), error.slug) == (Refused, "version-disagrees")
    assert error.what == f"got version 1.2.4 at the tag {TAG}, expected 1.2.3"
    assert error.hint.startswith("Tag v1.2.4, or set the version that the tag names, commit, and move the tag before")


@pytest.mark.parametrize(
    ("version", "tag", "normal"),
    [("1.2.3", "v1.2.3", "1.2.3"), ("1.3.0-RC1", "v1.3.0rc1", "1.3.0rc1"), ("1.3", "v1.3.0", "1.3")],
)
def test_versions_are_compared_as_pep_440_does(job: Job, version: str, tag: str, normal: str) -> None:
    """Another spelling of the same version is the same version; file names carry the normal one."""
    job.push({**widget.files(version), "CHANGELOG.md": UNRELEASED}, tag)
    found = planned(job)
    assert (found.version, found.sdist, found.wheel) == (normal, f"widget-{normal}.tar.gz", f"widget-{normal}-")


def test_a_version_that_is_none_is_an_error(job: Job) -> None:
    """PEP 440 decides, before anything is built."""
    job.push(widget.files("one"))
    error = refused(planned, job)
    assert (error.slug, error.what) == ("invalid-version", "got the version 'one', expected one that PEP 440 allows")


def test_bare_tags_are_the_projects_own_way(job: Job) -> None:
    """The pattern comes from the other tags, moving ones left out; this tag has no vote."""
    for other in ("1.1.0", "1.2.0", "v1"):
        job.git.command("tag", other)
    job.push({}, "1.2.3")
    assert planned(job).tag == "1.2.3"


@pytest.mark.parametrize(
    ("version", "prerelease"),
    [("1.3.0", False), ("1.3.0rc1", True), ("1.3.0.dev1", True), ("1.3.0.post1", False), ("1.3.0a1", True)],
)
def test_a_pre_release_is_told_by_its_version(job: Job, version: str, *, prerelease: bool) -> None:
    """A pre-release is never the latest; a post-release is a release."""
    found = versioned(job, version)
    assert (found.prerelease, found.latest) == (prerelease, not prerelease)


@pytest.mark.parametrize(
    ("published", "version", "expected"),
    [
        (["v1.2.0"], "1.3.0", True),
        (["v1.2.0", "v2.0.0"], "1.3.0", False),
        (["v1.2.0", "v2.0.0rc1"], "1.3.0", True),
        (["v1.10.0"], "1.9.0", False),
        (["v1.2.0", "v1"], "1.3.0", True),
        (["v1.2.0", "v2", "v2.0.0rc1"], "1.3.0", True),
        (["v1.2.0", "nightly", "gadget-9.0"], "1.3.0", True),
    ],
    ids=["next", "backport", "a pre-release above", "by number", "a moving tag", "a moving tag above", "others"],
)
def test_the_latest_is_the_highest_final_version(
    job: Job, published: list[str], version: str, *, expected: bool
) -> None:
    """Published releases that fit the pattern are compared by PEP 440; moving tags and backports are not the latest."""
    for tag in published:
        job.release(tag)
    found = versioned(job, version)
    assert found.latest is expected
    assert latest(job.guard(), found, job.services()) is expected


def test_drafts_have_no_say_in_what_is_latest(job: Job) -> None:
    """Only what is public counts, and what is public for this tag is listed."""
    job.release("v9.0.0", draft=True)
    job.release(TAG)
    found = planned(job)
    assert found.latest
    assert found.published == (f"release {TAG}: https://github.com/{NAME}/releases/tag/{TAG}",)


def test_a_pre_release_takes_the_base_versions_section(job: Job) -> None:
    """And says which section was taken."""
    job.push({**widget.files("1.2.3rc1")}, "v1.2.3rc1")
    found = planned(job)
    assert (found.section, found.remarks) == ("- A widget that turns.", ("CHANGELOG.md: took the section '1.2.3'",))


def test_unreleased_changes_are_taken_and_it_is_said(job: Job) -> None:
    """Where the version has no section of its own."""
    job.push({"CHANGELOG.md": UNRELEASED})
    found = planned(job)
    assert (found.section, found.remarks) == ("- More turns.", ("CHANGELOG.md: took the section 'Unreleased'",))


def test_a_missing_section_refuses_a_release(job: Job) -> None:
    """The file is named, and how to see the result."""
    job.push({"CHANGELOG.md": ABSENT})
    error = refused(planned, job, loopback=False)
    assert (type(error), error.slug) == (UsageError, "changelog-section-missing")
    assert (
        error.what
        == "got no section for 1.2.3 in CHANGELOG.md, expected a heading with that version, or with Unreleased"
    )
    assert "`tagseal notes --tag v1.2.3`" in error.hint


def test_a_rehearsal_goes_on_without_a_section_and_says_so(job: Job) -> None:
    """The notes and a remark say what a real release would do."""
    job.push({"CHANGELOG.md": ABSENT})
    found = planned(job)
    said = "CHANGELOG.md has no section for 1.2.3: a real release would refuse here"
    assert (found.section, found.remarks) == (f"*{said}.*", (said,))


def test_without_a_changelog_the_commits_since_the_previous_tag_are_listed(job: Job) -> None:
    """By version, not by date; moving tags and what lies on other branches are not the previous one."""
    job.git.command("tag", "v1.2.2")
    job.git.command("tag", "v1.1.0")
    (job.git.root / "CHANGELOG.md").unlink()
    who = ("-c", "user.name=W", "-c", "user.email=w@example.invalid")
    job.git.command(*who, "commit", "--quiet", "--all", "--message=Drop the *changelog*")
    job.git.command("tag", "v1")
    job.push({"widget.py": "TURNS = 2\n"})
    found = planned(job, loopback=False)
    assert (found.changelog, found.remarks) == ("commits", ("no changelog: the notes list the commits",))
    assert found.section.splitlines() == ["- `Turn`", "- `Drop the *changelog*`"]


def test_a_configured_changelog_must_exist(job: Job) -> None:
    """A mistyped name is not replaced by another file."""
    assert refused(planned, job, changelog="CHANGES.md").slug == "changelog-not-found"


def test_further_assets_are_found_now(job: Job) -> None:
    """Their names are planned; a pattern that matches nothing fails here, not after the build."""
    job.push({"docs/widget.pdf": "%PDF"})
    assert planned(job, assets=("docs/*.pdf",)).assets == ("widget.pdf",)
    assert refused(planned, job, assets=("docs/*.svg",)).slug == "pattern-without-file"


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("notes.md.j2", "{{ section }}\n{{ nonsense }}\n{{ verify }}", "notes.md.j2:2: "),
        ("notes.md.j2", "{{ section }", "notes.md.j2:1: "),
        ("verify/section.md.j2", "{{ first.nonsense }}", "section.md.j2:1: "),
    ],
)
def test_a_broken_template_fails_at_once(job: Job, name: str, text: str, where: str) -> None:
    """With its file and line, before anything is built."""
    job.push({f"release-templates/{name}": text})
    error = refused(planned, job, templates="release-templates")
    assert (type(error), error.slug) == (ConfigError, "template-error")
    assert error.what.startswith(where)


def test_a_template_without_an_instruction_fails_at_once(job: Job) -> None:
    """The instructions must cover every planned file, whatever the template says."""
    job.push({"release-templates/verify/section.md.j2": "## Verify\n\nTrust us.\n"})
    assert refused(planned, job, templates="release-templates").exit_code == 1


EDITS: dict[str, object] = {
    "tag": "v1.2.4",
    "commit": "e" * 40,
    "project": "gadget",
    "version": "1.2.4",
    "prerelease": True,
    "identity": Identity(repository="evil/widget", workflow=".github/workflows/x.yml", ref="refs/heads/main"),
    "epoch": 1,
    "sdist": "evil.tar.gz",
    "wheel": "evil-",
    "changelog": "commits",
    "section": "- Evil.",
    "image": "ghcr.io/evil/widget",
    "image_tags": ("latest",),
    "image_forms": ("bundle",),
    "kit": "evil-verify.zip",
    "index": known_indexes()["testpypi"],
}
MAY_CHANGE = {
    "latest": False,
    "assets": ("more.pdf",),
    "tools": (),
    "published": ("x",),
    "irreversible": (),
    "remarks": ("x",),
}


def test_a_version_that_no_index_takes_is_refused(job: Job) -> None:
    """A local one is for oneself (PEP 440), and is found before anything is built; without an index it may be."""
    tag = "v1.2.3+mine"
    job.push({**widget.files("1.2.3+mine"), "CHANGELOG.md": UNRELEASED}, tag)
    error = refused(planned, job, index=IndexSettings(name="pypi"))
    assert error.slug == "index-local-version"
    assert planned(job).version == "1.2.3+mine"


def test_every_field_is_either_derived_again_or_may_change() -> None:
    """A new field of the record has to be put on one of the two lists."""
    assert {field.name for field in dataclasses.fields(Plan)} == EDITS.keys() | MAY_CHANGE.keys()


@pytest.mark.parametrize("field", EDITS)
def test_an_edited_plan_is_refused(job: Job, field: str) -> None:
    """A job derives the plan again; both sides of what differs are named."""
    claimed = planned(job)
    confirm(job.guard(), claimed, services=job.services())
    with pytest.raises(Refused) as caught:
        confirm(job.guard(), replace(claimed, **{field: EDITS[field]}), services=job.services())  # type: ignore[arg-type]
    assert caught.value.slug == "plan-disagrees"
    assert [line.partition(":")[0] for line in caught.value.context] == [field]
    assert "got '" in caught.value.context[0]


@pytest.mark.parametrize("field", MAY_CHANGE)
def test_what_the_remote_may_change_between_jobs_is_not_compared(job: Job, field: str) -> None:
    """Another release may appear, and only the build job has the built assets."""
    claimed = replace(planned(job), **{field: MAY_CHANGE[field]})  # type: ignore[arg-type]
    confirm(job.guard(), claimed, services=job.services())


def test_a_computed_version_is_held_against_the_tag(job: Job) -> None:
    """A job that may not run the back end compares what the record claims with the tag."""
    backend = widget.BACKEND.replace("STEM =", "PROJECT['version'] = '1.2.3'\nSTEM =", 1)
    job.push({"pyproject.toml": DYNAMIC, "backend.py": backend})
    claimed = planned(job)
    job.push({"pyproject.toml": DYNAMIC, "backend.py": "raise SystemExit('ran')\n"})
    claimed = replace(claimed, commit=job.git.head(), epoch=job.git.commit_time("HEAD"))
    confirm(job.guard(), claimed, services=job.services())
    with pytest.raises(Refused) as caught:
        confirm(job.guard(), replace(claimed, version="1.2.4"), services=job.services())
    assert caught.value.slug == "version-disagrees"


def test_a_kit_is_planned_by_its_name(job: Job) -> None:
    """It follows from name and version, as a wheel's does, and every job derives it again."""
    found = planned(job, kit=True)
    assert found.kit == "widget-1.2.3-verify.zip"
    assert planned(job).kit == ""
    with pytest.raises(Refused) as caught:
        confirm(job.guard(), found, services=job.services())
    assert caught.value.context == ("kit: got 'widget-1.2.3-verify.zip', expected ''",)


@pytest.mark.parametrize(
    "name", ["widget-1.2.3-verify.zip", "trusted_root.json", "trust_config.json", "VERIFY.md", "verify.md"]
)
def test_no_asset_takes_a_name_of_the_kits(job: Job, name: str) -> None:
    """A reader puts the files into the unpacked kit: one would replace the other."""
    job.push({name: "mine\n"})
    error = refused(planned, job, kit=True, assets=(name,))
    assert (type(error), error.slug) == (UsageError, "kit-name-taken")
    assert name in planned(job, assets=(name,)).assets


def test_a_kit_that_cannot_be_rendered_fails_here(job: Job) -> None:
    """Nothing has been built or signed yet."""
    job.push({"templates/kit.md.j2": "{{ nothing }}\n"})
    error = refused(planned, job, kit=True, templates="templates")
    assert (type(error), error.slug) == (ConfigError, "template-error")
    assert planned(job, templates="templates").kit == ""
