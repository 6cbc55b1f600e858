"""What a diagnosis may look at: the verdict, the bundle's facts, the first bytes of both files, what lies nearby.

Certificate facts count as *certified* once chain and certificate timestamp have passed, which is what a failure at a
later check means; before that they are claims of whoever wrote the bundle, and every sentence says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tagseal.names import REPOSITORY, TAG, WORKFLOW
from tagseal.records import GITHUB, WORKFLOWS
from tagseal.verification.facts import Facts, Signer
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal.verification.result import Expected, Subject

PEEK = 1 << 16
"""Bytes of the file, and of the bundle, that are looked at."""

_TAGS, _BRANCHES = "refs/tags/", "refs/heads/"
_URI = re.compile(
    rf"{re.escape(GITHUB)}/(?P<repository>[^/@]+/[^/@]+)/(?P<workflow>[^@]+)@(?P<ref>.+)", re.ASCII | re.DOTALL
)
_CERTIFIED = {Check.identity, Check.log, Check.signature, Check.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A GitHub workflow's name in a certificate, taken apart; all parts are empty where it is none."""

    repository: str = ""
    """OWNER/REPO."""
    workflow: str = ""
    """Path in the repository."""
    ref: str = ""
    """Full ref."""

    @classmethod
    def parse(cls, uri: str) -> Signed:
        """Take a subject alternative name apart."""
        found = _URI.fullmatch(uri)
        return cls(**found.groupdict()) if found else cls()

    @property
    def owner(self) -> str:
        """The account."""
        return self.repository.partition("/")[0]

    @property
    def tag(self) -> str:
        """The tag; empty where the ref is none."""
        return self.ref.removeprefix(_TAGS) if self.ref.startswith(_TAGS) else ""

    @property
    def branch(self) -> str:
        """The branch, or whatever else is no tag, such as ``refs/pull/7/merge``; empty where the ref is a tag."""
        return "" if self.tag else self.ref.removeprefix(_BRANCHES)

    @property
    def safe(self) -> bool:
        """Whether a command may be made of it: what an attacker chose must not be pasted into a shell."""
        file = self.workflow.removeprefix(f"{WORKFLOWS}/")
        return bool(
            REPOSITORY.fullmatch(self.repository)
            and WORKFLOW.fullmatch(file)
            and (not self.tag or TAG.fullmatch(self.tag))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a rule may look at."""

    check: Check
    detail: str
    """The verifier's own words."""
    facts: Facts = field(default_factory=Facts)
    subject: Subject
    expected: Expected
    nearby: Sequence[Subject] = ()
    """Other files there, with their digests."""
    listed: Mapping[str, str]
    """File name to SHA-256, hexadecimal: what SHA256SUMS says."""
    published: Subject | None = None
    """What the release's listing says about a file of this name."""
    now: float
    """Seconds since the epoch."""
    trust: str
    """Where the root of trust comes from, for a person to read."""
    bundle: bytes | None = None
    """None where there is none."""
    head: bytes = b""
    """The file's first bytes."""
    image: bool = False
    """Whether it is a container image, and no file."""
    whole: bool = False
    """Whether a whole release was to be verified, and not files that somebody named."""
    alike: Sequence[str] = ()
    """Paths of all files that failed for the same reason, this one among them; empty where it is the only one."""

    @property
    def name(self) -> str:
        """The file's base name."""
        return self.subject.path.name

    @property
    def thing(self) -> str:
        """What it is, with its article; or how many there are."""
        return f"{len(self.alike)} files" if self.alike else "an image" if self.image else "a file"

    @property
    def was(self) -> str:
        """The verb behind ``thing``."""
        return "were" if self.alike else "was"

    @property
    def danger(self) -> str:
        """What a failure means first of all."""
        return "do not use these files" if self.alike else f"do not use this {'image' if self.image else 'file'}"

    @property
    def root(self) -> str:
        """What is trusted, in a sentence."""
        return f"your root of trust ({self.trust})"

    @property
    def signer(self) -> Signer:
        """What the certificate says."""
        return self.facts.signer

    @property
    def certified(self) -> bool:
        """Whether the certificate passed: what it says is then the authority's word, and not a mere claim."""
        return self.check in _CERTIFIED

    @property
    def says(self) -> str:
        """The verb for what the certificate holds."""
        return "says" if self.certified else "claims, unverified,"

    @property
    def got(self) -> Signed:
        """Who signed, taken apart."""
        return Signed.parse(self.facts.subjects[0]) if len(self.facts.subjects) == 1 else Signed()

    @property
    def wanted(self) -> Signed:
        """Who should have signed, taken apart."""
        return Signed.parse(self.expected.uri)

    @property
    def source(self) -> str:
        """OWNER/REPO of the repository that the run was in; the certificate's name may be another's."""
        return self.signer.repository.removeprefix(f"{GITHUB}/")
