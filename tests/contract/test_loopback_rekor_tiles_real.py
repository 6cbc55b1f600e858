"""The loopback's second version of the log beside the real one: rekor-tiles on a folder, asked the same."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.test import Client

from tagseal.loopback.sigstore import tiles
from tagseal.loopback.sigstore.rekor_tiles import HOST, RekorTiles
from tagseal.loopback.sigstore.tile_entries import LogEntry, build_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REAL = shutil.which("rekor-tiles")
KEY = ec.generate_private_key(ec.SECP256R1())
ENTRIES = "/api/v2/log/entries"
JSON = {"Content-Type": "application/json"}
SECONDS = 20

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        REAL is None, reason="rekor-tiles is not installed: go install …/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0"
    ),
]


@dataclass(frozen=True, kw_only=True)
class Real:
    """A running rekor-tiles, its key, and the folder with what it published."""

    url: str
    key: ed25519.Ed25519PublicKey
    folder: Path

    def add(self, request: bytes) -> requests.Response:
        return requests.post(self.url + ENTRIES, data=request, headers=JSON, timeout=SECONDS)


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    key, ports = ed25519.Ed25519PrivateKey.generate(), [free() for _ in range(3)]
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "log").mkdir()
    argv = [str(REAL), "serve", "--hostname", HOST, "--signer-filepath", str(tmp_path / "key.pem")]
    argv += ["--storage-dir", str(tmp_path / "log"), "--checkpoint-interval", "200ms"]
    argv += ["--http-port", ports[0], "--grpc-port", ports[1], "--http-metrics-port", ports[2]]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield Real(url=_answering(f"http://127.0.0.1:{ports[0]}"), key=key.public_key(), folder=tmp_path / "log")
        finally:
            server.kill()


def _answering(url: str) -> str:
    for _ in range(SECONDS * 10):
        with suppress(requests.ConnectionError):
            requests.get(f"{url}/healthz", timeout=SECONDS).raise_for_status()
            return url
        time.sleep(0.1)
    pytest.fail("rekor-tiles does not answer")


def shape(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with types in place of what has no parts."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


def test_the_real_log_answers_the_same(real: Real) -> None:
    """The same form, the same entry byte for byte, the same index, the same refusal of a second time."""
    ours = Client(RekorTiles())
    real.add(build_request(b"the first entry", KEY))
    for message in (b"one", b"two"):
        request = build_request(message, KEY)
        theirs, played = real.add(request), ours.post(ENTRIES, data=request, headers=JSON)
        assert (theirs.status_code, played.status_code) == (201, 201)
        said, told = theirs.json(), played.json or {}
        assert shape(told) == shape(said)
        for name in ("logIndex", "kindVersion", "integratedTime", "inclusionPromise", "canonicalizedBody"):
            assert told[name] == said[name]
        again, twice = real.add(request), ours.post(ENTRIES, data=request, headers=JSON)
        assert (twice.status_code, twice.json) == (again.status_code, again.json())
        assert twice.headers["x-log-index"] == again.headers["x-log-index"]


def test_the_real_log_names_itself_the_same_way(real: Real) -> None:
    """Its identifier comes of its host and its key, as ours does."""
    said = real.add(build_request(b"one", KEY)).json()
    log = tiles.TileLog(HOST)
    log._key = _Known(real.key)  # type: ignore[assignment]  # noqa: SLF001 - another log's, of which we hold no more
    assert b64decode(said["logId"]["keyId"]) == log.key_id


class _Known:
    """A key pair of which the public half is known."""

    def __init__(self, key: ed25519.Ed25519PublicKey) -> None:
        self._key = key

    def public_key(self) -> ed25519.Ed25519PublicKey:
        return self._key


def test_the_real_log_publishes_the_same_tiles(real: Real) -> None:
    """Of the same entries: the tile, the entry bundle, and the root in the checkpoint."""
    log = tiles.TileLog(HOST)
    for message in (b"one", b"two", b"three"):
        said = real.add(build_request(message, KEY)).json()
        log.add(LogEntry(kind="hashedrekord", body=b64decode(said["canonicalizedBody"])))
    published = real.folder / "tile"
    assert (published / "0" / "000.p" / "3").read_bytes() == log.tile(0, 0, 3)
    assert (published / "entries" / "000.p" / "3").read_bytes() == log.entries(0, 3)
    checkpoint = (real.folder / "checkpoint").read_text(encoding="utf-8")
    assert checkpoint.split("\n")[:3] == log.checkpoint().split("\n")[:3]
