"""witness: the release as a stranger sees it.

1. The published release is read again: its files are the sealed ones, its body is the page, rendered again.
2. Every asset is downloaded, hashed, and verified in this process; so is every package that an index has.
3. In an empty folder, the commands of the phase ``draft`` are executed, ``gh`` with a token that may only read.
4. In another, those of the phase ``public``, without any token. A package that a stranger cannot pull is told of.
5. The offline kit's commands are executed without a network (``tagseal.steps.shell.offline``).
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Busy, VerificationFailed
from tagseal.machine import actions
from tagseal.notes.forms import from_index
from tagseal.records import Phase, Plan, Publication, Seal, Tag, Testimony, Verdict
from tagseal.steps.draft import compare
from tagseal.steps.images import registry
from tagseal.steps.index.witness import hold_downloads, witness_files
from tagseal.steps.seal.bundles import BundleVerifier
from tagseal.steps.shell.instructions import Instruction, Shell, instructions, judge_passed
from tagseal.steps.shell.offline import follow_kit
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tagseal.notes.commands import Purpose
    from tagseal.services.github import Release
    from tagseal.steps import Services

_UNLISTED = "No matching distribution found"
"""pip's words, for it has no other answer: it exits with 1 whatever fails, and ``pip download`` writes no report.

To ask the index's JSON first does not help: that is done before (``tagseal.steps.index.witness``), and pip may reach
another node, with an older listing. If the words change, the run fails at once where it would have waited.
"""
_PUBLISHED = "Published, not publicly verifiable"


def witness(tag: Tag, plan: Plan, seal: Seal, publication: Publication, *, services: Services) -> Testimony:
    """Return what a stranger can see and verify.

    Raises:
        VerificationFailed: The release, or what the index has, is not the published one, or a command refused it.
        ServiceError: GitHub or the index failed.
    """
    release = compare.hold_release(_find_published(tag, publication, services), tag, plan, seal, services)
    page = instructions(tag, plan, seal, services)
    with tempfile.TemporaryDirectory(prefix="tagseal-witness-") as temporary:
        base = Path(temporary)
        compare.download(release, tag, seal, base / "assets", services)
        judge = BundleVerifier(policy=Exact(seal.identity, seal.commit), trust=services.verifier)
        _verify(seal, base / "assets", judge)
        witness_files(plan, seal, judge, base / "index", services)
        for name in ("home", "reader", "stranger"):
            (base / name).mkdir()
        shell = Shell(home=base / "home", environ=services.environ, token=actions.token(services.environ))
        closed = registry.is_private(plan, seal, services)

        def is_excused(purpose: Purpose) -> bool:
            return closed and purpose.of_image

        with_token = _run(_of(page, Phase.draft), shell, base / "reader", release, is_excused, services=services)
        compare.compare(base / "reader", seal)
        # In a private repository a failure is no fault of the release's.
        without = _run(
            _of(page, Phase.public),
            shell,
            base / "stranger",
            release,
            lambda one: tag.private or is_excused(one),
            services=services,
        )
        if not tag.private:
            compare.compare(base / "stranger", seal)
            if plan.index:
                hold_downloads(base / "stranger" / from_index(plan.index), seal)
        kit = follow_kit(tag, plan, seal, base, services, look=release.url, draft=False)
    commands = (*with_token, *without)
    public = all(command.ok for command in commands)
    return Testimony(
        commands=commands,
        public=public,
        remarks=() if public else tuple(_remarks(tag, plan, closed)),
        kit=kit.verdicts if kit else (),
        offline=kit.how if kit else "",
    )


def _find_published(tag: Tag, publication: Publication, services: Services) -> Release:
    release = services.github.published_release(tag.identity.repository, tag.name)
    if release is None or release.id != publication.id:
        raise VerificationFailed(
            f"got {f'the release {release.id}' if release else 'no published release'} for {tag.name}, "
            f"expected {publication.id}",
            context=(publication.url,),
            hint="Somebody deleted or replaced the release. Look at it, and at the repository's audit log.",
            slug="published-release-absent",
        )
    return release


def _verify(seal: Seal, folder: Path, judge: BundleVerifier) -> None:
    outcomes = [signature.outcome() for signature in judge.signatures(seal.artifacts, folder)]
    if bad := [outcome.verdict for outcome in outcomes if outcome is not None and not outcome.verdict.ok]:
        raise VerificationFailed(
            f"got {len(bad)} published files that do not verify, expected none",
            context=tuple(f"{one.name}: {one.detail}" for one in bad),
            hint="Do not use this release. Look at who changed it.",
            slug="published-files-fail",
        )


def _of(page: Sequence[Instruction], phase: Phase) -> list[Instruction]:
    return [one for one in page if one.command.phase is phase]


def _run(  # noqa: PLR0913 - where, and what may fail
    steps: Sequence[Instruction],
    shell: Shell,
    folder: Path,
    release: Release,
    excused: Callable[[Purpose], bool],
    *,
    services: Services,
) -> tuple[Verdict, ...]:
    """Execute commands in their order; one that is excused may fail."""
    verdicts: list[Verdict] = []
    for step in steps:
        # pip is waited for: a node of the index's network may have an older listing than another.
        pip = step.purpose.tool == "pip"
        verdict = services.retry.read(partial(_judge_pip, step, shell, folder)) if pip else shell.follow(step, folder)
        verdicts.append(
            verdict if excused(step.purpose) else judge_passed(step, verdict, look=release.url, draft=False)
        )
    return tuple(verdicts)


def _judge_pip(step: Instruction, shell: Shell, folder: Path) -> Verdict:
    """Return what came of pip's command, once it finds the version."""
    verdict = shell.follow(step, folder)
    if not verdict.ok and _UNLISTED in verdict.detail:
        raise Busy(
            "got no such version from the index by pip, expected the one that was just sent there",
            context=(verdict.detail,),
            hint="{Rerun}: caches before the index may keep an older listing for some minutes.",
            slug="pip-finds-no-version",
        )
    return verdict


def _remarks(tag: Tag, plan: Plan, closed: bool) -> Iterator[str]:  # noqa: FBT001 - what was found out
    repository = tag.identity.repository
    if tag.private:
        yield f"{_PUBLISHED}: {repository} is private, so a stranger cannot download its releases."
        yield f"The fix: make {repository} public, or hand each file on together with its bundle."
    if closed:
        yield f"{_PUBLISHED}: a stranger cannot pull {plan.image}; at GHCR a package is private at first."
        yield "The fix: change its visibility in the package's settings, under Danger Zone; then run this job again."
