"""prove: the notes' own commands accept the draft, and refuse every attack.

1. Every bundle is verified again, in this process.
2. The draft is read again: its files are the sealed ones, its body is the page, rendered again.
3. Every asset is downloaded, and hashed.
4. GitHub's listing is waited for, which may not know of a fresh draft yet: ``gh`` asks there.
5. The image is read again by its digest, and so are its signatures.
6. In an empty folder, the commands of the phase ``draft`` are executed in their order.
7. The offline kit's commands are executed without a network (``tagseal.steps.shell.offline``).
8. Each command that verifies or hashes is attacked, each time in a folder and a home of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Busy, VerificationFailed
from tagseal.machine import actions
from tagseal.machine.threads import gather
from tagseal.notes.commands import Use
from tagseal.records import Draft, Kind, Phase, Plan, Proof, Seal, Tag, Verdict
from tagseal.steps.draft import body, compare
from tagseal.steps.images import registry
from tagseal.steps.seal.reverify import verify_sealed
from tagseal.steps.shell import login
from tagseal.steps.shell.instructions import Instruction, Shell, follow, instructions
from tagseal.steps.shell.offline import follow_kit
from tagseal.verification.attacks import Attack, AttackedCommand, attacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.services.github import Release
    from tagseal.steps import Services

_THREADS = 4


def prove(tag: Tag, plan: Plan, seal: Seal, draft: Draft, *, services: Services) -> Proof:
    """Return the proof that ``publish`` needs.

    Raises:
        VerificationFailed: A command refused the genuine files, or let an attack through. The draft is left as it is.
        Refused: The seal is of another tag.
        ServiceError: GitHub failed, or lists no such draft.
    """
    verify_sealed(tag, plan, seal, services)
    release = services.github.release(tag.identity.repository, draft.id)
    release = compare.hold_release(release, tag, plan, seal, services)
    page = instructions(tag, plan, seal, services)
    with tempfile.TemporaryDirectory(prefix="tagseal-prove-") as temporary:
        base = Path(temporary)
        compare.download(release, tag, seal, base / "assets", services)
        services.retry.read(partial(_accept_listed, release, tag, services))
        registry.verify_signed(seal, services)
        for name in ("home", "reader"):
            (base / name).mkdir()
        shell = Shell(
            home=base / "home",
            environ=services.environ,
            token=actions.token(services.environ),
            login=login.inside(base / "login", services) if seal.image else {},
        )
        steps = [one for one in page if one.command.phase is Phase.draft]
        services.say(f"running {len(steps)} commands of the notes")
        commands = follow(steps, shell, base / "reader", look=release.url, draft=release.draft)
        compare.compare(base / "reader", seal)
        kit = follow_kit(tag, plan, seal, base, services, look=release.url, draft=release.draft)
        refusals = _attack(steps, seal, shell, base / "reader", services)
        if kit:
            refusals += _attack(kit.steps, seal, kit.shell, kit.folder, services, "offline, ")
    _hold_refusals(refusals, release.url)
    return Proof(
        draft=release.id,
        assets=release.assets,
        body_sha256=body.digest(release.body),
        commands=commands,
        attacks=refusals,
        later=sum(one.command.phase is Phase.public for one in page),
        shown=sum(one.command.phase is Phase.shown for one in page),
        kit=kit.verdicts if kit else (),
        offline=kit.how if kit else "",
    )


def _accept_listed(release: Release, tag: Tag, services: Services) -> None:
    """Accept a draft that GitHub lists; what is public is found by its tag."""
    if not release.draft:
        return
    if release.id not in [one.id for one in services.github.of_tag(tag.identity.repository, tag.name)]:
        raise Busy(
            f"got no draft {release.id} in GitHub's listing, expected it there, where the notes' commands look",
            context=(release.url,),
            hint="{Rerun}. If it persists, look whether somebody deleted it.",
            slug="draft-not-listed",
        )


def _targets(
    steps: Sequence[Instruction], seal: Seal, services: Services
) -> Iterator[tuple[Instruction, AttackedCommand]]:
    """Yield the commands that verify or hash; one that hashes reads the names from its list."""
    listed = tuple(artifact.name for artifact in seal.artifacts if artifact.kind not in {Kind.checksums, Kind.kit})
    unsigned = registry.unsigned_manifest(seal.image, services) if seal.image else ("", "")
    seen: set[tuple[str, bool]] = set()
    for step in steps:
        tool, text, named = step.purpose.tool, step.command.text, step.purpose.names_commit
        if step.purpose.of_image:
            files = step.purpose.files
            yield step, AttackedCommand(tool=tool, text=text, files=files, names_commit=named, unsigned=unsigned)
        elif step.purpose.kind in {Use.verify, Use.hash}:
            files = listed if step.purpose.kind is Use.hash else step.purpose.files
            # `require_purposes` has held that every command of a tool names one identity, in the same words.
            repeats = (tool, named) in seen
            yield step, AttackedCommand(tool=tool, text=text, files=files, repeats=repeats, names_commit=named)
            seen.add((tool, named))


def _attack(  # noqa: PLR0913, PLR0917 - a command, where it ran, and what it is called
    steps: Sequence[Instruction], seal: Seal, shell: Shell, genuine: Path, services: Services, name: str = ""
) -> tuple[Verdict, ...]:
    """Attack commands that ran in a folder of genuine files."""
    names = [artifact.name for artifact in seal.artifacts]
    tried = [
        (step, target, attack)
        for step, target in _targets(steps, seal, services)
        for attack in attacks(target, seal.identity, names)
    ]
    services.say(f"attacking them in {len(tried)} ways")
    folders = [genuine.with_name(f"{genuine.name}-attack-{number}") for number in range(len(tried))]
    act = partial(_try, shell=shell, genuine=genuine, name=name)
    return gather(lambda one: act(*one), zip(tried, folders, strict=True), _THREADS)


def _try(
    tried: tuple[Instruction, AttackedCommand, Attack], folder: Path, *, shell: Shell, genuine: Path, name: str
) -> Verdict:
    step, target, attack = tried
    shutil.copytree(genuine, folder, copy_function=_link)
    attack.prepare(folder)
    # python-tuf and go-tuf write below HOME, and python-tuf fails where another process does so meanwhile.
    home = folder.with_name(f"{folder.name}-home")
    shutil.copytree(shell.home, home, symlinks=True)
    secrets = shell.secrets(step.purpose) if step.purpose.of_image else {}
    finished = shell.run(attack.text, folder, secrets=secrets, home=home)
    for used in (folder, home):
        shutil.rmtree(used)
    words = shell.words(finished)
    refusal = attack.refusal(finished.code, f"{finished.output}\n{finished.errors}")
    return Verdict(
        name=f"{name}{target.tool}: {attack.name}",
        ok=bool(refusal),
        detail=refusal or f"exit code {finished.code}: {words}",
        by=shell.version(target.tool),
    )


def _link(source: str, target: str) -> None:
    """Link, for wheels are large; an attack makes a changed file anew."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _hold_refusals(verdicts: Sequence[Verdict], url: str) -> None:
    if through := [verdict for verdict in verdicts if not verdict.ok]:
        raise VerificationFailed(
            f"got {len(through)} of {len(verdicts)} attacks not refused for the right reason, expected none",
            context=tuple(f"{one.name} ({one.by}): {one.detail}" for one in through),
            hint=f"Look at the draft, {url}, which is left as it is. Did the network fail? Run this job again. "
            "Else correct the command in the template, and let the tag name that commit.",
            slug="attack-not-refused",
        )
