"""Packages that every client reads: a wheel and an sdist of ``widget``, tiny and whole, made in memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def metadata(name: str = "widget", version: str = "1.2.3", *more: str) -> str:
    """Return the metadata of a package, with further header lines."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Summary: It turns.", *more]
    return "\n".join([*lines, "Description-Content-Type: text/markdown", "", "A widget.", ""])


def wheel(
    text: str, *, name: str = "widget", version: str = "1.2.3", tag: str = "py3-none-any", code: str = ""
) -> bytes:
    """Return a wheel with this metadata; ``code`` makes it another one."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"TURNS = True\n{code}",
        f"{info}/METADATA": text,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items())
    return _zipped({**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"})


def sdist(text: str, *, name: str = "widget", version: str = "1.2.3", code: str = "") -> bytes:
    """Return an sdist with this metadata; whoever builds it fails, and so shows that it was built."""
    stem = f"{name}-{version}"
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "boom"\nbackend-path = ["."]\n'
    files = {"PKG-INFO": text, "pyproject.toml": pyproject, "boom.py": "raise SystemExit('built')\n" + code}
    file = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path, content in files.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    return file.getvalue()


def write(
    folder: Path, *, version: str = "1.2.3", code: str = "", only: str = "", text: str | None = None
) -> tuple[Path, Path]:
    """Write both packages of widget, with further code in both or in the ``.whl`` or ``.tar.gz`` only.

    Returns:
        The wheel's path and the sdist's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = text or metadata(version=version)
    found = folder / f"widget-{version}-py3-none-any.whl", folder / f"widget-{version}.tar.gz"
    for path, make in zip(found, (wheel, sdist), strict=True):
        path.write_bytes(make(said, version=version, code=code if path.name.endswith(only) else ""))
    return found


def _zipped(files: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return file.getvalue()


def _digest(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
