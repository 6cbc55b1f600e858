"""What an index remembers: projects and their files, every name that was ever used, publishers, tokens.

Files are on disk, everything else in memory. Whoever reads or changes more than one value holds ``State.lock``.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

TOKEN_LIFETIME = 900
"""Seconds that an exchanged token is good for."""
MEBIBYTE = 1024 * 1024
DAY = 86400
"""Seconds."""
ANY = "*"
"""In the place of a project: every one, as no real index has it; for a place to play in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPublisher:
    """A trusted publisher, as a project's owner registers it: a workflow of a repository at GitHub."""

    project: str
    """Normalised, or :data:`ANY`. It need not exist yet: the first token makes it."""
    owner: str
    repository: str
    """Without its owner."""
    workflow: str = "release.yml"
    """File name."""
    environment: str = ""
    """Empty for any, or none."""
    owner_id: int = 0
    """Number of the owner's account, which outlives its name; 0 for any."""

    def trusts(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether an identity token is this publisher's: repository, owner, workflow file, and environment."""
        repository = f"{self.owner}/{self.repository}".lower()
        named, _, file = str(claims.get("job_workflow_ref", "")).partition("@")[0].partition("/.github/workflows/")
        return (
            str(claims.get("repository", "")).lower() == named.lower() == repository
            and str(self.owner_id) in {"0", str(claims.get("repository_owner_id", ""))}
            and file == self.workflow
            and self.environment.lower() in {"", str(claims.get("environment", "")).lower()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """One file of a project."""

    name: str
    project: str
    """Normalised."""
    version: str
    """Normalised."""
    kind: str
    """``sdist`` or ``bdist_wheel``."""
    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal, as the next."""
    blake2_256: str
    uploaded: str
    """ISO 8601, UTC."""
    requires_python: str = ""
    attestations: tuple[bytes, ...] = field(default=(), repr=False)
    publisher: RegisteredPublisher | None = None
    yanked: str | None = None
    """Why; None for a file that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What whoever shows a token may do."""

    projects: frozenset[str]
    """Normalised."""
    publisher: RegisteredPublisher | None = None
    """None for a token that a person made."""
    ends: float = float("inf")
    """By the index's clock."""


@dataclass(slots=True, kw_only=True)
class IndexRules:
    """What can differ from index to index, and change while it runs."""

    largest: int = 100 * MEBIBYTE
    """Bytes of a file."""
    lag: int = 0
    """Times that the JSON API does not know of a fresh file yet."""
    simple_lag: int = 0
    """Times that the simple API does not, which caches keep longer."""
    open: int = 14 * DAY
    """Seconds after a version's first file in which it takes others."""
    attestations: bool = True
    """Whether it takes and tells any; where it does not, those that are sent are passed over in silence."""


class IndexState:
    """Everything that one index knows."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        """Keep files below ``folder``; tokens expire by this clock, in seconds."""
        self.lock = threading.RLock()
        self.folder = folder
        self.clock = clock
        self.rules = IndexRules()
        self.projects: dict[str, dict[str, IndexFile]] = {}
        """Normalised name to file name to file."""
        self.used: set[str] = set()
        """Every file name that ever was."""
        self.begun: dict[tuple[str, str], float] = {}
        """Project and version to when the first file came, by the clock."""
        self.rival = False
        """Whether somebody else sends other bytes under the name of the next file first."""
        self.publishers: list[RegisteredPublisher] = []
        self.tokens: dict[str, Token] = {}
        self.seen: set[str] = set()
        """Numbers of the identity tokens that were exchanged."""
        self.unlisted: Counter[tuple[bool, str]] = Counter()
        """Whether it is the simple API, and a file name, to the times that a listing does not know of it yet."""

    def issue(
        self, projects: Collection[str], publisher: RegisteredPublisher | None = None, lifetime: float = 0
    ) -> str:
        """Make a token; it never ends without a lifetime, in seconds."""
        token = f"pypi-{secrets.token_urlsafe(48)}"
        ends = self.clock() + lifetime if lifetime else float("inf")
        self.tokens[token] = Token(projects=frozenset(projects), publisher=publisher, ends=ends)
        return token

    def token(self, text: str) -> Token | None:
        """Return what a token stands for; None for one that is unknown or over."""
        found = self.tokens.get(text)
        return found if found and self.clock() < found.ends else None

    def add(self, file: IndexFile, content: bytes) -> None:
        """Keep a file; its name is used for ever."""
        path = self.path(file.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.projects.setdefault(file.project, {})[file.name] = file
        self.used.add(file.name)
        self.begun.setdefault((file.project, file.version), self.clock())
        self.unlisted[False, file.name] = self.rules.lag
        self.unlisted[True, file.name] = self.rules.simple_lag

    def like(self, file: IndexFile) -> IndexFile | None:
        """Return the file of this name, else one of the same bytes."""
        files = [one for project in self.projects.values() for one in project.values()]
        named = (one for one in files if one.name == file.name)
        return next(named, None) or next((one for one in files if one.blake2_256 == file.blake2_256), None)

    def is_closed(self, project: str, version: str) -> bool:
        """Tell whether a version takes no more files."""
        begun = self.begun.get((project, version))
        return begun is not None and self.clock() - begun > self.rules.open

    def path(self, sha256: str) -> Path:
        """Return where a file's bytes lie."""
        return self.folder / sha256[:2] / sha256

    def list_files(self, project: str, *, simple: bool) -> list[IndexFile] | None:
        """Return the files that a listing of either API shows, and count it; None for a project that nobody knows."""
        files = self.projects.get(project)
        if files is None:
            return None
        fresh = {(simple, name) for name in files if self.unlisted[simple, name] > 0}
        self.unlisted.subtract(fresh)
        return [file for file in files.values() if (simple, file.name) not in fresh]

    def yank(self, project: str, version: str, reason: str) -> None:
        """Yank every file of a version."""
        files = self.projects[project]
        files.update({name: replace(file, yanked=reason) for name, file in files.items() if file.version == version})
