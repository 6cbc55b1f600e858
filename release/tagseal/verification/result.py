"""What came of verifying one file: a verdict, the check that decided it, and the facts that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tagseal.verification.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagseal.records import Identity

__all__ = ["Cause", "Check", "Expected", "Facts", "Result", "Subject"]


class Check(StrEnum):
    """What is checked, in the order in which a stranger's file passes: a failed verdict names the first that failed."""

    file = "file"  # it is there, and a regular file
    bundle = "bundle"  # it is there, bounded, and of a form that is known
    time = "time"  # signed by somebody who is trusted to tell the time
    certificate = "certificate"  # chain up to the root of trust, certificate timestamp, usage
    identity = "identity"  # who signed
    log = "log"  # entry, inclusion proof, checkpoint, promise
    signature = "signature"  # of these bytes, and the log's entry is about it
    name = "name"  # SHA256SUMS calls these bytes so


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who should have signed, as far as the caller said."""

    identity: Identity | None = None
    """Exact, with its source and signer extensions; None where only a name and an issuer were given."""
    uri: str
    """The certificate's only subject alternative name."""
    issuer: str
    commit: str | None = None
    """40 hexadecimal digits; None where the caller does not know one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The file that was verified, as it lies there."""

    path: Path
    size: int = 0
    """Bytes."""
    sha256: str = ""
    """Hexadecimal; empty where it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a check failed, as far as the facts tell, and what to do next."""

    slug: str
    """Stable: an anchor in the guide's troubleshooting, and what ``--json`` names."""
    what: str
    """One sentence without a full stop: what is the matter, both sides where there are two."""
    next: str
    """What to do: a command where there is one."""
    context: Sequence[str] = ()
    """Further lines: which facts say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one file."""

    name: str
    """Base name."""
    ok: bool
    check: Check | None = None
    """The first that failed; None where all passed."""
    detail: str = ""
    """One line: who signed, or the verifier's own words."""
    facts: Facts | None = None
    """None where there was no bundle that could be read at all."""
    cause: Cause | None = None
    """None where it is ok."""
    subject: Subject | None = None
    """The file; None where it was no file that lies there, as of an image."""
    bundle: Path | None = None
    """Where its bundle is; None where there is none."""
    sums: Path | None = None
    """The verified list that binds its name; None where its name is not bound."""
    notes: tuple[str, ...] = ()
    """What a person should know besides."""
