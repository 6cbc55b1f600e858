"""Images for tests: made here, pushed with plain requests, or written as an OCI layout."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.loopback import Loopback

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def described(content: bytes, media_type: str, **more: object) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content), **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image for one platform."""

    config: bytes
    layers: tuple[bytes, ...]
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def blobs(self) -> tuple[bytes, ...]:
        return (self.config, *self.layers)

    @property
    def manifest(self) -> bytes:
        layers = [described(layer, LAYER) for layer in self.layers]
        shape = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described(self.config, CONFIG), "layers": layers}
        return json.dumps(shape | self.extra).encode()

    @property
    def digest(self) -> str:
        return sha256(self.manifest)


def image(*layers: bytes, architecture: str = "amd64", **extra: object) -> Image:
    """Return an image of these layers, which need not be archives."""
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
    }
    return Image(config=json.dumps(config).encode(), layers=layers, extra=extra)


def index(*images: Image) -> bytes:
    """Return an index of images."""
    listed = []
    for one in images:
        platform = {name: json.loads(one.config)[name] for name in ("architecture", "os")}
        listed.append(described(one.manifest, MANIFEST, platform=platform))
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()


def layout(folder: Path, *images: Image) -> str:
    """Write an OCI layout, with the images behind one index under the tag ``latest``; return the index's digest."""
    listed = index(*images)
    for content in (listed, *(part for one in images for part in (*one.blobs, one.manifest))):
        path = folder / "blobs" / sha256(content).replace(":", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entry = described(listed, INDEX, annotations={"org.opencontainers.image.ref.name": "latest"})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return sha256(listed)


class Client:
    """requests, with a token of the registry for one repository or several."""

    def __init__(self, loopback: Loopback, github: str | None, name: str, host: str = "ghcr.io") -> None:
        self.host, self.name, self.github = host, name, github
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": loopback.door.url}
        self.session.verify = str(loopback.folder / "ca.pem")
        self.headers: dict[str, str] = {}

    def token(self, *scopes: str, user: str = "anybody") -> requests.Response:
        auth = (user, self.github) if self.github is not None else None
        query = {"service": self.host, "scope": scopes}
        return self.session.get(f"https://{self.host}/token", params=query, auth=auth)

    def login(self, *scopes: str) -> Client:
        answer = self.token(*(scopes or (f"repository:{self.name}:pull,push",)))
        self.headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        return self

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        url = path if path.startswith("https:") else f"https://{self.host}/v2/{self.name}/{path}"
        headers = self.headers | options.pop("headers", {})
        return self.session.request(method, url, headers=headers, **options)

    def blob(self, content: bytes) -> requests.Response:
        return self.ask("POST", "blobs/uploads/", params={"digest": sha256(content)}, data=content)

    def upload(self) -> str:
        return self.ask("POST", "blobs/uploads/").headers["Location"]

    def chunk(self, where: str, content: bytes, first: int) -> requests.Response:
        span = {"Content-Range": f"{first}-{first + len(content) - 1}"}
        return self.ask("PATCH", where, data=content, headers=span)

    def manifest(self, content: bytes, reference: str | None = None, media_type: str = MANIFEST) -> Any:  # noqa: ANN401
        headers = {"Content-Type": media_type}
        return self.ask("PUT", f"manifests/{reference or sha256(content)}", data=content, headers=headers)

    def push(self, image: Image, reference: str | None = None) -> requests.Response:
        for content in image.blobs:
            assert self.blob(content).status_code == 201
        answer = self.manifest(image.manifest, reference)
        assert answer.status_code == 201, answer.text
        return answer  # type: ignore[no-any-return]
