"""Who could sign as this release: the workflow's jobs, and whoever could call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.names import show
from tagseal.services.index import sites

if TYPE_CHECKING:
    from tagseal.machine.actions import Event
    from tagseal.steps import Services
    from tagseal.workflow.document import Workflow


def hold_signers(event: Event, services: Services) -> tuple[str, ...]:
    """Refuse a workflow that lets anyone else sign as this release: its certificates carry this identity.

    Returns:
        What could not be checked: a rehearsal plays the usual jobs where no workflow runs them yet.

    Raises:
        Refused: Others could call the workflow, a job of it could sign and does not have to, or it cannot be read.
    """
    from tagseal.workflow.identity import foreign_holders, runs_verbs  # noqa: PLC0415 - a YAML parser

    if services.loopback and not (services.root / event.workflow).exists():
        return (f"who else could sign: there is no {event.workflow} yet",)
    workflow = _read(event, services)
    if workflow.starts.callable:
        raise Refused(
            f"got `workflow_call` among the triggers of {event.workflow}, expected a workflow that nobody can call",
            context=("whoever calls it gets this workflow's name into the certificate, and the printed commands pass",),
            hint="Remove that trigger; move what others should call into a workflow that signs nothing.",
            slug="workflow-callable",
        )
    if services.loopback and not runs_verbs(workflow):
        return (f"who else could sign: {event.workflow} does not run this tool yet",)
    if foreign := foreign_holders(workflow, index=sites.trusts(services.settings.index)):
        raise Refused(
            "got a job that can sign as this release and does not have to; a certificate names the workflow file, not "
            "the job",
            context=tuple(
                f"{event.workflow}:{holder.job.at.line}: {show(holder.job.id)}: {holder.reason}" for holder in foreign
            ),
            hint="Write `permissions: {}` at the top of the file, and give `id-token: write` to the job that runs "
            "`sign` and, with an index, to the one that runs `publish`, each by a line such as `tagseal init` writes. "
            "Move a job that needs an identity for something else into another workflow.",
            slug="foreign-job-can-sign",
        )
    return ()


def _read(event: Event, services: Services) -> Workflow:
    """Read the workflow as strictly as possible: what this tool passes over, GitHub may run."""
    from tagseal.machine.yaml import UnreadableYaml  # noqa: PLC0415 - as above
    from tagseal.workflow.document import read_strictly  # noqa: PLC0415

    try:
        return read_strictly(services.root / event.workflow, event.workflow)
    except OSError as error:
        place, reason = event.workflow, error.strerror or str(error)
    except UnreadableYaml as error:
        place, reason = f"{event.workflow}:{error.line}", error.reason
    raise Refused(
        f"got {place}, which cannot be read strictly, expected a workflow that every reader reads alike",
        context=(reason,),
        hint="Write it with spaces instead of tabs, each key once, and without aliases and merge keys. Who can sign is "
        "read from this file, so nothing of it may be passed over.",
        slug="workflow-unreadable",
    )
