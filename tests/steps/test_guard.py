"""guard: every run that is not on exactly one tag is refused, with what was got, what was expected, and a way out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import widget
from job import NAME, TAG, WORKFLOW
from tagseal.config import IndexSettings
from tagseal.errors import Refused, UsageError
from tagseal.journal import digest
from tagseal.machine import actions
from tagseal.records import Identity
from tagseal.steps.guard import guard, tag_of
from tagseal.steps.signers import hold_signers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from job import Job

OTHER = "e" * 40
DISPATCH = "`gh workflow run FILE --ref <tag>`."
UNCHECKED = "the identity token: this job has no `id-token` permission"
REHEARSE = "To try a release without a tag: `tagseal rehearse`."


def refused(job: Job, environ: Mapping[str, str] | None = None, **settings: object) -> Refused:
    """Return the guard's refusal, having seen that it wrote nothing."""
    environ = job.environ() if environ is None else environ
    before = files(job)
    with pytest.raises(Refused) as caught:
        job.guard(environ, **settings)
    assert files(job) == before
    assert caught.value.exit_code == 3
    return caught.value


def files(job: Job) -> set[tuple[str, str]]:
    """Return every file of the checkout, git's own included, and of the runner, with its digest."""
    found = (path for place in (job.git.root, job.temp) for path in place.rglob("*") if path.is_file())
    return {(str(path), digest(path)) for path in found}


def refused_ref(**variables: str) -> Refused:
    """Return the refusal of an event, told by the environment alone."""
    with pytest.raises(Refused) as caught:
        tag_of(actions.event(variables))
    return caught.value


ON_TAG = {"GITHUB_ACTIONS": "true", "GITHUB_REF": f"refs/tags/{TAG}", "GITHUB_REF_TYPE": "tag"}


def test_a_tag_on_which_all_agree_passes(job: Job) -> None:
    """Environment, checkout, remote and token say the same: the record is the tag, its commit and its identity."""
    tag = job.guard(job.environ(granted=job.run))
    assert (tag.name, tag.commit, tag.private) == (TAG, job.git.head(), False)
    assert tag.identity == Identity(repository=NAME, workflow=WORKFLOW, ref=f"refs/tags/{TAG}")
    assert (tag.unchecked, tag.untracked) == ((), ())


def test_a_job_without_id_token_says_what_it_could_not_check(job: Job) -> None:
    """Everything else is checked; the token is named as unchecked."""
    assert job.guard().unchecked == (UNCHECKED,)


def test_a_dispatch_on_a_tag_is_a_tag_run(job: Job) -> None:
    """Who started the run does not matter, the ref does."""
    assert job.guard(job.environ(replace(job.run, event="workflow_dispatch"))).name == TAG


def test_no_actions_run_is_refused() -> None:
    """A laptop is told to rehearse."""
    error = refused_ref()
    assert (error.what, error.slug) == ("got no GitHub Actions run, expected one that a tag started", "not-in-actions")
    assert error.hint == "On a laptop: `tagseal rehearse`. For real: push the tag, and the workflow runs this."


def test_a_tag_outside_actions_is_refused() -> None:
    """The ref alone is no run."""
    assert refused_ref(GITHUB_REF=f"refs/tags/{TAG}").slug == "not-in-actions"


def test_a_run_without_a_ref_is_refused() -> None:
    """Nothing is assumed."""
    assert refused_ref(GITHUB_ACTIONS="true").slug == "no-ref"


@pytest.mark.parametrize(
    ("event", "ref", "context"),
    [
        ("push", "refs/heads/main", "A signature made here would name the branch"),
        ("pull_request", "refs/pull/7/merge", "A pull request started this run."),
        ("workflow_dispatch", "refs/heads/main", "Somebody started this run by hand, on a branch."),
        ("schedule", "refs/heads/main", "A schedule started this run."),
        ("push", TAG, "A signature made here"),
        ("push", "refs/tags", "A signature made here"),
    ],
)
def test_a_ref_that_is_no_tag_is_refused(event: str, ref: str, context: str) -> None:
    """Branches, pull requests and short names; the hint names the workflow to dispatch on a tag."""
    variables = {"GITHUB_REPOSITORY": NAME, "GITHUB_WORKFLOW_REF": f"{NAME}/{WORKFLOW}@{ref}"}
    error = refused_ref(**{**ON_TAG, **variables, "GITHUB_REF": ref, "GITHUB_EVENT_NAME": event})
    assert (error.what, error.slug) == (f"got '{ref}', expected refs/tags/<tag>", "not-a-tag")
    assert error.context[0].startswith(context)
    assert error.hint == (
        "`git tag -s <tag> && git push origin <tag>`, or, for a tag that exists: "
        f"`gh workflow run release.yml --ref <tag>`. {REHEARSE}"
    )


def test_an_odd_workflow_is_not_put_into_a_command() -> None:
    """A workflow's name from outside that is not safe becomes FILE in the hint."""
    odd = {"GITHUB_REPOSITORY": NAME, "GITHUB_WORKFLOW_REF": f"{NAME}/.github/workflows/$(id).yml@refs/heads/main"}
    assert "`gh workflow run FILE --ref <tag>`" in refused_ref(**odd, GITHUB_REF="refs/heads/main").hint


@pytest.mark.parametrize("said", ["branch", ""])
def test_a_ref_type_that_disagrees_is_refused(said: str) -> None:
    """``GITHUB_REF_TYPE`` must say tag."""
    error = refused_ref(**ON_TAG | {"GITHUB_REF_TYPE": said})
    assert error.what == f"got GITHUB_REF_TYPE '{said}' beside GITHUB_REF 'refs/tags/{TAG}', expected 'tag'"
    assert error.hint == "Do not set these variables in the workflow; push the tag, or dispatch on it."


@pytest.mark.parametrize(
    "variables",
    [
        {"GITHUB_SERVER_URL": "https://github.example"},
        {"GITHUB_API_URL": "https://github.example/api/v3"},
        {"GITHUB_API_URL": "https://api.github.com.evil.example"},
    ],
)
def test_an_enterprise_server_is_refused(variables: dict[str, str]) -> None:
    """In one sentence, for now."""
    error = refused_ref(**ON_TAG | variables)
    assert error.slug == "enterprise-server"
    assert error.what.endswith("expected https://github.com: GitHub Enterprise Server is not supported for now")


@pytest.mark.parametrize(
    "tag",
    [
        "v1.0.0$(id)",
        "v1 0",
        "v1'0",
        'v1"0',
        "v1\n0",
        "v1\r\n::set-output::",
        "-v1.0",
        "v1;id",
        "v1`id`",
        "v1|id",
        "v1..0",
        "v1.lock",
        "",
        "v1\x1b[2J",
        "v1\u202e0",
        "v\u0661.0",  # an Arabic-Indic one
        "\u0475" + "1.0",  # a Cyrillic look-alike of v
        "v1.0\u200b",
        "v" + "1" * 300,
    ],
)
def test_a_tag_outside_the_safe_set_is_refused(tag: str) -> None:
    """Shell, git, URL, control and look-alike characters; what is printed of them is harmless and bounded."""
    error = refused_ref(**ON_TAG | {"GITHUB_REF": f"refs/tags/{tag}"})
    assert (error.slug, error.hint) == ("unsafe-tag", "Delete this tag and push one such as v1.2.3.")
    shown = f"{error.what}{error.context}"
    assert shown.isprintable()
    assert len(shown) < 400


def test_a_tag_that_does_not_fit_the_pattern_is_refused(job: Job) -> None:
    """The pattern comes from the other tags; its basis is told, and how to set another."""
    for other in ("1.0.0", "1.1.0", "1.2.0"):
        job.git.command("tag", other)
    error = refused(job)
    assert error.what == f"got the tag '{TAG}', expected one like '{{version}}' with a PEP 440 version"
    assert error.context == ("the pattern: bare, like your last 3",)
    assert "fetch-depth: 0" in error.hint
    assert 'set tag = "…{version}" in [tool.tagseal]' in error.hint
    assert job.guard(tag="v{version}").name == TAG


@pytest.mark.parametrize("tag", ["1.2.3", "release-1.2.3"])
def test_a_first_tag_is_its_own_way(job: Job, tag: str) -> None:
    """Where no other tag tells, a tag with a version in it fits."""
    job.git.command("tag", "--delete", TAG)
    job.push({}, tag)
    assert job.git.tags() == (tag,)
    assert job.guard().name == tag


def test_a_tag_without_a_version_is_refused(job: Job) -> None:
    """A moving tag or a word fits no pattern."""
    job.push({}, "nightly")
    assert refused(job).slug == "tag-does-not-fit"


@pytest.mark.parametrize("tag", ["widget/v1.2.3", "v1.2.3+local.1"])
def test_a_safe_tag_with_a_slash_or_a_plus_passes(job: Job, tag: str) -> None:
    """These reach the API, the folder and the identity as they are."""
    job.push({}, tag)
    prefix = tag.partition("1")[0]
    assert job.guard(tag=f"{prefix}{{version}}").identity.ref == f"refs/tags/{tag}"


def test_a_work_folder_that_git_tracks_is_refused(job: Job) -> None:
    """Records in it would decide what is signed, and anybody could bring them along in a commit."""
    place = f"dist/{TAG}/release.json"
    widget.write(job.git.root, {place: "{}"})
    job.git.command("add", "--force", place)
    error = refused(job)
    assert error.what == "got a work folder that git tracks, expected a plain, untracked one"
    assert error.context == (f"dist/{TAG}",)
    assert error.hint.startswith("`git rm -r --cached dist`, list /dist/ in .gitignore")


@pytest.mark.parametrize("link", ["dist", f"dist/{TAG}", f"dist/{TAG}/packages", f"dist/{TAG}/packages/a.whl"])
def test_a_work_folder_with_a_link_is_refused(job: Job, tmp_path: Path, link: str) -> None:
    """Neither the folder, nor the one above, nor anything in it may lead elsewhere."""
    place = job.git.root / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(tmp_path / "elsewhere")
    error = refused(job)
    assert (error.slug, error.context) == ("work-folder-not-ours", (link,))
    assert error.what == "got a work folder that is a link, expected a plain, untracked one"


def test_a_checkout_elsewhere_is_refused(job: Job) -> None:
    """HEAD must be the event's commit."""
    head = job.git.head()
    error = refused(job, job.environ(replace(job.run, sha=OTHER)))
    assert error.what == f"got the checkout on '{head}', expected GITHUB_SHA '{OTHER}'"
    assert "no `ref:` input" in error.hint


def test_changed_tracked_files_are_refused(job: Job) -> None:
    """Changed, staged and deleted ones, all by name."""
    widget.write(job.git.root, {"widget.py": "TURNS = False\n", "staged.py": ""})
    job.git.command("add", "staged.py")
    (job.git.root / "backend.py").unlink()
    error = refused(job)
    assert error.what == "got 3 changed files, expected the tag's own"
    assert error.context == ("'backend.py'", "'staged.py'", "'widget.py'")
    assert error.hint.startswith("Compare them with the tag's: `git status` shows them, unless")


def test_untracked_files_are_listed(job: Job) -> None:
    """The build does not see them, so they are no error; a name from outside is printed harmlessly."""
    widget.write(job.git.root, {"notes.txt": "", "a\x1bb": ""})
    assert job.guard().untracked == ("a\\u001bb", "notes.txt")


def test_the_work_folder_is_not_listed_as_untracked(job: Job) -> None:
    """What this tool wrote in the job before is no stray file, also where .gitignore does not name it."""
    job.push({".gitignore": ""})
    widget.write(job.git.root, {f"dist/{TAG}/release.json": "{}", "dist/stray": ""})
    assert job.guard().untracked == ("dist/stray",)


@pytest.mark.parametrize(
    ("annotated", "nested"), [(False, False), (True, False), (True, True)], ids=["lightweight", "annotated", "nested"]
)
def test_the_remote_tag_is_peeled(job: Job, *, annotated: bool, nested: bool) -> None:
    """Whatever kind of tag, its commit is compared: the right one passes, another is refused."""
    job.repository.add_tag(TAG, job.run.sha, annotated=annotated, nested=nested)
    assert job.guard().commit == job.run.sha
    job.repository.add_tag(TAG, OTHER, annotated=annotated, nested=nested)
    error = refused(job)
    assert error.what == f"got {TAG} on {OTHER} at {NAME}, expected GITHUB_SHA {job.run.sha}"
    assert error.hint.startswith("The tag moved after this run began.")


def test_a_tag_absent_at_the_remote_is_refused(job: Job) -> None:
    """A tag of the same beginning is not it."""
    del job.repository.refs[f"refs/tags/{TAG}"]
    job.repository.add_tag(f"{TAG}.post1", job.run.sha)
    error = refused(job)
    assert error.what == f"got no tag '{TAG}' at {NAME}, expected it on {job.run.sha}"
    assert error.hint.startswith(f"`git push origin {TAG}`")


def test_a_private_repository_needs_consent(job: Job) -> None:
    """A signature publishes its name for ever; one line of the configuration consents."""
    job.repository.private = True
    error = refused(job)
    assert error.what == f"got the private repository {NAME}, expected consent: signing publishes its name for ever"
    assert error.hint.startswith("Set public-log = true in [tool.tagseal]")
    assert job.guard(public_log=True).private


def test_another_repository_than_the_configured_one_is_refused(job: Job) -> None:
    """A fork signs as itself."""
    error = refused(job, repository="octo/gadget")
    assert error.what == f"got a run in '{NAME}', expected 'octo/gadget' as the configuration says"


def test_another_workflow_than_the_configured_one_is_refused(job: Job) -> None:
    """A renamed file would sign with another identity than the documented one."""
    error = refused(job, workflow="publish.yml")
    assert error.what == "got the workflow 'release.yml', expected 'publish.yml' as the configuration says"


@pytest.mark.parametrize(
    "said",
    [
        "",
        f"octo/shared/{WORKFLOW}@refs/tags/{TAG}",
        f"{NAME}/workflows/release.yml@refs/tags/{TAG}",
        f"{NAME}/.github/workflows/a b.yml@refs/tags/{TAG}",
        f"{NAME}/.github/workflows/x/release.yml@refs/tags/{TAG}",
        f"{NAME}/{WORKFLOW}@refs/heads/main",
        f"{NAME}/{WORKFLOW}",
    ],
)
def test_a_workflow_that_is_not_this_repositorys_on_this_tag_is_refused(job: Job, said: str) -> None:
    """``GITHUB_WORKFLOW_REF`` is compared whole: repository, folder, file and ref."""
    error = refused(job, job.environ(GITHUB_WORKFLOW_REF=said))
    assert error.what == f"got the workflow '{said}', expected {NAME}/.github/workflows/FILE@refs/tags/{TAG}"


@pytest.mark.parametrize("trigger", ["on: [push, workflow_call]", "on:\n  workflow_call:\n  push:\n    tags: ['v*']"])
def test_a_workflow_that_others_could_call_is_refused(job: Job, trigger: str) -> None:
    """A caller's certificate would carry this identity, so the trigger is refused where it stands in the file."""
    job.push({WORKFLOW: f"{trigger}\njobs: {{}}\n"})
    error = refused(job)
    assert error.slug == "workflow-callable"
    assert WORKFLOW in error.what


@pytest.mark.parametrize(
    ("changes", "claims"),
    [
        ({"repository": "evil/widget"}, ["repository", "workflow_ref", "job_workflow_ref"]),
        ({"workflow": ".github/workflows/other.yml"}, ["workflow_ref", "job_workflow_ref"]),
        ({"sha": OTHER}, ["sha"]),
        ({"ref": "refs/heads/main"}, ["ref", "workflow_ref", "job_workflow_ref"]),
        ({"ref": "refs/tags/v1.2.4"}, ["ref", "workflow_ref", "job_workflow_ref"]),
    ],
    ids=["a fork", "a renamed file", "another commit", "a branch", "another tag"],
)
def test_a_token_that_disagrees_with_the_run_is_refused(job: Job, changes: dict[str, str], claims: list[str]) -> None:
    """Every claim that differs is named, with both sides."""
    error = refused(job, job.environ(granted=replace(job.run, **changes)))  # type: ignore[arg-type]
    assert error.what == "got an identity token that disagrees with this run"
    assert [line.partition(":")[0] for line in error.context] == claims
    assert all("got '" in line and "', expected '" in line for line in error.context)
    assert error.hint.startswith("Run the workflow again on the tag")


def test_a_reusable_workflow_is_refused(job: Job) -> None:
    """The certificate would name its file, which the notes do not."""
    called = "octo/shared/.github/workflows/sign.yml@refs/heads/main"
    error = refused(job, job.environ(granted=replace(job.run, job_workflow=called)))
    assert error.what == "got an identity token that names another workflow than the notes will print"
    assert error.context == (f"job_workflow_ref: got '{called}', expected '{job.run.workflow_ref}'",)
    assert error.hint.startswith("This job runs in a reusable workflow (`workflow_call`)")


def test_a_permission_that_is_named_but_not_given_is_unchecked(job: Job) -> None:
    """A token URL without its request token gives no identity; ``sign`` will refuse, the guard says so."""
    environ = job.environ(granted=job.run)
    job.patch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    del environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    assert job.guard(environ).unchecked == (UNCHECKED,)


def test_local_answers_come_before_remote_ones(job: Job) -> None:
    """A dirty tree is refused though nobody could be asked: the name leads nowhere."""
    widget.write(job.git.root, {"widget.py": ""})
    asked = len(job.loopback.transcript.entries)
    assert refused(job).slug == "checkout-changed"
    assert len(job.loopback.transcript.entries) == asked


def test_a_token_that_may_not_read_is_an_error_with_the_permission(job: Job) -> None:
    """A job whose token sees nothing of a private repository is told what to grant."""
    job.repository.private = True
    with pytest.raises(UsageError) as caught:
        job.guard(job.environ(contents="none"))
    assert (caught.value.slug, caught.value.exit_code) == ("github-permission", 2)


def test_a_refusal_of_a_branch_needs_no_repository_and_nothing_heavy(tmp_path: Path) -> None:
    """The command exits 3 within one screen, and imports neither sigstore, nor PyGithub, nor pydantic, nor rich."""
    environ = {
        "PATH": os.environ["PATH"],
        "GITHUB_REF": "refs/heads/main",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    argv = [sys.executable, "-X", "importtime", "-m", "tagseal", "guard"]
    done = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 3
    assert done.stdout == ""
    assert said == [
        "error: got 'refs/heads/main', expected refs/tags/<tag>",
        "  | A signature made here would name the branch, and no documented command would accept it.",
        f"hint:  `git tag -s <tag> && git push origin <tag>`, or, for a tag that exists: {DISPATCH} {REHEARSE}",
        "more:  https://github.com/tagseal/tagseal/blob/main/.github/ERRORS.md#not-a-tag (exit 3)",
    ]
    assert imported & {"sigstore", "github", "pydantic", "requests", "jwt", "jinja2", "rich.console"} == set()
    assert list(tmp_path.iterdir()) == []


def test_the_guard_is_a_plain_function(job: Job) -> None:
    """It takes an event and services, and gives the same record twice."""
    services = job.services()
    event = actions.event(services.environ)
    assert guard(event, services=services) == guard(event, services=services)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name:\trelease\non: push\njobs: {}\n", "got no YAML: "),
        ("on: push\njobs: {}\nname: \x85\n", "got '\\u0085', which ends a line for some readers only"),
        ("on: push # \u2028workflow_call:\njobs: {}\n", "got '\\u2028', which ends a line for some readers only"),
        ("on: push\non: workflow_call\njobs: {}\n", "got the key 'on' a second time"),
        ("x: &a push\non: *a\njobs: {}\n", "got an alias"),
        ("on: { <<: { workflow_call: } }\njobs: {}\n", "got a merge key"),
        ("jobs: {}\n", "got no `on:` in one of its forms"),
        ("on: [[push]]\njobs: {}\n", "got no `on:` in one of its forms"),
        ("- on: push\n", "got no `on:` in one of its forms"),
        ("on: push\n---\non: workflow_call\n", "got no YAML: "),
        ("", "got an empty file, expected a workflow"),
        ("on: push # " + "x" * 600_000, "got 524289 bytes, expected at most 524288"),
        ("on: push\njobs: " + "[" * 200, "got more than 100 levels, expected fewer"),
        ('name: "\\U00110000"\non: push\n', "got no YAML: "),
    ],
)
def test_a_workflow_that_cannot_be_read_strictly_is_refused(job: Job, text: str, reason: str) -> None:
    """Who can sign is read from it, and GitHub may read what this tool passes over."""
    job.push({WORKFLOW: text})
    error = refused(job)
    assert (error.slug, len(error.context)) == ("workflow-unreadable", 1)
    assert error.context[0].startswith(reason)


def test_a_workflow_that_is_a_link_is_refused(job: Job) -> None:
    """What it leads to may be another file for each reader."""
    (job.git.root / WORKFLOW).rename(job.git.root / "elsewhere.yml")
    (job.git.root / WORKFLOW).symlink_to("../../elsewhere.yml")
    job.push({})
    with pytest.raises(Refused) as caught:
        job.guard()
    assert caught.value.slug == "irregular-file"


FOREIGN = """
on: push
permissions: {}
jobs:
  seal:
    permissions: { contents: write, id-token: write }
    steps: [run: 'nox --noxfile "$(python -P -m tagseal noxfile)" -s guard sign upload prove']
  publish:
    permissions: { contents: write }
    steps: [run: python -P -m tagseal run guard publish]
  docs:
    permissions: { contents: read }
"""


@pytest.mark.parametrize(
    ("old", "new", "context"),
    [
        ("{ contents: read }", "{ id-token: write }", "11: 'docs': it has `id-token: write`"),
        ("{ contents: read }", "write-all", "11: 'docs': it has `write-all`"),
        ("{ contents: read }", "", ""),
        ("permissions: { contents: read }", "uses: ./a.yml", ""),
        ("{ contents: write }", "{ id-token: write }", "8: 'publish': it has `id-token: write`"),
        ("-s guard sign", "-s guard tests", "5: 'seal': it has `id-token: write`"),
        ('nox --noxfile "$(python -P -m tagseal noxfile)"', "nox", "5: 'seal': it has `id-token: write`"),
    ],
)
def test_a_foreign_job_that_can_sign_is_refused(job: Job, old: str, new: str, context: str) -> None:
    """A certificate names the file and the ref: any job of the file with an identity could sign as the release."""
    job.push({WORKFLOW: FOREIGN})
    assert job.guard().unchecked == (UNCHECKED,)
    job.push({WORKFLOW: FOREIGN.replace(old, new, 1)})
    if not context:
        job.guard()
        return
    error = refused(job)
    assert error.slug == "foreign-job-can-sign"
    assert [line.removeprefix(f"{WORKFLOW}:")[: len(context)] for line in error.context] == [context]


def test_permissions_of_the_whole_file_reach_every_job_that_has_none(job: Job) -> None:
    """Inherited is as good as written; no permissions at all are those of a setting that nobody sees here."""
    job.push(
        {
            WORKFLOW: FOREIGN.replace("permissions: {}", "permissions: { id-token: write }").replace(
                "{ contents: read }", "{}"
            )
        }
    )
    job.guard()
    bare = FOREIGN.replace("permissions: { contents: read }", "steps: []")
    job.push({WORKFLOW: bare.replace("permissions: {}", "permissions: { id-token: write }")})
    assert refused(job).context == (f"{WORKFLOW}:11: 'docs': it has `id-token: write`, for the whole file",)
    job.push({WORKFLOW: bare.replace("permissions: {}\n", "")})
    assert refused(job).slug == "foreign-job-can-sign"
    job.push({WORKFLOW: bare})
    job.guard()


def test_the_job_that_publishes_to_an_index_may_have_an_identity(job: Job) -> None:
    """The index knows it by its identity; with an index of another kind it logs in otherwise, and may not sign."""
    job.push({WORKFLOW: FOREIGN.replace("{ contents: write }", "{ contents: write, id-token: write }")})
    job.guard(index=IndexSettings(name="pypi"))
    with pytest.raises(Refused):
        job.guard(index=IndexSettings(name="other", url="https://index.example/simple/"))


@pytest.mark.parametrize("text", [None, "on: push\njobs: { test: { permissions: write-all } }\n"])
def test_a_rehearsal_goes_on_where_no_workflow_runs_the_tool_yet(job: Job, text: str | None) -> None:
    """The usual jobs are played, and what could not be checked is told; a real run has the workflow."""
    (job.git.root / WORKFLOW).unlink()
    job.push({WORKFLOW: text} if text else {})
    said = "does not run this tool yet" if text else "there is no"
    assert said in job.guard().unchecked[0]
    services = replace(job.services(), loopback=False)
    with pytest.raises(Refused) as caught:
        hold_signers(actions.event(services.environ), services)
    assert caught.value.slug == ("foreign-job-can-sign" if text else "workflow-unreadable")
