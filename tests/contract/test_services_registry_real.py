"""Our adapter and a real registry, CNCF distribution's: behind the door under a name of its own."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.services.images.registry import Registry
from tagseal.services.images.registry.uploads import CHUNK
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

HOST, NAME = "real.example.org", "octo/widget"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LARGE = CHUNK * 2 + 1
PROGRAM = shutil.which("docker-registry")
CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROGRAM is None, reason="no docker-registry on PATH"),
]


class Behind:
    """A WSGI application that passes requests on to a real server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        names = {key[5:].replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")}
        length = int(environ.get("CONTENT_LENGTH") or 0)
        kind = {"Content-Type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {}
        headers = names | kind | {"Content-Length": str(length), "X-Forwarded-Proto": "https"}
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        body = iter(lambda: environ["wsgi.input"].read(1 << 16), b"") if length else None
        connection.request(environ["REQUEST_METHOD"], environ["PATH_INFO"] + query, body=body, headers=headers)
        answer = connection.getresponse()
        start_response(f"{answer.status} {answer.reason}", answer.getheaders())
        content = answer.read()
        connection.close()
        return [content]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Behind]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "config.yml").write_text(CONFIG.format(folder=tmp_path / "registry", port=port))
    with subprocess.Popen(
        [PROGRAM or "", "serve", str(tmp_path / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield Behind(port)
        finally:
            process.terminate()


@pytest.fixture
def loopback(tmp_path: Path, real: Behind, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path / "loopback", hosts={HOST: real}) as one:
        for name, value in one.environment().items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.mark.parametrize("fault", [None, "drop-before", "drop-after"])
def test_a_real_registry_takes_an_image(loopback: Loopback, tmp_path: Path, fault: str | None) -> None:
    """Small and large blobs, a mounted one, manifests by digest and tag, referrers; a lost chunk changes nothing."""
    registry = Registry(HOST, NAME, retry=Retry(patience=600))
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"{}")
    with large.open("wb") as file:
        file.truncate(LARGE)
    if fault:
        loopback.faults.set([Fault(name=fault, host=HOST, method="PATCH", skip=1)])
    parts = {}
    for path in (small, large):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        assert registry.push_blob(path, sha256=digest, size=path.stat().st_size)
        assert not registry.push_blob(path, sha256=digest, size=path.stat().st_size)
        parts[path] = {"mediaType": "application/octet-stream", "size": path.stat().st_size}
        parts[path] |= {"digest": f"sha256:{digest}"}
    assert len(loopback.faults.hits) == (fault is not None)
    other = Registry(HOST, "octo/gadget")
    digest = str(parts[small]["digest"])[7:]
    assert other.push_blob(small, sha256=digest, size=2, mount_from=NAME)
    assert other.blob(digest, 2) == b"{}"

    image = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[small], "layers": [parts[large]]}
    content = json.dumps(image, indent=1).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    registry.push_manifest(content, MANIFEST)
    assert registry.tags() == ()
    registry.push_manifest(content, MANIFEST, "1.0")
    assert (registry.resolve("1.0"), registry.tags()) == (sha256, ("1.0",))
    found = registry.manifest(f"sha256:{sha256}")
    assert found
    assert (found.content, found.media_type) == (content, MANIFEST)

    subject = {"mediaType": MANIFEST, "digest": f"sha256:{sha256}", "size": len(content)}
    signature = json.dumps(image | {"layers": [], "subject": subject}).encode()
    made = registry.refer(signature, MANIFEST, sha256)
    assert [referrer.sha256 for referrer in registry.referrers(sha256)] == [made]
