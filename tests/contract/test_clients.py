"""The clients that the notes name, at those very versions: each accepts what it is named for, the one before does not.

`nox -s clients` installs them, and says in ``TAGSEAL_CLIENTS`` where. They verify as the notes' commands do, with one
option more, by which they trust the played instance: its root has an Ed25519 key and a timestamp authority whose time
has no end, as production's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from instance import IDENTITY, instance
from tagseal.notes import clients
from tagseal.verification.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from instance import Instance
    from tagseal.loopback.sigstore.trust import Log

FOLDER = os.environ.get("TAGSEAL_CLIENTS", "")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not FOLDER, reason="`nox -s clients` installs the clients, and runs this"),
]

FILE = b"a wheel"
NAME = "widget-1.2.3-py3-none-any.whl"


class Kind(NamedTuple):
    """A way to sign."""

    log: Log
    timestamped: bool


class Before(NamedTuple):
    """The version before a named one, and why it does not do."""

    version: str
    words: str


KINDS = {
    "bare": Kind("v1", timestamped=False),
    "stamped": Kind("v1", timestamped=True),
    "tiled": Kind("v2", timestamped=True),
}
BEFORE = {
    "sigstore 3.6.3": Before("3.6.2", "unsupported key type"),
    "sigstore 3.6.5": Before("3.6.4", "not enough timestamps validated"),
    "sigstore 4.0.0": Before("3.6.7", "Expected log entry version 0.0.1, got 0.0.2"),
    # It reads these bundles with `--new-bundle-format`, which newer ones see for themselves.
    "cosign 2.4.2": Before("2.4.1", "--trusted-root only supported with --new-bundle-format"),
    # It accepts this one with `--use-signed-timestamps`.
    "cosign 3.0.5": Before("3.0.4", "threshold not met for verified"),
}


class Reader:
    """A folder with a file and its bundle, which clients verify."""

    def __init__(self, folder: Path, played: Instance, kind: Kind) -> None:
        self._folder = folder
        (bundle,) = played.sign({NAME: hashlib.sha256(FILE).hexdigest()}, **kind._asdict()).values()
        self.minimum = clients.minimum([facts_of(json.loads(bundle)).contents])
        (folder / NAME).write_bytes(FILE)
        (folder / f"{NAME}.sigstore.json").write_bytes(bundle)
        (folder / "root.json").write_text(played.trusted_root)
        (folder / "trust-4.json").write_text(played.trust_config)
        (folder / "trust-3.json").write_text(json.dumps(_older(json.loads(played.trust_config))))

    def verify(self, client: str, version: str) -> subprocess.CompletedProcess[str]:
        """Run a client as the notes do."""
        program = _program(client, version)
        if not program.exists():
            pytest.skip(f"{client} {version} is not here: `nox -s clients -- all` builds it")
        arguments = self._cosign() if client == "cosign" else self._sigstore(version)
        environ = {"HOME": str(self._folder), "PATH": os.environ["PATH"], "COLUMNS": "10000"}
        return subprocess.run(
            [program, *arguments],
            cwd=self._folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def flip(self) -> None:
        """Change one bit of the file."""
        (self._folder / NAME).write_bytes(bytes([FILE[0] ^ 1]) + FILE[1:])

    def _sigstore(self, version: str) -> tuple[str, ...]:
        trust = ("--trust-config", f"trust-{version[0]}.json")
        signer = ("--cert-identity", IDENTITY.uri, "--cert-oidc-issuer", IDENTITY.issuer)
        return (*trust, "verify", "identity", *signer, NAME)

    def _cosign(self) -> tuple[str, ...]:
        signer = ("--certificate-identity", IDENTITY.uri, "--certificate-oidc-issuer", IDENTITY.issuer)
        return ("verify-blob", "--bundle", f"{NAME}.sigstore.json", "--trusted-root", "root.json", *signer, NAME)


def _older(config: dict[str, object]) -> Mapping[str, object]:
    """Return a trust configuration as clients before 4.0 read it: the form of what they sign with was another."""
    signing = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.1+json",
        "caUrl": "https://fulcio.sigstore.dev",
        "oidcUrl": "https://oauth2.sigstore.dev/auth",
        "tlogUrls": ["https://rekor.sigstore.dev"],
    }
    return {**config, "signingConfig": signing}


def _program(client: str, version: str) -> Path:
    folder = Path(FOLDER) / f"{client}-{version}"
    return folder / "cosign" if client == "cosign" else folder / "bin" / "sigstore"


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture(params=KINDS)
def reader(request: pytest.FixtureRequest, tmp_path: Path, played: Instance) -> Reader:
    return Reader(tmp_path, played, KINDS[request.param])


@pytest.mark.parametrize("client", ["sigstore", "cosign"])
def test_what_the_notes_name_today_is_here(client: str) -> None:
    """The versions in the notes of a release that is signed as production signs today are among those that ran."""
    if client == "cosign" and shutil.which("go") is None:
        pytest.skip("no Go here that builds cosign")
    assert _program(client, getattr(clients.PLANNED, client)).exists()


@pytest.mark.parametrize("client", ["sigstore", "cosign"])
def test_the_named_version_accepts_the_genuine_and_refuses_the_changed(reader: Reader, client: str) -> None:
    """Who installs what the notes name gets OK for the file as it was signed, and for no other."""
    version = getattr(reader.minimum, client)
    done = reader.verify(client, version)
    assert (done.returncode, "OK" in done.stdout + done.stderr) == (0, True), done.stderr
    reader.flip()
    done = reader.verify(client, version)
    assert (done.returncode != 0, "OK" in done.stdout + done.stderr) == (True, False)


@pytest.mark.parametrize("client", ["sigstore", "cosign"])
def test_the_version_before_does_not_do(reader: Reader, client: str) -> None:
    """The named version is the oldest: the one before it refuses the genuine file, for the reason that is known."""
    before = BEFORE[f"{client} {getattr(reader.minimum, client)}"]
    done = reader.verify(client, before.version)
    assert done.returncode != 0
    assert before.words in done.stdout + done.stderr
