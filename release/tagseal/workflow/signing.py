"""Which workflow signs: as configured, as the run says, or as the files in ``.github/workflows`` tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagseal.errors import Refused
from tagseal.machine.actions import event
from tagseal.machine.files import open_file
from tagseal.machine.yaml import LARGEST, UnreadableYaml, compose
from tagseal.names import WORKFLOW
from tagseal.records import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

USUAL = "release.yml"

_EVENT = re.compile(r"[a-z_]{1,40}", re.ASCII)
_TOLD = frozenset({"push", "release", "workflow_dispatch", "workflow_call"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningWorkflow:
    """The workflow whose identity signs."""

    file: str
    """File name in ``.github/workflows/``."""
    reason: str
    """Why this one, as the end of a sentence."""

    @property
    def path(self) -> str:
        """Path in the repository."""
        return f"{WORKFLOWS}/{self.file}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """What starts a workflow, and so which refs its runs are on (GitHub, "Events that trigger workflows")."""

    known: bool = True
    """Whether the file says so: it is there, and can be read."""
    tags: bool = False
    """Pushed tags."""
    branches: bool = False
    """Pushed branches."""
    release: bool = False
    """A release: such a run is on the release's tag."""
    by_hand: bool = False
    """``workflow_dispatch``: on whatever branch or tag the person chose."""
    callable: bool = False
    """``workflow_call``: other workflows may run it under its own name."""
    others: tuple[str, ...] = ()
    """Further events, in code spans: most are on a branch or a pull request."""

    @property
    def events(self) -> tuple[str, ...]:
        """What starts it, in words of Markdown."""
        pushed = {"pushed tags": self.tags, "pushed branches": self.branches}
        named = {"release": self.release, "workflow_dispatch": self.by_hand, "workflow_call": self.callable}
        words = (word for word, so in pushed.items() if so)
        return (*words, *(f"`{event}`" for event, so in named.items() if so), *self.others)

    @property
    def at_tags(self) -> bool:
        """Whether it can run on a tag at all."""
        return self.tags or self.release or self.by_hand or self.callable or "`create`" in self.others

    @property
    def only_tags(self) -> bool:
        """Whether nothing but a pushed tag starts it."""
        return self.tags and len(self.events) == 1


def signing(root: Path, setting: str | None, environ: Mapping[str, str]) -> SigningWorkflow:
    """Tell which workflow signs this project's releases."""
    if setting is not None:
        return SigningWorkflow(file=setting, reason="as configured")
    if (running := event(environ).workflow).startswith(f"{WORKFLOWS}/"):
        return SigningWorkflow(
            file=running.removeprefix(f"{WORKFLOWS}/"), reason="as this run's GITHUB_WORKFLOW_REF says"
        )
    documents = {path.name: document(path) for path in files(root)}
    for suits, reason in _SIGNS:
        if found := [name for name, content in documents.items() if suits(content)]:
            taken = USUAL if USUAL in found else found[0]
            others = ", ".join(name for name in found if name != taken)
            return SigningWorkflow(file=taken, reason=f"{reason}; so does {others}" if others else reason)
    return SigningWorkflow(file=USUAL, reason="the usual name, for no workflow with a filter for tags may sign")


def files(root: Path) -> list[Path]:
    """Return the workflow files of a checkout, by name."""
    there = (root / WORKFLOWS).glob("*.y*ml")
    return sorted(path for path in there if WORKFLOW.fullmatch(path.name) and path.is_file())


def document(path: Path) -> dict[str, Any]:
    """Return a workflow's content, every scalar a string; empty where it cannot be read, or is no mapping."""
    try:
        with open_file(path) as file:
            content = compose(file.read(LARGEST + 1)).plain()
    except (UnreadableYaml, Refused, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def triggers(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the events that start a workflow, each with its filters; one event and a list are forms of the same."""
    events = content.get("on")
    if isinstance(events, dict):
        return events
    listed = [events] if isinstance(events, str) else events or []
    return {name: {} for name in listed if isinstance(name, str)}


def starts(content: Mapping[str, Any]) -> Triggers:
    """Return what starts a workflow; a push without a filter is one of branches and of tags."""
    events = triggers(content)
    filters = events.get("push")
    named = {key.partition("-")[0] for key in filters} if isinstance(filters, dict) else set()
    every = "push" in events and not named & {"tags", "branches"}
    return Triggers(
        known=bool(events),
        tags=every or "tags" in named,
        branches=every or "branches" in named,
        release="release" in events,
        by_hand="workflow_dispatch" in events,
        callable="workflow_call" in events,
        others=tuple(f"`{event}`" for event in events if event not in _TOLD and _EVENT.fullmatch(event)),
    )


def may_sign(content: Mapping[str, Any]) -> bool:
    """Tell whether the workflow, or a job of it, asks for ``id-token: write``."""
    jobs = content.get("jobs")
    holders = [content, *(jobs.values() if isinstance(jobs, dict) else ())]
    granted = [holder.get("permissions") for holder in holders if isinstance(holder, dict)]
    return any(one == "write-all" or (isinstance(one, dict) and one.get("id-token") == "write") for one in granted)


def _starts_on_tags(content: Mapping[str, Any]) -> bool:
    filters = triggers(content).get("push")
    return isinstance(filters, dict) and bool(filters.keys() & {"tags", "tags-ignore"})


_SIGNS: tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...] = (
    (lambda content: _starts_on_tags(content) and may_sign(content), "it starts on a pushed tag and may sign"),
    (lambda content: "release" in triggers(content), "it starts on a release"),
)
