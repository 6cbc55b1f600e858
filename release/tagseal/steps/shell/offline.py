"""The offline kit's commands, followed where there is no network: a folder with the kit, the files, and nothing else.

1. The downloaded kit is read, and its members are written out; so is nothing else of it. The files are put beside them.
2. Its page is the one that is rendered here, and the commands come from the latter (design, rule 4).
3. They run in a network namespace of their own where this machine allows one. Where not, the proxies lead nowhere,
   which stops a client that heeds them, and the record says so.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.machine import process
from tagseal.machine.packed import unpack
from tagseal.notes.kit import expectations, require_purposes
from tagseal.records import Phase
from tagseal.steps.seal.kit import Kit
from tagseal.steps.shell.instructions import Instruction, Shell, follow, path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.records import Plan, Seal, Tag, Verdict
    from tagseal.steps import Services

NAMESPACE, PROXIES = "in a network namespace", "behind proxies that lead nowhere"
_WAYS = (("unshare", "--net", "--"), ("unshare", "--map-root-user", "--net", "--"))
"""By root; by anybody, where the kernel lets them."""
_SELF = "/proc/self/ns/net"
_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KitRun:
    """The kit's commands, which the genuine files have passed."""

    steps: tuple[Instruction, ...]
    shell: Shell
    folder: Path
    verdicts: tuple[Verdict, ...]
    how: str
    """What kept them off the network."""


def without_network(environ: Mapping[str, str], folder: Path) -> tuple[tuple[str, ...], str]:
    """Return what to put in front of a command so that it has no network, and what that is; try it in the folder."""
    search = {"PATH": path(environ)}
    if shutil.which("unshare", path=search["PATH"]) and Path(_SELF).is_symlink():
        here = str(Path(_SELF).readlink())
        for way in _WAYS:
            tried = process.run([*way, "readlink", _SELF], cwd=folder, environ=search, timeout=_SECONDS)
            if tried.code == 0 and tried.output.strip() not in {"", here}:
                return way, NAMESPACE
    return (), PROXIES


def follow_kit(  # noqa: PLR0913 - the records, a place, and where a person looks if it fails
    tag: Tag, plan: Plan, seal: Seal, base: Path, services: Services, *, look: str, draft: bool
) -> KitRun | None:
    """Follow the kit's commands on the files that were downloaded into ``base / "assets"``; None without a kit.

    Raises:
        VerificationFailed: The kit is not the one that is rendered here, or a command refused the genuine files.
    """
    if not plan.kit:
        return None
    kit = Kit.of(tag, plan, seal.artifacts, services, downloads=base / "assets")
    downloaded = base / "assets" / plan.kit
    if problems := kit.misfits(downloaded):
        raise VerificationFailed(
            "got an offline kit that does not fit the files, expected their bundles and this page",
            context=(look, *problems),
            hint="Run the job that signs again: it makes the kit anew. A published one is never changed.",
            slug="kit-misfits",
        )
    folder, home = base / "kit" / plan.kit.removesuffix(".zip"), base / "kit-home"
    for one in (folder, home):
        one.mkdir(parents=True)
    for name, content in unpack(downloaded, folder.name).items():
        (folder / name).write_bytes(content)
    for artifact in kit.artifacts:
        if not (folder / artifact.name).exists():
            shutil.copyfile(base / "assets" / artifact.name, folder / artifact.name)
    prefix, how = without_network(services.environ, home)
    shell = Shell(home=home, environ=services.environ, token="", prefix=prefix, offline=True)
    purposes = require_purposes(kit.page.commands, expectations(tag.name, plan, kit.artifacts), kit.artifacts)
    pairs = zip(kit.page.commands, purposes, strict=True)
    steps = tuple(Instruction(command=one, purpose=purpose) for one, purpose in pairs if one.phase is Phase.draft)
    services.say(f"running {len(steps)} commands of the offline kit, {how}")
    verdicts = follow(steps, shell, folder, look=look, draft=draft)
    return KitRun(steps=steps, shell=shell, folder=folder, verdicts=verdicts, how=how)
