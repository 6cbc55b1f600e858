"""The guide, followed: what the project's page tells strangers to do, on the release that was played.

1. The page is rendered for this tag, from what was sealed, with the templates of the tag; every command is understood.
2. A command that the notes have as well, word for word, ran from there in ``prove`` or ``witness``.
3. If there are others, they run in an empty folder, with a token that may only read: what downloads in the page's
   order; then what reads the files, side by side, for each of them stands below its download.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagseal import config
from tagseal.errors import VerificationFailed
from tagseal.machine.git import Git
from tagseal.machine.threads import gather
from tagseal.notes import templates
from tagseal.notes.commands import Use, words
from tagseal.notes.guide import TEMPLATE
from tagseal.notes.guide import render as rendered
from tagseal.notes.render import render
from tagseal.project.guide import subject_of_seal
from tagseal.records import Phase
from tagseal.steps.shell.instructions import Instruction, Shell

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.records import Plan, Seal, Verdict
    from tagseal.rehearsal.jobs import Stage

_THREADS = 4


def follow(stage: Stage, plan: Plan, seal: Seal, checkout: Path) -> tuple[tuple[Verdict, ...], int]:
    """Return a verdict for each command that ran, and how many more are the notes' own.

    Raises:
        VerificationFailed: A command failed, has a word that was not planned, or is missing.
        ConfigError: A template is wrong.
    """
    settings = config.load(checkout)
    overridden = templates.read(Git.at(checkout, stage.environ), settings.templates)
    page = rendered(subject_of_seal(checkout, plan, seal), overridden)
    notes = render(tag=plan.tag, plan=plan, artifacts=seal.subjects, override=overridden).commands
    ran = {simple for one in notes if one.phase is not Phase.shown for simple in words(one.text)}
    steps = [
        Instruction(command=command, purpose=purpose)
        for command, purpose in zip(page.commands, page.purposes, strict=True)
        if command.phase is not Phase.shown
    ]
    shared = [ran.issuperset(words(step.command.text)) for step in steps]
    # What the notes lack reads files, so its reader's downloads run as well.
    own = [step for step, known in zip(steps, shared, strict=True) if not known or step.purpose.kind is Use.download]
    own = [] if all(shared) else own
    return _run_guide(own, stage), len(steps) - len(own)


def _run_guide(steps: list[Instruction], stage: Stage) -> tuple[Verdict, ...]:
    environ = stage.bystander("guide")
    folders = {name: stage.folder / "guide" / name for name in ("tools", "reader")}
    for folder in folders.values():
        folder.mkdir()
    scopes = {"contents": "read", "metadata": "read"}
    token = stage.loopback.github.token(actor="octocat", scopes=scopes, repository=stage.clone.repository)
    shell = Shell(home=folders["tools"], environ=environ, token=token)
    for one in steps:
        shell.ask(one.purpose.tool)
    run = partial(_run, shell=shell, folder=folders["reader"])
    downloads = [step for step in steps if step.purpose.kind is Use.download]
    verdicts = {id(download): run(download) for download in downloads}
    others = [step for step in steps if step.purpose.kind is not Use.download]
    verdicts |= dict(zip(map(id, others), gather(run, others, _THREADS), strict=True))
    return tuple(verdicts[id(step)] for step in steps)


def _run(step: Instruction, *, shell: Shell, folder: Path) -> Verdict:
    verdict = shell.follow(step, folder)
    if not verdict.ok:
        raise VerificationFailed(
            f"got a failure from a command of the guide, expected it to pass: {verdict.name}",
            context=(f"{verdict.by} said: {verdict.detail or 'nothing'}", *step.command.text.splitlines()),
            hint=f"Correct the command in the template that overrides {TEMPLATE}; `tagseal guide` shows the page.",
            slug="guide-command-failed",
        )
    return verdict
