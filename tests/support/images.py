"""OCI image layouts and archives made in Python, good ones and every broken kind, without a builder."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = f"{LAYER}+gzip"
IN_TOTO = "application/vnd.in-toto+json"
EMPTY = "application/vnd.oci.empty.v1+json"
ATTESTATION = "application/vnd.docker.attestation.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
LARGE = 1 << 28
"""Bytes of a layer that only :func:`layout`'s ``sparse`` makes: its archive is a sparse file as well."""
ABOUT = "vnd.docker.reference.digest"

Descriptor = dict[str, Any]


def layout(  # noqa: PLR0913 - each is a trait of the image
    folder: Path,
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64"),
    *,
    attestation: bool = False,
    nested: bool = False,
    layers: int = 1,
    sparse: int = 0,
    content: str = "",
) -> Path:
    """Make an OCI layout in a new folder and return the folder.

    Args:
        folder: Made here.
        platforms: Of one, the root is its manifest; of several, or with one of the next two, it is an index.
        attestation: Whether buildx's attestation manifests stand beside the platforms'.
        nested: Whether the last platform stands in an index of its own below the root.
        layers: How many each platform has.
        sparse: Bytes of a further layer, all zero, that the platforms share.
        content: What tells this image from another of the same form.
    """
    (folder / "blobs" / "sha256").mkdir(parents=True)
    shared = [_zeros(folder, sparse)] if sparse else []
    listed = []
    for platform in platforms:
        texts = [f"{content} {platform} {number}".strip() for number in range(layers)]
        listed.append(manifest(folder, platform, [*(layer(folder, text) for text in texts), *shared]))
    tree = list(listed)
    if nested:
        tree[-1:] = [index(folder, tree[-1:])]
    if attestation:
        tree += [attested(folder, one) for one in listed]
    alone = len(tree) == 1 and not nested
    return finish(folder, put_plain(tree[0]) if alone else index(folder, tree))


def archive(layout: Path, path: Path, *, packed: bool = False, dot: bool = False) -> Path:
    """Write a layout as a tar file and return its path.

    Args:
        layout: A folder.
        path: The new file.
        packed: Whether the whole is gzipped.
        dot: Whether names start with ``./``, as those of ``tar -C FOLDER -c .`` do.
    """
    return archive_of(path, members(layout, dot=dot), packed=packed)


def put(folder: Path, content: bytes, media_type: str, **more: Any) -> Descriptor:  # noqa: ANN401 - JSON
    """Write a blob and return its descriptor."""
    hexadecimal = hashlib.sha256(content).hexdigest()
    (folder / "blobs" / "sha256" / hexadecimal).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{hexadecimal}", "size": len(content), **more}


def document(folder: Path, content: object, media_type: str, **more: Any) -> Descriptor:  # noqa: ANN401 - JSON
    """Write a blob of JSON and return its descriptor."""
    return put(folder, json.dumps(content).encode(), media_type, **more)


def layer(folder: Path, text: str) -> Descriptor:
    """Write a gzipped layer that holds one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        info = tarfile.TarInfo("file")
        info.size = len(text.encode())
        file.addfile(info, io.BytesIO(text.encode()))
    return put(folder, gzip.compress(buffer.getvalue(), mtime=0), LAYER_GZIP)


def manifest(folder: Path, platform: str, layers: Sequence[Descriptor], **more: Any) -> Descriptor:  # noqa: ANN401 - JSON
    """Write a platform's configuration and manifest; return the descriptor that an index lists."""
    place = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    config = {**place, "config": {}, "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in layers]}}
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": document(folder, config, CONFIG),
        "layers": list(layers),
        **more,
    }
    return document(folder, content, MANIFEST, platform=place)


def attested(folder: Path, subject: Descriptor, *, artifact: bool = False) -> Descriptor:
    """Write the attestation manifest that buildx puts beside a platform's.

    Args:
        folder: The layout.
        subject: The platform's descriptor.
        artifact: In the form of ``oci-artifact=true``: the configuration is empty, and a subject named.
    """
    digest = subject["digest"]
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "_", "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicate": {},
    }
    layers = [
        document(
            folder, statement, IN_TOTO, annotations={"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
        )
    ]
    more = {}
    if artifact:
        more = {"artifactType": ATTESTATION, "subject": put_plain(subject), "config": document(folder, {}, EMPTY)}
    return {
        **manifest(folder, "unknown/unknown", layers, **(more if artifact else {})),
        "annotations": {ABOUT: digest, "vnd.docker.reference.type": "attestation-manifest"},
    }


def index(folder: Path, listed: Sequence[Descriptor]) -> Descriptor:
    """Write an index and return its descriptor."""
    return document(folder, {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(listed)}, INDEX)


def put_plain(descriptor: Descriptor) -> Descriptor:
    """Return a descriptor without what only an index says."""
    return {key: descriptor[key] for key in ("mediaType", "digest", "size")}


def finish(folder: Path, *roots: Descriptor) -> Path:
    """Write what makes the folder a layout of these images, named as a builder names them."""
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    named = [{**root, "annotations": {"org.opencontainers.image.ref.name": "latest"}} for root in roots]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": named}))
    return folder


def blob(folder: Path, digest: str) -> Path:
    """Return where a blob lies."""
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


def root(folder: Path) -> Descriptor:
    """Return the descriptor of the layout's image."""
    found: Descriptor = load(folder / "index.json")["manifests"][0]
    return found


def first(folder: Path) -> Descriptor:
    """Return the descriptor of the first platform's manifest."""
    top = root(folder)
    while top["mediaType"] == INDEX:
        top = load(blob(folder, top["digest"]))["manifests"][0]
    return top


def load(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return a document."""
    return json.loads(path.read_bytes())


def changed(folder: Path, digest: str, change: Callable[[Any], object]) -> str:
    """Change a document and whatever names it, up to the root, so that every digest is right; return its new digest."""
    content = load(blob(folder, digest))
    change(content)
    new = document(folder, content, "")

    def follow(parent: Any) -> None:  # noqa: ANN401 - JSON
        for one in (*parent.get("manifests", ()), *parent.get("layers", ()), parent.get("config", {})):
            if one.get("digest") == digest:
                one |= {"digest": new["digest"], "size": new["size"]}
            if one.get("annotations", {}).get(ABOUT) == digest:
                one["annotations"][ABOUT] = new["digest"]

    top = load(folder / "index.json")
    follow(top)
    (folder / "index.json").write_text(json.dumps(top))
    for path in list((folder / "blobs" / "sha256").iterdir()):
        if path.stat().st_size < 1 << 20 and path.read_bytes().startswith(b"{") and digest in path.read_text():
            old = f"sha256:{path.name}"
            if old not in {digest, new["digest"]} and "schemaVersion" in load(path):
                changed(folder, old, follow)
    return str(new["digest"])


def members(layout: Path, *, dot: bool = False) -> list[tuple[tarfile.TarInfo, Path | None]]:
    """Return a layout's members: folders and files, in the order of their names."""
    found: list[tuple[tarfile.TarInfo, Path | None]] = []
    for path in sorted(layout.rglob("*")):
        info = tarfile.TarInfo(f"{'./' if dot else ''}{path.relative_to(layout)}")
        if path.is_dir():
            info.type = tarfile.DIRTYPE
            found.append((info, None))
        else:
            info.size = path.stat().st_size
            found.append((info, path))
    return [(tarfile_folder("./"), None), *found] if dot else found


def tarfile_folder(name: str) -> tarfile.TarInfo:
    """Return a folder's member."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


def archive_of(path: Path, entries: Iterable[tuple[tarfile.TarInfo, Path | None]], *, packed: bool = False) -> Path:
    """Write a tar file of these members; one without a file has no content, a very large one is taken for zeros."""
    with path.open("wb") as raw, tarfile.open(fileobj=raw, mode="w:gz" if packed else "w") as file:
        for info, source in entries:
            if source is None:
                file.addfile(info)
            elif info.size > LARGE and not packed:
                file.addfile(info)
                file.offset = raw.seek(info.size + -info.size % tarfile.BLOCKSIZE, io.SEEK_CUR)
            else:
                with source.open("rb") as content:
                    file.addfile(info, content)
    return path


def unsafe(layout: Path, path: Path, kind: str) -> Path:
    """Write a layout as a tar file with one of the members of :data:`UNSAFE` behind its own."""
    return archive_of(path, [*members(layout), (UNSAFE[kind](), None)])


def broken(layout: Path, kind: str) -> Path:
    """Break a layout in one of the ways of :data:`BROKEN`."""
    BROKEN[kind](layout)
    return layout


def _zeros(folder: Path, size: int) -> Descriptor:
    path = folder / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
    with path.open("rb") as file:
        hexadecimal = hashlib.file_digest(file, "sha256").hexdigest()
    path.rename(folder / "blobs" / "sha256" / hexadecimal)
    return {"mediaType": LAYER, "digest": f"sha256:{hexadecimal}", "size": size}


def _member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


UNSAFE: dict[str, Callable[[], tarfile.TarInfo]] = {
    "absolute": lambda: _member("/etc/passwd"),
    "parent": lambda: _member("../evil"),
    "parent_inside": lambda: _member("blobs/../../evil"),
    "not_plain": lambda: _member("blobs//evil"),
    "folder_outside": lambda: _member("../evil", tarfile.DIRTYPE),
    "symbolic_link": lambda: _member("blobs/sha256/link", tarfile.SYMTYPE, "/etc/passwd"),
    "symbolic_link_inside": lambda: _member("link", tarfile.SYMTYPE, "index.json"),
    "hard_link": lambda: _member("link", tarfile.LNKTYPE, "index.json"),
    "device": lambda: _member("null", tarfile.CHRTYPE),
    "block_device": lambda: _member("disk", tarfile.BLKTYPE),
    "pipe": lambda: _member("pipe", tarfile.FIFOTYPE),
    "duplicate": lambda: _member("index.json"),
    "duplicate_dot": lambda: _member("./index.json"),
}
"""A member that makes an archive unsafe, by the attack's name."""


def _wrong_digest(folder: Path) -> None:
    """Change a byte of a layer and keep its name and size."""
    path = blob(folder, load(blob(folder, first(folder)["digest"]))["layers"][0]["digest"])
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _wrong_digest_of_manifest(folder: Path) -> None:
    path = blob(folder, first(folder)["digest"])
    path.write_bytes(path.read_bytes().replace(b'"schemaVersion": 2', b'"schemaVersion":\t2'))


def _wrong_size(folder: Path) -> None:
    def change(content: Any) -> None:  # noqa: ANN401 - JSON
        content["layers"][0]["size"] += 1

    changed(folder, first(folder)["digest"], change)


def _missing_blob(folder: Path) -> None:
    blob(folder, load(blob(folder, first(folder)["digest"]))["layers"][0]["digest"]).unlink()


def _missing_manifest(folder: Path) -> None:
    blob(folder, first(folder)["digest"]).unlink()


def _layer_type(media_type: str) -> Callable[[Path], None]:
    def change(content: Any) -> None:  # noqa: ANN401 - JSON
        content["layers"][0]["mediaType"] = media_type

    return lambda folder: _discard(changed(folder, first(folder)["digest"], change))


def _docker_schema(folder: Path) -> None:
    """Turn the root into Docker's schema 2 by its media type."""
    kind = DOCKER_LIST if root(folder)["mediaType"] == INDEX else DOCKER_MANIFEST
    changed(folder, root(folder)["digest"], lambda content: content.update(mediaType=kind))
    top = load(folder / "index.json")
    top["manifests"][0]["mediaType"] = kind
    (folder / "index.json").write_text(json.dumps(top))


def _other_platform(folder: Path) -> None:
    """Let the first platform's configuration say another architecture than the index."""
    config = load(blob(folder, first(folder)["digest"]))["config"]["digest"]
    changed(folder, config, lambda content: content.update(architecture="s390x"))


def _other_algorithm(folder: Path) -> None:
    top = load(folder / "index.json")
    top["manifests"][0]["digest"] = "sha512:" + "0" * 128
    (folder / "index.json").write_text(json.dumps(top))


def _discard(_: object) -> None:
    """Drop a result."""


BROKEN: dict[str, Callable[[Path], None]] = {
    "wrong_digest": _wrong_digest,
    "wrong_digest_of_manifest": _wrong_digest_of_manifest,
    "wrong_size": _wrong_size,
    "missing_blob": _missing_blob,
    "missing_manifest": _missing_manifest,
    "unknown_media_type": _layer_type("application/x-unknown"),
    "nondistributable": _layer_type("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    "docker_layer": _layer_type(DOCKER_LAYER),
    "docker_schema": _docker_schema,
    "other_platform": _other_platform,
    "other_algorithm": _other_algorithm,
}
"""What breaks a layout in place, by its name."""
