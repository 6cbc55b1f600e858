"""What a step does for a release, told by its action and its shell lines.

These are heuristics: a script can hide anything. They name what the tools of releases are called; what is called a
release or a publication and is no such tool is said to be unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from tagseal.workflow.shell_lines import BEGINS, PYTHON, command_lines

if TYPE_CHECKING:
    from tagseal.workflow.document import WorkflowStep


class Role(StrEnum):
    """What a job is there for."""

    builds = "builds"  # an sdist, a wheel for every platform
    builds_platform_wheels = "builds-platform-wheels"
    runs_verbs = "runs-verbs"  # ours
    signs = "signs"
    attests = "attests"
    publishes = "publishes"  # to a package index
    pushes = "pushes"  # an image, or a package of another language
    releases = "releases"  # makes or fills a release
    begins_releases = "begins-releases"  # a bot that tags, and makes the release
    comes_after = "comes-after"  # documentation, announcements, whatever waits for a publication
    calls = "calls"  # another workflow
    unread = "unread"  # a script or action that is called a release, and is not looked into


OUTWARD = frozenset((Role.signs, Role.attests, Role.publishes, Role.pushes, Role.releases, Role.unread))
"""Roles that give something to the world, or sign it."""
OUTWARD_VERBS = frozenset(("sign", "upload", "publish"))
"""Verbs that do."""
_ACTIONS = {
    "hynek/build-and-inspect-python-package": Role.builds,
    "pypa/cibuildwheel": Role.builds_platform_wheels,
    "pyo3/maturin-action": Role.builds_platform_wheels,
    "ralfg/python-wheels-manylinux-build": Role.builds_platform_wheels,
    "pypa/gh-action-pypi-publish": Role.publishes,
    "docker/build-push-action": Role.pushes,
    "goreleaser/goreleaser-action": Role.pushes,
    "js-devtools/npm-publish": Role.pushes,
    "softprops/action-gh-release": Role.releases,
    "ncipollo/release-action": Role.releases,
    "actions/create-release": Role.releases,
    "actions/upload-release-asset": Role.releases,
    "svenstaro/upload-release-action": Role.releases,
    "googleapis/release-please-action": Role.begins_releases,
    "google-github-actions/release-please-action": Role.begins_releases,
    "python-semantic-release/python-semantic-release": Role.begins_releases,
    "release-drafter/release-drafter": Role.begins_releases,
    "python-semantic-release/publish-action": Role.releases,
    "sigstore/gh-action-sigstore-python": Role.signs,
    "actions/attest": Role.attests,
    "actions/attest-build-provenance": Role.attests,
    "actions/attest-sbom": Role.attests,
    "actions/deploy-pages": Role.comes_after,
    "peaceiris/actions-gh-pages": Role.comes_after,
    "jamesives/github-pages-deploy-action": Role.comes_after,
    "slackapi/slack-github-action": Role.comes_after,
    "cbrgm/mastodon-github-action": Role.comes_after,
    "peter-evans/repository-dispatch": Role.comes_after,
}
_INDEX_ACTION = re.compile(
    r"/[\w-]*(?:(?:publish|deploy|upload)[\w-]*pypi|pypi[\w-]*(?:publish|deploy|upload)|poetry-publish)"
)
_RELEASE_ACTION = re.compile(r"/(?![\w-]*download)[\w-]*release[\w-]*$")
"""Actions of others, by their names: such as upload to the index, and such as may release."""
_NAMED = re.compile(r"publish|release")
_COMMANDS = (
    # `build` is a word like any other where nothing runs it as a module or a tool.
    (Role.builds, r"(?(run)build\b|pyproject-build\b)"),
    (Role.builds, r"(?:uv|hatch|poetry|flit|pdm)\s+(?:-\S+\s+)*build\b"),
    (Role.builds, r"\S*python[0-9.]*\s+setup\.py\s(?=[^\n]*\b(?:sdist|bdist_wheel)\b)"),
    (Role.builds, r"pip3?\s+wheel\b"),
    (Role.builds, r"maturin\s+sdist\b"),
    (Role.builds_platform_wheels, r"cibuildwheel\b|maturin\s+build\b"),
    (Role.publishes, r"twine\s+upload\b"),
    (Role.publishes, r"(?:uv|poetry|flit|hatch|pdm|maturin)\s+(?:-\S+\s+)*publish\b|maturin\s+upload\b"),
    (Role.pushes, r"(?:npm|yarn|pnpm|cargo)\s+publish\b|docker\s+(?:image\s+)?push\b|goreleaser\s+release\b"),
    (Role.pushes, r"docker\s+buildx\s+build\b(?=.*--push)|skopeo\s+copy\b|crane\s+(?:push|copy|cp|tag)\b"),
    (Role.releases, r"gh\s+release\s+(?:create|upload|edit)\b"),
    (Role.begins_releases, r"semantic-release\s+(?:-\S+\s+)*(?:version|publish)\b"),
    (Role.begins_releases, r"git\s+tag(?=\s+(?:-[afs]+\s+|-\w*m\s+\S+\s+)*[\"'\w$])"),
    (Role.signs, r"(?:cosign|sigstore)\s+sign\b"),
    (Role.attests, r"cosign\s+attest\b|pypi[-_]attestations\s+sign\b"),
    (Role.comes_after, r"mkdocs\s+gh-deploy\b|mike\s+deploy\b|ghp-import\b"),
    (Role.unread, r"(?:(?:ba)?sh\s+)?\S*/[\w-]*(?:publish|release)[\w.-]*(?=\s|$)"),
    (Role.unread, r"(?:make|just|invoke|tox\s+-e|nox\s+-s)\s+(?:publish|release|upload)(?![\w-])"),
)
"""What follows the beginning of a command, by the role that it plays."""
_LINES = re.compile(
    f"{BEGINS}(?P<run>{PYTHON.removesuffix('?')})?"
    f"(?:{'|'.join(f'(?P<c{number}>{pattern})' for number, (_, pattern) in enumerate(_COMMANDS))})"
    r"(?P<rest>(?:[^;&|\n\\]|\\\n|\\.)*)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call of a tool: which, for what, and with which words."""

    role: Role
    tool: str
    """The action, or the words of the command that tell it from others: ``twine upload``."""
    line: int
    """In the file, from 1."""
    words: str = ""
    """The whole command; empty for an action."""


def calls(step: WorkflowStep) -> tuple[ToolCall, ...]:
    """Return what a step calls that has to do with a release, in its order."""
    if step.uses:
        line = (step.at.get("uses") or step.at).line
        return tuple(ToolCall(role=role, tool=step.action, line=line) for role in _roles_of_action(step))
    lines = command_lines(step)
    found = _commands("\n".join(line.text for line in lines))
    return tuple(
        ToolCall(role=role, tool=tool, line=lines[number].number, words=words) for role, tool, words, number in found
    )


def _roles_of_action(step: WorkflowStep) -> tuple[Role, ...]:
    """Return what an action is there for, by its options where these decide."""
    role = _ACTIONS.get(step.action)
    if step.action == "docker/build-push-action":
        pushes = step.option("push") not in {"", "false"} or "push=true" in step.option("outputs")
        return (Role.pushes,) if pushes else ()
    if step.action == "pyo3/maturin-action":
        others = {"sdist": Role.builds, "upload": Role.publishes, "publish": Role.publishes}
        return (others.get(step.option("command"), Role.builds_platform_wheels),)
    if step.action == "hynek/build-and-inspect-python-package":
        attests = step.option("attest-build-provenance-github") not in {"", "false"}
        return (Role.builds, *[Role.attests] * attests)
    if role is None and _INDEX_ACTION.search(step.action):
        role = Role.publishes
    local = step.action.startswith("./") and is_called_release(step.action)
    unread = local or _RELEASE_ACTION.search(step.action) is not None
    return (role,) if role else (Role.unread,) * unread


def is_called_release(name: str) -> bool:
    """Tell whether the name of an action, or of a workflow, speaks of a release."""
    return _NAMED.search(name) is not None


@lru_cache(maxsize=1024)
def _commands(lines: str) -> tuple[tuple[Role, str, str, int], ...]:
    """Return role, tool, words and line (from 0) of each command; ten rules ask, and lines can be made to take long."""
    found = []
    for match in _LINES.finditer(lines):
        for number, (role, _) in enumerate(_COMMANDS):
            if (tool := match[f"c{number}"]) is not None:
                line = lines.count("\n", 0, match.start(f"c{number}"))
                words = [word for word in tool.split() if role is Role.unread or not word.startswith("-")]
                found.append((role, " ".join(words), match[0].strip(), line))
    return tuple(found)
