"""``tagseal loopback -- COMMAND``: any command, where production names lead to this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.loopback import Loopback, actions
from tagseal.loopback.index import ANY, RegisteredPublisher
from tagseal.machine import files
from tagseal.rehearsal import environment
from tagseal.rehearsal.faults import faults_named, outcomes
from tagseal.rehearsal.tools import toolset

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.loopback.faults import Faults
    from tagseal.loopback.sigstore.trust import Log

REPOSITORY, TAG, COMMIT = "octo/widget", "v1.0.0", "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
_SCOPES = {"contents": "write", "packages": "write"}
RUN = actions.Run(
    repository=REPOSITORY,
    repository_id=100,
    owner_id=101,
    workflow=".github/workflows/release.yml",
    ref=f"refs/tags/{TAG}",
    sha=COMMIT,
)


def run_command(
    command: tuple[str, ...],
    *,
    out: Path,
    faults: tuple[str, ...],
    tell: Callable[[str], None],
    log: Log = "v1",
) -> int:
    """Run the command on this terminal, and return its exit code.

    It finds itself in a job on a tag of a repository to play with: a token that may write, an identity token for
    the asking, shims for the verification tools; nothing of the person's environment but machine and terminal.

    Raises:
        UsageError: There is no such fault, or no such program.
        Refused: A link in this folder leads what is left elsewhere.
    """
    scheduled = faults_named(faults)
    if files.link_below(Path.cwd(), out.absolute()):
        raise files.leads_away(str(out))
    with tempfile.TemporaryDirectory(prefix="tagseal-loopback-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        with Loopback(folder=folder / "loopback", log=log) as loopback:
            loopback.github.add_repository(REPOSITORY).add_tag(TAG, COMMIT)
            for index in loopback.indexes.values():
                index.register(
                    RegisteredPublisher(project=ANY, owner=RUN.owner, repository=REPOSITORY.partition("/")[2])
                )
            token = loopback.github.token(actor="octocat", scopes=_SCOPES, repository=REPOSITORY)
            environ = {
                **environment.terminal(os.environ),
                **environment.private_home(folder),
                **loopback.environment(),
                **actions.environment(
                    RUN,
                    token=token,
                    oidc_url=loopback.oidc_url,
                    oidc_token=loopback.tokens.grant(RUN),
                    workspace=Path.cwd(),
                    temp=folder,
                ),
                "GH_TOKEN": token,
                "GH_REPO": REPOSITORY,
                "GH_PROMPT_DISABLED": "1",
                "GH_NO_UPDATE_NOTIFIER": "1",
            }
            tell(f"{REPOSITORY} is here, with the tag {TAG}, a token that may write, and an identity to sign with")
            tell("an index is here as well, which trusts that identity with any project: `twine upload dist/*`")
            shims = folder / "shims"
            programs = toolset.find(environ, environ, image=True)
            toolset.install(shims, programs, loopback=loopback.folder, forms=("simplesigning",))
            environ["PATH"] = environment.path(shims, environ)
            loopback.faults.set(scheduled)
            code = _foreground(command, environ, loopback.faults)
            files.write_atomically(out / "transcript.jsonl", (loopback.folder / "transcript.jsonl").read_bytes())
    for outcome in outcomes(faults, loopback.faults):
        tell(str(outcome))
    tell(f"transcript: {out / 'transcript.jsonl'}")
    return code


def _foreground(command: tuple[str, ...], environ: dict[str, str], faults: Faults) -> int:
    """Run it in this terminal's own process group, so that Ctrl-C reaches it as it would without us."""
    try:
        with subprocess.Popen(command, env=environ) as child:
            faults.kill = child.kill
            code = child.wait()
    except (FileNotFoundError, PermissionError) as error:
        raise UsageError(
            f"got no program {command[0]}, expected it on PATH",
            hint=f"Install {command[0]}, or correct the command behind `--`.",
            slug="missing-command",
        ) from error
    return code if code >= 0 else 128 - code  # as a shell tells of a signal
