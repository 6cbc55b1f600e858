"""A build back end that needs no index: the wheel has src/, the sdist whatever is in the checkout."""

import base64
import hashlib
import io
import os
import pathlib
import tarfile
import time
import tomllib
import zipfile

DOCUMENT = tomllib.loads(pathlib.Path("pyproject.toml").read_text())
PROJECT, OWN = DOCUMENT["project"], DOCUMENT["tool"]["backend"]
STEM = f"{PROJECT['name']}-{PROJECT['version']}"
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))
METADATA = f"Metadata-Version: 2.1\nName: {PROJECT['name']}\nVersion: {PROJECT['version']}\n{OWN.get('metadata', '')}\nA widget.\n"


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder, f"{STEM}.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text(METADATA)
    return info.name


def build_wheel(folder, config_settings=None, metadata_directory=None):
    tag = OWN.get("tag", "py3-none-any")
    info = f"{STEM}.dist-info"
    files = {
        path.relative_to("src").as_posix(): path.read_bytes()
        for path in sorted(pathlib.Path("src").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files[f"{info}/METADATA"] = METADATA.encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        for name, data in files.items()
    }
    record = "".join(f"{name},sha256={digests[name]},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    name = f"{STEM}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, time.gmtime(EPOCH)[:6]), data)
    return name


def build_sdist(folder, config_settings=None):
    name = f"{STEM}.tar.gz"
    with tarfile.open(os.path.join(folder, name), "w:gz") as archive:
        for path in sorted(pathlib.Path().rglob("*")):
            parts = path.parts
            if path.is_file() and not {".git", "__pycache__", *OWN["leaves-out"]} & {*parts}:
                archive.add(path, f"{STEM}/{path}")
        info = tarfile.TarInfo(f"{STEM}/PKG-INFO")
        info.size = len(METADATA.encode())
        archive.addfile(info, io.BytesIO(METADATA.encode()))
    return name
