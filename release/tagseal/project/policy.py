"""Admission policies for the project's image, made from the identity that signs it: a cluster admits nothing else.

The kinds are those of Kyverno (``kyverno.io/v1``, ``policies.kyverno.io/v1``) and of Sigstore's policy-controller
(``policy.sigstore.dev/v1beta1``); both were read in the source of the versions that the tests run.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from tagseal import config
from tagseal.errors import ConfigError, UsageError
from tagseal.machine.git import Git
from tagseal.names import safe_image, safe_repository, safe_tag, show
from tagseal.notes.templates import fill, read
from tagseal.project.detect import detect
from tagseal.records import ISSUER, Identity

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.config import ImageSettings, Settings
    from tagseal.notes.templates import Templates

Evaluator = Literal["kyverno", "policy-controller"]

TAGS = r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*"
"""What ``names.TAG`` takes, in the words of Go's expressions, which have no lookahead."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io"})
_NAME = 48
"""Characters, before the hash: Kubernetes takes 63 where a name becomes a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """What the policies need to know of it."""

    settings: Settings
    image: ImageSettings
    repository: str
    workflow: str
    templates: Templates | None


def policies(folder: Path, evaluator: Evaluator, *, tag: str | None, enforce: bool) -> str:
    """Return the policies, in YAML, for the image of the project that ``folder`` is in.

    Args:
        folder: In the checkout.
        evaluator: Which of the two will read them.
        tag: The release that is admitted; None for every release.
        enforce: Refuse what does not fit, instead of reporting it.

    Raises:
        ConfigError: No image is configured, or a private Sigstore instance is, or the evaluator cannot read the form
            of the image's signatures; or a template is wrong.
        UsageError: The project's repository is not known.
        Refused: The tag is unsafe.
    """
    project = _project(folder)
    if evaluator == "policy-controller" and "simplesigning" not in project.image.signatures:
        raise ConfigError(
            "got an image that is signed in bundles only, expected simplesigning as well: "
            "the policy-controller reads no image's signature in a bundle",
            hint='Set signatures = ["simplesigning", "bundle"] in [tool.tagseal.image], for the releases to come.',
            slug="policy-form-not-read",
        )
    values = _values(project, safe_tag(tag) if tag else "")
    asked = {"evaluator": evaluator, "enforce": enforce}
    return fill(f"policies/{evaluator}.yaml.j2", values | asked, project.templates)


def pods(folder: Path, *, digest: str | None) -> str:
    """Return two pods to try a policy with, in YAML: one that passes, by the image's digest, and one that is denied.

    Raises:
        ConfigError: No image is configured, or a private Sigstore instance is; or a template is wrong.
        UsageError: The digest is none, or the project's repository is not known.
    """
    if digest is not None and _DIGEST.fullmatch(digest) is None:
        raise UsageError(
            f"got the digest {show(digest)}, expected sha256: and 64 small hexadecimal digits",
            hint="`crane digest IMAGE:TAG` prints it; the release's notes name it as well.",
            slug="bad-digest",
        )
    project = _project(folder)
    return fill("policies/pods.yaml.j2", {"image": project.image.name, "digest": digest}, project.templates)


def expression(repository: str, workflow: str) -> str:
    """Return the regular expression of this workflow's subjects for any tag: anchored, all but the tag escaped."""
    before = Identity(repository=repository, workflow=workflow, ref="refs/tags/").uri
    return f"^{re.escape(before)}{TAGS}$"


def _project(folder: Path) -> _Project:
    git = Git.at(folder, os.environ)
    settings = config.load(git.root)
    if settings.image is None:
        raise ConfigError(
            "got no image in the configuration, expected one: an admission policy is about an image",
            hint='Set name = "ghcr.io/owner/repository" in [tool.tagseal.image].',
            slug="policy-without-image",
        )
    if settings.sigstore is not None:
        raise ConfigError(
            "got sigstore in the configuration, expected the public instance: "
            "a policy for a private one needs that one's roots as well",
            hint="Remove it: a later version will honour it.",
            slug="policy-private-sigstore",
        )
    safe_image(settings.image.name)
    found = detect(git, settings, {})
    if found.repository is None:
        raise UsageError(
            "got a checkout that does not tell its repository, expected OWNER/REPO: the policy names it",
            hint='Set repository = "OWNER/REPO" in [tool.tagseal], or add the remote `origin`.',
            slug="policy-without-repository",
        )
    return _Project(
        settings=settings,
        image=settings.image,
        repository=safe_repository(found.repository),
        workflow=found.workflow.path,
        templates=read(git, settings.templates),
    )


def _values(project: _Project, tag: str) -> dict[str, Any]:
    identity = Identity(repository=project.repository, workflow=project.workflow, ref=f"refs/tags/{tag}")
    return {
        "name": _name(project.image.name),
        "image": project.image.name,
        "patterns": _patterns(project.image.name),
        "globs": _globs(project.image.name),
        "bundle": "simplesigning" not in project.image.signatures,
        "tag": tag,
        "identity": identity.uri,
        "expression": expression(project.repository, project.workflow),
        "issuer": ISSUER,
        "repository": project.repository,
    }


def _name(image: str) -> str:
    """Return a name that Kubernetes takes, one per image: else one image's policy would replace another's."""
    readable = re.sub(r"[^a-z0-9]+", "-", image.partition("/")[2])[:_NAME].strip("-")
    return f"{readable}-{sha256(image.encode()).hexdigest()[:8]}"


def _patterns(image: str) -> list[str]:
    """Return Kyverno's patterns of this image, however it is written; never of a name that only begins like it."""
    host, repository = safe_image(image)
    written = (f"docker.io/{repository}", f"index.docker.io/{repository}", repository)
    names = written if host in _DOCKER_HUB else (image,)
    return [f"{name}{rest}" for name in names for rest in ("", ":*", "@*")]


def _globs(image: str) -> list[str]:
    """Return the policy-controller's patterns, which match names as Docker's library completes them."""
    host, repository = safe_image(image)
    name = f"index.docker.io/{repository}" if host in _DOCKER_HUB else image
    return [f"{name}{rest}" for rest in (":*", "@*")]
