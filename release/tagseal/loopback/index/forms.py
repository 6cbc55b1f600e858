"""What an upload says of its file: metadata, and a name that fits it.

Sources: the core metadata specification, as ``packaging`` judges it, PEP 427 and PEP 625 for names, PEP 440 for local
versions, and what the index itself asks beside that. It knows the classifiers that there are; here all are good but
``Private ::``, which is none on purpose.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, NoReturn

from packaging.metadata import Metadata
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version
from werkzeug import Response
from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

SEE = "See the index's help for more information."
_KINDS = {"sdist": ".tar.gz", "bdist_wheel": ".whl"}
_TEXTS = (
    *("metadata_version", "name", "version", "summary", "description_content_type"),
    *("requires_python", "license", "license_expression"),
)
_LISTS = {
    "classifiers": "classifiers",
    "requires_dist": "requires_dist",
    "provides_extra": "provides_extra",
    "dynamic": "dynamic",
    "license_file": "license_files",
}
"""Fields of the form that come more than once, to what ``packaging`` calls them."""
_SUMMARY = 512
"""Characters."""


def refuse(words: str, status: int = 400) -> NoReturn:
    """Refuse with these words, in the status line and in the body.

    Raises:
        HTTPException: Always.
    """
    plain = "".join(c for c in words if c.isprintable()).encode("latin-1", "replace").decode("latin-1")
    body = f"{status} {plain}\n\nThe server could not comply with the request.\n\n{plain}\n"
    raise HTTPException(response=Response(body, f"{status} {plain}", content_type="text/plain"))


def project_and_version(form: MultiDict[str, str]) -> tuple[str, str]:
    """Return project and version of a form whose metadata is valid, normalised."""
    raw: dict[str, object] = {key: form[key] for key in _TEXTS if form.get(key)}
    raw |= {name: form.getlist(key) for key, name in _LISTS.items() if form.getlist(key)}
    try:
        metadata = Metadata.from_raw(raw, validate=True)  # type: ignore[arg-type]
    except ExceptionGroup as error:
        refuse(f"{error.exceptions[0]}. {SEE}")
    if metadata.version.local:
        refuse(f"The use of local versions in '{metadata.version}' is not allowed. {SEE}")
    if len(metadata.summary or "") > _SUMMARY:
        refuse(f"'summary' field must be {_SUMMARY} characters or less. {SEE}")
    if private := [classifier for classifier in metadata.classifiers or () if classifier.startswith("Private ::")]:
        refuse(f"'{private[0]}' is not a valid classifier. {SEE}")
    if direct := [one for one in metadata.requires_dist or () if one.url]:
        refuse(f"Can't have direct dependency: {direct[0]}. {SEE}")
    return canonicalize_name(metadata.name), str(metadata.version)


def of_kind(name: str, kind: str) -> None:
    """Hold that a file's name is one, and ends as its kind does."""
    if kind not in _KINDS:
        refuse("Invalid value for filetype. Error: Use a known file type.")
    if not name.isprintable():
        refuse("Cannot upload a file with non-printable characters (ordinals 0-31) in the name.")
    if "/" in name or "\\" in name:
        refuse("Cannot upload a file with '/' or '\\' in the name.")
    if not name.endswith(_KINDS[kind]):
        refuse(f"Invalid file extension: Use {_KINDS[kind]} for {kind}. {SEE}")


def fits(name: str, kind: str, content: bytes, project: str, version: str) -> None:
    """Hold that a file is what its name says, and its name what its metadata says."""
    if kind == "sdist":
        _fits_sdist(name, content, f"{project.replace('-', '_')}-{version}.tar.gz")
    else:
        _fits_wheel(name, content, project, version)


def _fits_sdist(name: str, content: bytes, expected: str) -> None:
    if not tarfile.is_tarfile(io.BytesIO(content)):
        refuse("Invalid distribution file. File is not a tarfile")
    if name != expected:
        refuse(f"Filename '{name}' is invalid, should be '{expected}'.")


def _fits_wheel(name: str, content: bytes, project: str, version: str) -> None:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        refuse("Invalid distribution file. File is not a zipfile")
    try:
        named, numbered, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename as error:
        refuse(str(error))
    for platform in sorted(tag.platform for tag in tags):
        if platform.startswith("linux_"):
            refuse(f"Binary wheel '{name}' has an unsupported platform tag '{platform}'.")
    begin = project.replace("-", "_")
    if named != project:
        refuse(f"Start filename for '{project}' with '{begin}'.")
    first, written = name.split("-")[:2]
    if first != begin:
        refuse(f"Filename '{name}' should contain the normalized project name '{begin}', not '{first}'.")
    if numbered != Version(version):
        refuse(f"Version in filename should be '{version}' not '{numbered}'.")
    inside = f"{first}-{written}.dist-info/METADATA"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if inside not in archive.namelist():
            refuse(f"Wheel '{name}' does not contain the required METADATA file: {inside}")
