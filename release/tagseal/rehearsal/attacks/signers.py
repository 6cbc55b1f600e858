"""Real certificates of attackers: what a foreign run can get from Fulcio, held against the notes' own commands.

``prove`` attacks with altered files and identities. Here somebody signs the genuine file for real: another tag,
another repository, a branch, and a foreign repository that called our workflow through ``workflow_call``. The last
one gets our workflow's name into its certificate: the printed commands that compare nothing else accept it, and those
that name repository and commit as well must refuse it for that reason. Our own verification must refuse all of them.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tagseal.errors import ServiceError, VerificationFailed
from tagseal.machine import process
from tagseal.machine.threads import gather
from tagseal.records import BUNDLE, ISSUER, Identity, Kind, Verdict
from tagseal.verification.attacks import SOURCE
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.loopback.actions import Run
    from tagseal.records import Artifact, Seal
    from tagseal.rehearsal.jobs import PlayedJob, Stage

_THREADS = 4
FOREIGN_CALLER = "a foreign repository that called our workflow"


def attackers(run: Run) -> Mapping[str, Run]:
    """Return who signs, by what they are."""
    foreign = replace(run, repository="mallory/fork", repository_id=666, owner_id=667, actor="mallory")
    return {
        "another tag of ours": replace(run, ref=f"{run.ref}.post666"),
        "a branch of ours": replace(run, ref="refs/heads/main"),
        "another repository": foreign,
        FOREIGN_CALLER: replace(foreign, workflow=".github/workflows/evil.yml", job_workflow=run.workflow_ref),
    }


def attack(stage: Stage, seal: Seal, sealed: PlayedJob) -> tuple[Verdict, ...]:
    """Let each of them sign the first package, and verify that; return a verdict for each.

    Raises:
        VerificationFailed: Our own verification accepted one, or each printed command did.
    """
    artifact = next(artifact for artifact in seal.artifacts if artifact.kind in {Kind.wheel, Kind.sdist})
    file = Workspace.of(sealed.checkout, stage.clone.tag).file(artifact)
    environ = stage.bystander("attackers")
    bundles = _sign_as_attackers(stage, artifact, environ)
    tried = partial(_attempt, stage, seal, file, environ)
    verdicts = gather(tried, bundles.items(), _THREADS)
    accepted = [verdict for verdict in verdicts if not verdict.ok]
    if accepted:
        raise VerificationFailed(
            "got a foreign signature accepted, expected it refused",
            context=tuple(f"{one.name}: {one.detail}" for one in accepted),
            hint="This is a fault in this tool or in the notes' templates: nothing was published. Please report it.",
            slug="foreign-signature-accepted",
        )
    return verdicts


def _sign_as_attackers(stage: Stage, artifact: Artifact, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return a bundle of the genuine file for each attacker, by what they are."""
    tokens = {name: stage.loopback.issuer.mint(run, "sigstore") for name, run in attackers(stage.run).items()}
    argv = [sys.executable, "-P", "-m", "tagseal.rehearsal.attacks.child"]
    trust = str(stage.loopback.folder / "trust.json")
    signed = process.run(
        [*argv, trust, artifact.sha256], cwd=stage.folder, environ=environ, stdin=json.dumps(tokens).encode()
    )
    if signed.code != 0:
        raise ServiceError(
            "got no signatures from the played attackers, expected one of each",
            context=process.tail(signed.errors, 3),
            hint="{Rerun}.",
            slug="attackers-could-not-sign",
        )
    found: dict[str, str] = json.loads(signed.output)
    return found


def _attempt(stage: Stage, seal: Seal, file: Path, environ: Mapping[str, str], attacker: tuple[str, str]) -> Verdict:
    name, text = attacker
    bundle = stage.folder / f"{name.replace(' ', '-')}{BUNDLE}"
    bundle.write_text(text, encoding="utf-8")
    lent = name == FOREIGN_CALLER
    run = partial(_run_printed, stage, environ, ("--bundle", str(bundle), str(file)))
    printed = run("identity", "--cert-identity", seal.identity.uri, "--cert-oidc-issuer", ISSUER)
    ours = _verify(stage, seal.identity, seal.commit, file, bundle)
    if ours.ok or (printed.code == 0) != lent:
        who = "our verification" if ours.ok else "the printed command"
        return Verdict(name=name, ok=False, detail=f"{who} did not do as it must (exit {printed.code}; {ours.detail})")
    if not lent:
        return Verdict(name=name, ok=True, detail=f"the printed commands and our verification refuse: {ours.detail}")
    source = ("--repository", seal.identity.repository, "--ref", seal.identity.ref, "--sha", seal.commit)
    stricter = run("github", "--cert-identity", seal.identity.uri, *source)
    said = " ".join(f"{stricter.output} {stricter.errors}".split())
    if stricter.code == 0 or not re.search(SOURCE["repository"], said):
        detail = f"the printed command that names repository and commit did not refuse (exit {stricter.code}: {said})"
        return Verdict(name=name, ok=False, detail=detail)
    who = "only the printed commands that name repository and commit, and our verification, refuse"
    return Verdict(name=name, ok=True, detail=f"{who}: {ours.detail}")


def _run_printed(
    stage: Stage, environ: Mapping[str, str], file: tuple[str, ...], form: str, *options: str
) -> process.Finished:
    """Run a command as the notes print it, on this one file beside this one bundle."""
    argv = [str(stage.shims / "sigstore"), "verify", form, *options, *file]
    # Wide, because sigstore breaks its messages where the terminal ends.
    return process.run(argv, cwd=stage.folder, environ={**environ, "COLUMNS": "10000"})


def _verify(stage: Stage, identity: Identity, commit: str, file: Path, bundle: Path) -> Verdict:
    from sigstore.models import TrustedRoot  # noqa: PLC0415 - 0.6 s

    from tagseal.verification.policy import Exact  # noqa: PLC0415
    from tagseal.verification.timestamps import VerifierWithRoot  # noqa: PLC0415
    from tagseal.verification.verify import verify  # noqa: PLC0415

    trust = VerifierWithRoot(TrustedRoot.from_file(str(stage.loopback.folder / "trusted_root.json")))
    return verify(file, bundle.read_bytes(), Exact(identity, commit), trust).verdict
