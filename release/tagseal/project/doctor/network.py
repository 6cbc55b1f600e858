"""What only others know: the remote's tags, the settings of releases, whether Sigstore answers, what time it is.

Nothing is sent but questions; a token of the environment goes to GitHub alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from tagseal.errors import TagsealError
from tagseal.machine.threads import Errand, gather
from tagseal.project.detect import detect
from tagseal.project.doctor.row import DoctorRow, failure
from tagseal.services import reachable
from tagseal.services.github import GitHub, settings
from tagseal.services.index import sites
from tagseal.services.index.client import IndexClient
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.doctor.row import ExaminedProject

_SECONDS = 5.0
"""That each question may take."""
_OFF, _WRONG = 5.0, 60.0
"""Seconds that a clock may differ: more is told, much more is an error, for a certificate lives ten minutes."""
_ALONE = "`tagseal doctor --offline` asks nobody."


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Ask them all at once."""
    if subject.offline or subject.git is None:
        return
    remote, index = Errand(lambda: tuple(_remote(subject))), Errand(lambda: tuple(_index(subject)))
    services = reachable.SIGSTORE
    answers = gather(lambda url: reachable.ask_time(url, _SECONDS), services, len(services))
    yield from remote.result()
    yield from index.result()
    silent = [url for url, told in zip(reachable.SIGSTORE, answers, strict=True) if told is None]
    if silent:
        text = f"no answer from {', '.join(silent)}: nothing can be signed or verified from here"
        yield DoctorRow.warning("sigstore", text, _ALONE, "sigstore-silent")
    else:
        yield DoctorRow.ok("sigstore", f"{len(answers)} services answer")
    times = [told for told in answers if told is not None]
    if times:
        yield clock((datetime.now(UTC) - max(times)).total_seconds())


def clock(ahead: float) -> DoctorRow:
    """Judge this machine's clock, so many seconds ahead of what services say."""
    text = f"{abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) <= _OFF:
        return DoctorRow.ok("clock", "agrees with the services'")
    level: Literal["warning", "error"] = "error" if abs(ahead) > _WRONG else "warning"
    fix = "Set this machine's clock: a certificate is good for ten minutes."
    return DoctorRow(check="clock", level=level, text=text, fix=fix, slug="clock-off")


def _remote(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Tell where the next version's tag stands at GitHub, and whether releases are locked there."""
    if subject.git is None or subject.settings is None:
        return
    try:
        project = detect(subject.git, subject.settings, {})
        if project.repository is None:
            return
        github = GitHub.from_environ(subject.environ, Retry(patience=0))
        if project.declared.version:
            yield _tag(subject, github, project.repository, project.pattern.tag(project.declared.version))
        yield _settings(subject, project.repository)
    except TagsealError as error:
        yield failure("remote", error, "warning")


def _index(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Tell whether the index has files of the next version already: a name there is used up for good."""
    if subject.git is None or subject.settings is None or (index := sites.of(subject.settings.index)) is None:
        return
    try:
        declared = detect(subject.git, subject.settings, {}).declared
        if declared.name is None or declared.version is None:
            return
        files = IndexClient(index=index, project=declared.name, version=declared.version).files()
    except TagsealError as error:
        yield failure("index", error, "warning")
        return
    if files:
        text = f"{index.name} has {files[0].name} already, so this version cannot be sent there with other files"
        fix = "Set a new version; or, where this very release went only half way, run it again."
        yield DoctorRow.warning("index", text, fix, "index-name-taken")
    else:
        yield DoctorRow.ok("index", f"{index.name} has no file of {declared.version} yet")


def _tag(subject: ExaminedProject, github: GitHub, repository: str, tag: str) -> DoctorRow:
    commit = github.tag_commit(repository, tag)
    here = subject.git.commit_of(f"refs/tags/{tag}") if subject.git else None
    if commit is None:
        return DoctorRow.ok("remote", f"{tag} is free at {repository}")
    if here and here != commit:
        text = f"{tag} is on {commit[:7]} at {repository}, and on {here[:7]} here"
        fix = "Find out who moved it. `git fetch --tags --force` takes theirs; a release belongs to one commit."
        return DoctorRow.error("remote", text, fix, "tag-differs")
    text = f"{tag} is on {commit[:7]} at {repository} already"
    return DoctorRow.ok("remote", text)


def _settings(subject: ExaminedProject, repository: str) -> DoctorRow:
    said = {
        True: "published ones are locked, with their tags",
        False: "published ones can be changed; GitHub can lock them, in the repository's settings",
        None: "whether published ones are locked is not told to this token",
    }
    return DoctorRow.ok("releases", said[settings.immutable(repository, subject.environ)])
