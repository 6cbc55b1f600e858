"""The nine steps, a file each, and what they are given besides records.

A step is a plain function: it takes the records that it needs and the services, and gives one record. It prints
nothing; ``services.say`` takes a line of progress.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tagseal.names import safe_image
from tagseal.services.retry import Retry, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.machine.git import Git
    from tagseal.notes.templates import Templates
    from tagseal.services.github import GitHub
    from tagseal.services.images.registry import Registry
    from tagseal.services.sigstore import Sigstore
    from tagseal.tags import Pattern
    from tagseal.verification.timestamps import VerifierWithRoot
    from tagseal.workspace import Workspace


def unheard(_text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What a step is given besides records: the project, its settings, and one adapter for each service."""

    root: Path
    """The checkout's top folder."""
    settings: Settings
    work: Workspace
    environ: Mapping[str, str] = field(repr=False)
    """The process's environment: holds tokens."""
    loopback: bool
    """Whether names lead to the loopback (``tagseal.machine.actions.loopback``)."""
    say: Callable[[str], None]
    """Takes one line of progress."""
    waiting: Callable[[str, float], None] = silent
    """Told before each pause what failed, and how many seconds the pause takes."""
    remark: Callable[[str], None] = unheard
    """Takes one line that a person should know, whatever becomes of the step."""

    writes: bool = True
    """Whether this command changes anything anywhere; ``status`` does not."""

    @property
    def project(self) -> Path:
        """The folder of the project to build."""
        return self.root / self.settings.project

    @property
    def retry(self) -> Retry:
        """The retry policy, with the configured patience."""
        return Retry(patience=self.settings.wait, waiting=self.waiting)

    @cached_property
    def git(self) -> Git:
        """The checkout."""
        from tagseal.machine.git import Git  # noqa: PLC0415

        return Git.at(self.root, self.environ)

    def pattern(self, tags: Sequence[str]) -> Pattern:
        """Return how this project spells its tags, by the configuration or else by these."""
        from tagseal.tags import pattern  # noqa: PLC0415 - packaging

        return pattern(tags, self.settings.tag)

    def pattern_beside(self, tag: str) -> Pattern:
        """Return how this project spells its tags, told by the others; a first tag is its own way."""
        others = [one for one in self.git.tags() if one != tag]
        return self.pattern(others or [tag])

    @property
    def templates(self) -> Templates | None:
        """The project's own templates, which override ours file by file."""
        from tagseal.notes.templates import read  # noqa: PLC0415 - Jinja

        return read(self.git, self.settings.templates)

    @cached_property
    def github(self) -> GitHub:
        """The forge, with this job's token."""
        from tagseal.services.github import GitHub  # noqa: PLC0415 - 0.4 s

        return GitHub.from_environ(self.environ, self.retry)

    @cached_property
    def registry(self) -> Registry:
        """The image's repository in its registry, with this job's credentials; only where there is an image."""
        from tagseal.services.images.registry import Registry  # noqa: PLC0415 - as above
        from tagseal.services.images.registry.credentials import credentials  # noqa: PLC0415

        host, repository = safe_image(self.settings.image.name if self.settings.image else "")
        known = credentials(self.environ, host)
        return Registry(host, repository, known, retry=self.retry, pushes=self.writes)

    @cached_property
    def sigstore(self) -> Sigstore:
        """Signing and trust."""
        from tagseal.services.sigstore import Sigstore  # noqa: PLC0415 - 0.6 s

        return Sigstore.from_environ(self.environ, loopback=self.loopback, retry=self.retry)

    @cached_property
    def verifier(self) -> VerifierWithRoot:
        """What verifies bundles of the instance that signs.

        Raises:
            ServiceError: The root of trust cannot be had.
        """
        from tagseal.verification.timestamps import VerifierWithRoot  # noqa: PLC0415 - as above

        return VerifierWithRoot(self.sigstore.trusted_root)
