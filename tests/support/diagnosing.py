"""Files and bundles that really fail, and what the diagnosis makes of the verifier's own words."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instance import IDENTITY, RUN, Instance
from tagseal.verification.diagnosis import cause
from tagseal.verification.policy import Exact
from tagseal.verification.result import Cause, Check, Expected, Subject
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import verify_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.loopback.actions import Run
    from tagseal.records import Identity

WHEEL, SDIST = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz"


def expected(identity: Identity = IDENTITY, commit: str | None = None) -> Expected:
    return Expected(identity=identity, uri=identity.uri, issuer=identity.issuer, commit=commit)


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("widget.py"), "turns = 1\n" * 100)
    return buffer.getvalue()


def sdist() -> bytes:
    return gzip.compress(b"turns = 1\n" * 1000, mtime=0)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A folder, and an instance that signs whatever a run asks for."""

    folder: Path
    instance: Instance

    def put(self, name: str, content: bytes) -> Subject:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content)
        return Subject(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())

    def signed(self, content: bytes, run: Run = RUN) -> bytes:
        """Return a bundle for these bytes."""
        return self.instance.sign({"one": hashlib.sha256(content).hexdigest()}, run, timestamped=False)["one"]

    def told(
        self,
        subject: Subject,
        bundle: bytes | None,
        check: Check,
        *,
        wants: Expected | None = None,
        verifier: VerifierWithRoot | None = None,
        **options: Any,  # noqa: ANN401 - those of `cause`
    ) -> Cause:
        """Verify, which must fail, and return the cause."""
        wants, facts = wants or expected(), None
        told: dict[str, Any] = {"now": time.time(), "trust": "the loopback", "detail": ""} | options
        if bundle is not None:
            identity = Exact(wants.identity or IDENTITY, wants.commit)
            trust = verifier or VerifierWithRoot(self.instance.sigstore.trusted_root)
            outcome = verify_digest(subject.path.name, subject.sha256, bundle, identity, trust)
            facts = outcome.facts
            assert outcome.check in {check, None}, outcome
            told["detail"] = told["detail"] if outcome.verdict.ok else outcome.verdict.detail
        return cause(check, told.pop("detail"), facts, subject, wants, bundle=bundle, **told)

    def ran(self, run: Run, *, wants: Expected | None = None) -> Cause:
        """Return the cause for a file that this run signed."""
        return self.told(self.put(WHEEL, wheel()), self.signed(wheel(), run), Check.identity, wants=wants)


def changed(bundle: bytes, **parts: object) -> bytes:
    """Return the bundle with other values, by dotted path with double underscores: ``verificationMaterial__x``."""
    document = json.loads(bundle)
    for path, value in parts.items():
        *ways, last = path.split("__")
        place = document
        for way in ways:
            place = place[int(way)] if isinstance(place, list) else place[way]
        key = int(last) if isinstance(place, list) else last
        if value is None:
            del place[key]
        else:
            place[key] = value
    return json.dumps(document).encode()
