"""guard: refuse every run that is not on exactly one tag.

The order, cheapest first; nothing is written, and no remote is asked before the local answers agree:

1. This is an Actions run on github.com, started by a tag.
2. The tag is safe, and fits the project's pattern.
3. The work folder is ours to write.
4. The checkout stands on the event's commit, unchanged. Its workflow can be called by nobody, and no job of it but
   those that sign, or publish to an index, can have an identity.
5. The remote knows the tag, and peels it to that commit; a private repository consents to a public log.
6. The identity token, where this job may have one, says the same as all of the above.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tagseal.config import FILES
from tagseal.errors import Refused
from tagseal.machine import actions, checkout
from tagseal.names import WORKFLOW, printable, safe_repository, safe_tag, show
from tagseal.records import ISSUER, WORKFLOWS, Identity, Tag
from tagseal.steps.signers import hold_signers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagseal.machine.actions import Event
    from tagseal.steps import Services

_TAGS = "refs/tags/"


def guard(event: Event, *, services: Services) -> Tag:
    """Return the tag that this run is on.

    Raises:
        Refused: Anything disagrees; nothing was written.
    """
    name = tag_of(event)
    _fits(name, services)
    _ours_to_write(services)
    untracked = _hold_checkout(event, services)
    identity = _identity(event, services)
    unread = hold_signers(event, services)
    private = _remote(name, event, services)
    unchecked = _token(event, identity, services)
    return Tag(
        name=name,
        commit=event.sha,
        identity=identity,
        private=private,
        unchecked=(*unread, *unchecked),
        untracked=untracked,
    )


def tag_of(event: Event) -> str:
    """Return the name of the tag that started this run (numbers 1 and 2: no file is read, nobody is asked).

    Raises:
        Refused: It was not a tag, not Actions, not github.com, or the tag's name is unsafe.
    """
    if event.ref and not event.ref.startswith(_TAGS):
        raise _not_a_tag(event)
    if not event.actions:
        raise Refused(
            "got no GitHub Actions run, expected one that a tag started",
            context=(f"GITHUB_ACTIONS is not `true`; GITHUB_REF is {show(event.ref)}",),
            hint="On a laptop: `tagseal rehearse`. For real: push the tag, and the workflow runs this.",
            slug="not-in-actions",
        )
    if not event.ref:
        raise Refused(
            "got no GITHUB_REF, expected refs/tags/<tag>",
            hint="Run this in a job of a workflow that a tag starts.",
            slug="no-ref",
        )
    if (event.server, event.api) != (actions.SERVER, actions.API):
        raise Refused(
            f"got the server {show(event.server)}, expected {actions.SERVER}: "
            "GitHub Enterprise Server is not supported for now",
            hint="Release from a repository on github.com.",
            slug="enterprise-server",
        )
    if event.ref_type != "tag":
        raise Refused(
            f"got GITHUB_REF_TYPE {show(event.ref_type)} beside GITHUB_REF {show(event.ref)}, expected 'tag'",
            hint="Do not set these variables in the workflow; push the tag, or dispatch on it.",
            slug="ref-type-disagrees",
        )
    return safe_tag(event.ref.removeprefix(_TAGS))


def _not_a_tag(event: Event) -> Refused:
    file = event.workflow.removeprefix(f"{WORKFLOWS}/")
    named = file if WORKFLOW.fullmatch(file) else "FILE"
    started = {
        "pull_request": "A pull request started this run.",
        "workflow_dispatch": "Somebody started this run by hand, on a branch.",
        "schedule": "A schedule started this run.",
    }.get(event.name, "A signature made here would name the branch, and no documented command would accept it.")
    return Refused(
        f"got {show(event.ref)}, expected refs/tags/<tag>",
        context=(started,),
        hint=f"`git tag -s <tag> && git push origin <tag>`, or, for a tag that exists: "
        f"`gh workflow run {named} --ref <tag>`. To try a release without a tag: `tagseal rehearse`.",
        slug="not-a-tag",
    )


def _fits(name: str, services: Services) -> None:
    pattern = services.pattern_beside(name)
    if pattern.parse(name) is None:
        raise Refused(
            f"got the tag {show(name)}, expected one like {show(str(pattern))} with a PEP 440 version",
            context=(f"the pattern: {pattern.basis}",),
            hint='Push a tag that fits, set tag = "…{version}" in [tool.tagseal], or, if this checkout lacks the '
            "other tags, fetch them (actions/checkout: fetch-depth: 0).",
            slug="tag-does-not-fit",
        )


def _ours_to_write(services: Services) -> None:
    work = services.work.path
    linked = next((entry for entry in (work.parent, work, *_entries(work)) if entry.is_symlink()), None)
    tracked = services.git.is_tracked(work)
    if linked or tracked:
        raise Refused(
            f"got a work folder that {'is a link' if linked else 'git tracks'}, expected a plain, untracked one",
            context=((linked or work).relative_to(services.root).as_posix(),),
            hint="`git rm -r --cached dist`, list /dist/ in .gitignore, and remove links: records in a work folder "
            "decide what is signed, so nobody may bring them along in a commit.",
            slug="work-folder-not-ours",
        )


def _entries(work: Path) -> tuple[Path, ...]:
    return tuple(sorted(work.rglob("*"))) if work.is_dir() else ()


def _hold_checkout(event: Event, services: Services) -> tuple[str, ...]:
    head = services.git.head()
    if head != event.sha:
        raise Refused(
            f"got the checkout on {show(head)}, expected GITHUB_SHA {show(event.sha)}",
            hint="Let actions/checkout check out the ref that started the run: no `ref:` input, no commits after it.",
            slug="checkout-elsewhere",
        )
    found = checkout.compare(services.git, event.sha)
    # What this tool reads is the tag's, or is not there: git may be told to ignore a file that an earlier step made.
    brought = {name for name in _read_files(event, services) if name not in found.files}
    if changed := sorted({*found.changed, *brought}):
        raise Refused(
            f"got {len(changed)} changed files, expected the tag's own",
            context=tuple(show(path) for path in changed[:10]),
            hint="Compare them with the tag's: `git status` shows them, unless git was told to look away. An earlier "
            "step of this job changed the checkout: move it after the release, or commit its result before the tag.",
            slug="checkout-changed",
        )
    image = services.settings.image
    used = (
        f"{services.work.path.relative_to(services.root).as_posix()}/",
        *((image.archive,) if image and image.archive else ()),
    )
    return tuple(printable(path) for path in found.untracked if not path.startswith(used))


def _read_files(event: Event, services: Services) -> Iterator[str]:
    """Yield the files that decide about a release, as far as they are there."""
    from tagseal.notes import changelog  # noqa: PLC0415 - a Markdown parser

    root = services.root
    yield from (name for name in (*FILES, event.workflow) if name and os.path.lexists(root / name))
    if found := changelog.find(root, services.settings.changelog):
        yield found.relative_to(root).as_posix()


def _identity(event: Event, services: Services) -> Identity:
    repository = safe_repository(event.repository)
    expected = services.settings.repository
    if expected and expected != repository:
        raise Refused(
            f"got a run in {show(repository)}, expected {show(expected)} as the configuration says",
            hint="A fork signs as itself, and nobody's commands would accept it. In the fork, change or remove "
            "`repository` in [tool.tagseal].",
            slug="another-repository",
        )
    file = event.workflow.removeprefix(f"{WORKFLOWS}/")
    if event.workflow_ref != f"{repository}/{WORKFLOWS}/{file}@{event.ref}" or not WORKFLOW.fullmatch(file):
        raise Refused(
            f"got the workflow {show(event.workflow_ref)}, expected {repository}/{WORKFLOWS}/FILE@{event.ref}",
            hint="The workflow file lies in .github/workflows of this repository, and its name has only letters, "
            "digits and . _ -",
            slug="workflow-unknown",
        )
    named = services.settings.workflow
    if named and named != file:
        raise Refused(
            f"got the workflow {show(file)}, expected {show(named)} as the configuration says",
            hint="The documented identity names that file. Rename the workflow back, or change `workflow` in "
            "[tool.tagseal] and the pages that name it.",
            slug="another-workflow",
        )
    return Identity(repository=repository, workflow=event.workflow, ref=event.ref, issuer=ISSUER)


def _remote(name: str, event: Event, services: Services) -> bool:
    commit = services.github.tag_commit(event.repository, name)
    if commit is None:
        raise Refused(
            f"got no tag {show(name)} at {event.repository}, expected it on {event.sha}",
            hint=f"`git push origin {name}`; if somebody deleted it on purpose, this run has nothing to release.",
            slug="tag-not-at-remote",
        )
    if commit != event.sha:
        raise Refused(
            f"got {name} on {commit} at {event.repository}, expected GITHUB_SHA {event.sha}",
            hint="The tag moved after this run began. A release belongs to one commit: if you moved it, end this "
            "run, and let the one that your push started release it. Else find out who did, before anything else.",
            slug="tag-moved",
        )
    private = services.github.private(event.repository)
    if private and not services.settings.public_log:
        raise Refused(
            f"got the private repository {event.repository}, expected consent: signing publishes its name for ever",
            hint="Set public-log = true in [tool.tagseal] if the transparency log may name it.",
            slug="private-without-consent",
        )
    return private


def _token(event: Event, identity: Identity, services: Services) -> tuple[str, ...]:
    from tagseal.services import oidc  # noqa: PLC0415 - a refusal on a branch need not wait for it

    token = services.retry.read(lambda: oidc.identity_token(services.environ, oidc.SIGSTORE))
    if token is None:
        return ("the identity token: this job has no `id-token` permission",)
    agree(oidc.claims(token), event, identity)
    return ()


def agree(claims: Mapping[str, str], event: Event, identity: Identity) -> None:
    """Compare an identity token's claims with the event, with each other, and with the documented identity.

    Raises:
        Refused: One of them differs; all that differ are named.
    """
    workflow_ref = f"{identity.repository}/{identity.workflow}@{identity.ref}"
    expected = {
        "iss": identity.issuer,
        "ref": event.ref,
        "sha": event.sha,
        "repository": event.repository,
        "workflow_ref": workflow_ref,
        "job_workflow_ref": workflow_ref,
    }
    wrong = [name for name, value in expected.items() if str(claims.get(name, "")) != value]
    if not wrong:
        return
    only_job = wrong == ["job_workflow_ref"]
    raise Refused(
        "got an identity token that names another workflow than the notes will print"
        if only_job
        else "got an identity token that disagrees with this run",
        context=tuple(f"{one}: got {show(str(claims.get(one, '')))}, expected {show(expected[one])}" for one in wrong),
        hint="This job runs in a reusable workflow (`workflow_call`), so the certificate would name that file. Move "
        "the job into the workflow that the tag starts."
        if only_job
        else "Run the workflow again on the tag; if it persists, look for steps that set GITHUB_ variables.",
        slug="identity-disagrees",
    )
