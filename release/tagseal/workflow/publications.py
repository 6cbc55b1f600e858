"""To which package index a step publishes, and why that index lets it: told by options, variables and permissions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from tagseal.machine.indexes import index_at
from tagseal.workflow.identity import IdentitySource
from tagseal.workflow.shell_lines import commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep
    from tagseal.workflow.identity import HeldIdentity
    from tagseal.workflow.release_tools import ToolCall

_MOST = 100
"""Variables of a step, a job or a workflow that are looked at: more than anybody writes."""
DEFAULT, TEST = "pypi", "testpypi"
_NAMES = {"pypi": DEFAULT, "main": DEFAULT, "testpypi": TEST, "test": TEST}
"""What tools call the two that trust publishers, in letters alone; `main` and `test` are Hatch's words."""
_PREFIXES = {
    "twine": "TWINE_",
    "uv": "UV_PUBLISH_",
    "hatch": "HATCH_INDEX_",
    "flit": "FLIT_",
    "poetry": "POETRY_",
    "pdm": "PDM_PUBLISH_",
    "maturin": "MATURIN_",
    "pyo3/maturin-action": "MATURIN_",
}
"""What the variables of a tool begin with, by its first word."""
_OPTION = re.compile(
    r"\s(?:-r|--repo(?:sitory)?(?:-url)?|--index(?:-url)?|--publish-url)[\s=]+(\$\{\{[^}]*\}\}\S*|\S+)"
)
_SECRET_OPTION = re.compile(r"\s(?:-p|--password|--token|-a|--auth)[\s=]")
_ASSIGNED = re.compile(r"(?:^|\s)(\w+)=(\S+)")
_INPUT = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")
_VARIABLE = re.compile(r"['\"]?\$\{?(\w+)\}?['\"]?")
_PLACE = re.compile(r"REPO|INDEX|URL")
_CREDENTIAL = re.compile(r"TOKEN|PASSWORD|AUTH|BASIC")
_CONFIGURED = re.compile(r"\bpoetry[ \t]+config[ \t]+(?:pypi-token|http-basic)\..*")
"""How Poetry is given a credential by an earlier step."""
_SECRET = re.compile(r"\bsecrets\s*\.\s*(\w+)|\bsecrets\s*\[\s*'([^']+)'")


class IndexTrust(StrEnum):
    """Why an index takes what a job sends."""

    identity = "trusted-publishing"  # the job's, without a secret
    credential = "secret"  # a password or a token
    unsaid = "unsaid"  # nothing in the file tells


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedPublication:
    """One upload to a package index."""

    tool: str
    index: str
    """``pypi``, ``testpypi``, or the name, address or expression that the file has."""
    environment: str
    """The job's; empty for none."""
    trust: IndexTrust
    secrets: tuple[str, ...]
    """Names of the secrets that it is trusted by, as far as the file tells."""
    line: int
    """In the file, from 1."""
    condition: str
    """The step's ``if``; the job has its own."""
    on_tags: bool
    """Whether a pushed tag can start it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInputs:
    """Inputs that a workflow may be started with: by a caller, or by a person's choice."""

    values: Mapping[str, str]
    on_tags: bool
    """Whether a pushed tag can start it with these."""


def resolve(upload: MappedPublication, given: Sequence[GivenInputs]) -> tuple[MappedPublication, ...]:
    """Return a publication once for each set of inputs that decides where it goes; as it is where none does."""
    found = []
    for inputs in given:
        index, environment = (_fill(text, inputs.values) for text in (upload.index, upload.environment))
        if (index, environment) != (upload.index, upload.environment):
            on_tags = upload.on_tags and inputs.on_tags
            found.append(replace(upload, index=_index(index), environment=environment, on_tags=on_tags))
    return tuple(dict.fromkeys(found)) or (upload,)


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _INPUT.sub(lambda found: values.get(found[1], found[0]), text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingJob:
    """A job, and all that decides where its steps publish."""

    job: WorkflowJob
    workflow: Workflow
    held: HeldIdentity
    configured: tuple[str, ...]
    """Lines of any step that give a tool its credential."""

    @classmethod
    def of(cls, job: WorkflowJob, workflow: Workflow, held: HeldIdentity) -> PublishingJob:
        """Look at a job once, however often it publishes."""
        configured = (line for step in job.steps for line in _CONFIGURED.findall(commands(step)))
        return cls(job=job, workflow=workflow, held=held, configured=tuple(islice(configured, _MOST)))

    def publication(self, call: ToolCall, step: WorkflowStep, *, on_tags: bool) -> MappedPublication:
        """Return what a call publishes where."""
        written = dict(self._written(step))
        variables = dict(_variables(call, written))
        places = [text for name, text in variables.items() if _PLACE.search(name) and not _CREDENTIAL.search(name)]
        words = " ".join((call.words.replace("\\\n", " "), step.option("args")))
        given = _OPTION.search(words)
        options = (given[1] if given else "", step.option("repository-url"), step.option("repository_url"), *places)
        place = next(filter(None, options), "")
        if named := _VARIABLE.fullmatch(place):
            place = written.get(named[1], place)
        credentials = [text for name, text in variables.items() if _CREDENTIAL.search(name) and text]
        credentials += filter(None, (step.option("password"), *self.configured * call.tool.startswith("poetry")))
        secret = credentials or _SECRET_OPTION.search(words) is not None
        secrets = (found[1] or found[2] for text in (*credentials, words) for found in _SECRET.finditer(text))
        by_identity = self.held.source in {IdentitySource.job, IdentitySource.file}
        return MappedPublication(
            tool=call.tool,
            index=_index(place),
            environment=self.job.environment,
            trust=IndexTrust.credential if secret else IndexTrust.identity if by_identity else IndexTrust.unsaid,
            secrets=tuple(dict.fromkeys(secrets)),
            line=call.line,
            condition=step.condition,
            on_tags=on_tags,
        )

    def _written(self, step: WorkflowStep) -> Iterator[tuple[str, str]]:
        """Yield the variables of a step, the nearest last."""
        for holder in (self.workflow, self.job, step):
            for name, at in islice(holder.at.below("env").items(), _MOST):
                yield name, at.text


def hidden_publication(step: WorkflowStep) -> str:
    """Return the tool whose credential a step has in its own ``env``: a script that has it publishes; else nothing."""
    names = [*islice(step.at.below("env"), _MOST)]
    return next(
        (
            tool
            for tool, prefix in _PREFIXES.items()
            if any(name.startswith(prefix) and _CREDENTIAL.search(name) for name in names)
        ),
        "",
    )


def _variables(call: ToolCall, written: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the tool's variables, without what their names begin with; the command's own come last."""
    prefix = _PREFIXES.get(re.split("[ ,]", call.tool)[0])
    if prefix is None:
        return
    assigned = [(found[1], found[2]) for found in _ASSIGNED.finditer(call.words)]
    for name, text in (*written.items(), *assigned):
        if name.startswith(prefix):
            yield name.removeprefix(prefix), text


def _index(place: str) -> str:
    """Return a known index's name for what tools call it; else what the file says."""
    bare = place.strip("'\"")
    if "://" in bare:
        return index_at(bare) or bare
    return _NAMES.get(re.sub(r"[-_]", "", bare).lower(), bare) if bare else DEFAULT
