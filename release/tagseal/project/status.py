"""What there is for a tag, here and at GitHub, and what comes next; nothing is changed.

1. The tag: its commit at the remote, and what this checkout stands on.
2. The records of that commit in the work folder; a digest that a job told is held against them.
3. The releases: which of them ``upload`` would keep, by the same choice.
4. That release's files, its bundles, its image and its notes; and what the index has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.errors import Refused, TagsealError, UsageError
from tagseal.journal import Journal
from tagseal.machine import actions
from tagseal.machine.git import repository
from tagseal.names import safe_repository
from tagseal.pipeline import BY_JOB, VERBS
from tagseal.project import images, index
from tagseal.project.assets import ReleaseFiles, StatusRow
from tagseal.records import Identity, Plan, Seal, Tag
from tagseal.services.github import BOT, Release, marker, mine
from tagseal.steps.draft import body
from tagseal.steps.draft.choice import Choice, choose
from tagseal.steps.draft.difference import same
from tagseal.steps.draft.wanted import wanted_files
from tagseal.verification.policy import Exact
from tagseal.workflow import signing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.steps import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything that can be told of a tag."""

    repository: str
    tag: str
    identity: str
    """Who must have signed."""
    rows: tuple[StatusRow, ...]
    next: str
    """What to do now, with the command."""


def status(name: str, *, services: Services) -> Status:
    """Return what there is for this tag.

    Raises:
        UsageError: The repository is not known.
        ServiceError: GitHub did not answer.
    """
    look = _StatusReader(name, services)
    files = (*look.file_rows(), *look.image_rows(), *look.index_rows())
    rows = (look.tag_row(), *look.release_rows(), *files, *look.notes_rows(), look.records_row)
    return Status(repository=look.repository, tag=name, identity=look.identity.uri, rows=rows, next=look.next(rows))


class _StatusReader:
    """What is read, in order; each part is of one moment."""

    def __init__(self, name: str, services: Services) -> None:
        self.name, self.services = name, services
        self.running = services.environ if services.environ.get("GITHUB_REF") == f"refs/tags/{name}" else {}
        """The environment of a job of this tag's run; empty elsewhere."""
        self.repository = _repository(services)
        workflow = signing.signing(services.root, services.settings.workflow, self.running)
        self.file = workflow.file
        self.identity = Identity(repository=self.repository, workflow=workflow.path, ref=f"refs/tags/{name}")
        self.remote = services.github.tag_commit(self.repository, name)
        self.local = services.git.commit_of(f"refs/tags/{name}")
        self.commit = self.remote or self.local
        self.journal, self.records_row = self._journal()
        self.plan, self.seal = self.journal.records.get(Plan.verb), self.journal.records.get(Seal.verb)
        self.releases = services.github.of_tag(self.repository, name)
        self.choice, self.refusal = self._choice()

    def tag_row(self) -> StatusRow:
        """Tell where the tag is."""
        if self.remote is None:
            there = f", and here on {self.local[:7]}" if self.local else ", and not here either"
            return StatusRow(what="tag", state="absent", good=None, text=f"not at {self.repository}{there}")
        if self.local not in {None, self.remote}:
            text = f"{self.remote[:7]} at {self.repository}, but {str(self.local)[:7]} here"
            return StatusRow(what="tag", state="moved", good=False, text=text)
        head = self.services.git.commit_of("HEAD")
        stands = "and HEAD is on it" if head == self.remote else f"HEAD is on {head[:7] if head else 'no commit'}"
        return StatusRow(
            what="tag", state="pushed", good=True, text=f"{self.remote[:7]} at {self.repository}, {stands}"
        )

    def release_rows(self) -> Iterator[StatusRow]:
        """Tell which releases there are: the one that is kept, then the others."""
        if self.refusal:
            what = self.refusal.what.removeprefix("got ").partition(", expected ")[0]
            text = f"{what}: {', '.join(self.refusal.context)}"
            yield StatusRow(what="release", state="stranger", good=False, text=text)
            return
        yield self._kept_row()
        for one in self.choice.discard:
            yield StatusRow(what="release", state="empty", good=None, text=f"an empty draft beside it: {one.url}")
        for one in self.choice.left:
            yield StatusRow(what="release", state="left", good=None, text=f"beside it, and left as it is: {one.url}")

    def file_rows(self) -> tuple[StatusRow, ...]:
        """Tell of each file of the release that is kept."""
        if self.choice.kept is None:
            return ()
        policy = Exact(self.identity, self.commit) if self.commit else None
        seal = self.seal if isinstance(self.seal, Seal) else None
        return ReleaseFiles(
            release=self.choice.kept, repository=self.repository, seal=seal, policy=policy, services=self.services
        ).rows()

    def image_rows(self) -> Iterator[StatusRow]:
        """Tell where the image's tags point."""
        policy = Exact(self.identity, self.commit) if self.commit else None
        notes = self.choice.kept.body if self.choice.kept else ""
        yield from images.rows(self.name, policy, notes, self.services)

    def index_rows(self) -> Iterator[StatusRow]:
        """Tell what the index has."""
        kept = self.choice.kept
        digests = {asset.name: asset.sha256 for asset in kept.assets if asset.sha256} if kept else {}
        if isinstance(self.seal, Seal):
            digests = {artifact.name: artifact.sha256 for artifact in self.seal.artifacts}
        yield from index.rows(self.name, self.plan if isinstance(self.plan, Plan) else None, digests, self.services)

    def notes_rows(self) -> Iterator[StatusRow]:
        """Tell whether the body is what was rendered."""
        if self.choice.kept is not None:
            state, good, text = self._notes(self.choice.kept)
            yield StatusRow(what="notes", state=state, good=good, text=text)

    def next(self, rows: Sequence[StatusRow]) -> str:
        """Return what to do now."""
        if self.remote is None:
            made = "" if self.local else f"git tag -s {self.name} && "
            return f"{made}git push origin {self.name}"
        if self.local not in {None, self.remote}:
            return f"git fetch --force origin tag {self.name}"
        if self.refusal:
            return self.refusal.hint
        kept = self.choice.kept
        whole = kept is not None and all(row.good for row in rows if row.what in {"asset", "bundle", "notes"})
        unplanned = ", ".join(row.name for row in rows if row.state == "unplanned")
        if kept and not kept.draft:
            return self._public(rows, whole=whole)
        if kept and unplanned:
            return f"delete {unplanned} at {kept.url}: upload stops before what nobody planned"
        return self._going_on(whole=whole)

    def _journal(self) -> tuple[Journal, StatusRow]:
        work = self.services.work
        journal = Journal(work.records, self.name, self.commit or "")
        told = actions.expected_records(self.running)
        try:
            journal = Journal.open(work.records, self.name, self.commit or "", told=told)
        except Refused as error:
            return journal, StatusRow(what="records", state=error.slug, good=False, text=error.what)
        if journal.records:
            names = ", ".join(journal.records)
            text = f"{names}{f'; {journal.ignored}' if journal.ignored else ''}"
            return journal, StatusRow(what="records", state="here", good=True, text=text)
        folder = work.path.relative_to(self.services.root).as_posix()
        return journal, StatusRow(what="records", state="none", good=None, text=journal.ignored or f"none in {folder}/")

    def _choice(self) -> tuple[Choice, TagsealError | None]:
        """Choose as ``upload`` does; from a laptop, what the workflow's token wrote is ours as well."""
        drafts = [release for release in self.releases if release.draft]
        bot = any(mine(draft, self.name, BOT) for draft in drafts)
        actor = BOT if bot or not drafts else self.services.github.actor()
        files = wanted_files(self.seal) if isinstance(self.seal, Seal) else {}
        adopt = self.services.settings.release == "adopt"
        try:
            return choose(self.releases, files, tag=self.name, actor=actor, adopt=adopt), None
        except Refused as error:
            return Choice(), error

    def _kept_row(self) -> StatusRow:
        kept = self.choice.kept
        if kept is None:
            unseen = "" if actions.token(self.services.environ) else " (without GH_TOKEN no draft can be seen)"
            return StatusRow(what="release", state="none", good=None, text=f"none{unseen}")
        if kept.draft:
            ours = "a draft of ours" if self.choice.theirs is None else "a draft that is adopted"
            return StatusRow(what="release", state="draft", good=None, text=f"{ours}: {kept.url}")
        state = "immutable" if kept.immutable else "published"
        words = f"{'published, immutable' if kept.immutable else 'published'} {kept.published_at}: {kept.url}"
        return StatusRow(what="release", state=state, good=True, text=words)

    def _notes(self, kept: Release) -> tuple[str, bool | None, str]:
        if not kept.body.rstrip().endswith(marker(self.name)):
            return "foreign", False, "not written by this tool"
        if body.is_edited(kept.body):
            after = "; upload renders them again, and keeps these beside the records" if kept.draft else ""
            return "edited", False, f"edited since they were rendered{after}"
        here = self.commit is not None and self.services.git.commit_of("HEAD") == self.commit
        if not (here and self.commit and isinstance(self.plan, Plan) and isinstance(self.seal, Seal)):
            lacks = "the records of plan and sign" if here else "a checkout of the tag"
            return "rendered", True, f"as they were rendered once; without {lacks} they are not rendered again here"
        tag = Tag(name=self.name, commit=self.commit, identity=self.identity, private=False)
        try:
            page = body.render_body(tag, self.plan, self.seal, self.services, self.choice.theirs)
        except TagsealError as error:
            return "untold", None, f"cannot be rendered here: {error.what}"
        if same(kept.body, page):
            return "equal", True, "as rendered"
        return "differs", False, "as they were rendered once, not as they are rendered now"

    def _public(self, rows: Sequence[StatusRow], *, whole: bool) -> str:
        elsewhere = [row for row in rows if row.what in {"image", "index"}]
        if whole and any(one.state == "none" for one in elsewhere):
            return self._going_on(whole=True)
        if whole and all(one.good is not False for one in elsewhere):
            return "nothing, it is public and whole"
        return "compare what is marked; a published release is never changed, so release a new version"

    def _going_on(self, *, whole: bool) -> str:
        if self.running:
            return f"tagseal run guard {' '.join(self._verbs(whole=whole))}"
        return f"approve the run that waits, or start it again: {self._rerun()}" if whole else self._rerun()

    def _verbs(self, *, whole: bool) -> tuple[str, ...]:
        """Return the verbs of the job that comes next: from the first without a record, to the job's end."""
        known = self.journal.records
        lacking = next((verb for verb in VERBS[1:] if verb not in known), VERBS[-1])
        verb = "upload" if VERBS.index(lacking) > VERBS.index("upload") and not whole else lacking
        job = next(verbs for verbs in BY_JOB.values() if verb in verbs)
        return job[job.index(verb) :]

    def _rerun(self) -> str:
        """Return the command that starts the tag's workflow again."""
        document = signing.document(self.services.root / self.identity.workflow)
        if "workflow_dispatch" in signing.triggers(document):
            return f"gh workflow run {self.file} --ref {self.name}"
        found = (
            f"gh run list --workflow={self.file} --branch={self.name} --limit=1 --json=databaseId --jq='.[].databaseId'"
        )
        return f"gh run rerun --failed $({found})"


def _repository(services: Services) -> str:
    found = repository(services.settings.repository, services.environ, services.git.origin())
    if found is None:
        raise UsageError(
            "got no repository at GitHub, neither configured nor as the remote `origin`, expected one",
            hint='Set repository = "OWNER/REPO" in [tool.tagseal], or run this in a clone of it.',
            slug="status-needs-a-repository",
        )
    return safe_repository(found)
