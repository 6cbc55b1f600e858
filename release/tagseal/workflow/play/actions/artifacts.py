"""actions/upload-artifact and actions/download-artifact: what one job hands to another, and nothing else passes.

An artifact is a zip file, as at GitHub: regular files without their modes. Links are followed, as there, but none out
of the workspace: what lies behind it is the person's. Sources: ``src/shared/search.ts`` and
``src/upload/upload-artifact.ts`` of the first, version 7; ``src/download-artifact.ts`` of the second, version 8.
"""

from __future__ import annotations

import json
import re
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tagseal.machine.files import measure
from tagseal.names import show
from tagseal.workflow.play.action import StepEffects, StepFailedError
from tagseal.workflow.play.actions import search

if TYPE_CHECKING:
    from tagseal.workflow.play.action import StepCall

_NO_NAME = re.compile(r'[":<>|*?\r\n\\/]')
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_NONE_FOUND = ("warn", "error", "ignore")


def upload(call: StepCall) -> StepEffects:
    """Keep files for other jobs, under one name.

    Raises:
        StepFailedError: The name is taken, a path leads outside, or there is no file and that is to be an error.
    """
    name = call.input_text("name") or "artifact"
    if _NO_NAME.search(name):
        raise StepFailedError(f'The artifact name is not valid: {show(name)}. It contains one of " : < > | * ? \\ /')
    patterns = [line.strip() for line in call.input_text("path").splitlines() if line.strip()]
    if not patterns:
        raise StepFailedError("Input required and not supplied: path")
    found = search.search(call, patterns, hidden=call.yes("include-hidden-files"))
    if not found:
        return _nothing(call, ", ".join(patterns))
    target = call.host.artifacts / f"{name}.zip"
    if target.exists() and not call.yes("overwrite"):
        raise StepFailedError(
            "Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: an artifact with "
            "this name already exists on the workflow run"
        )
    number = 1 + max((_artifact_facts(call, name)["id"] for name in _names(call)), default=0)
    root = search.root(call, patterns, found)
    with zipfile.ZipFile(target, "w") as archive:
        for path in found:
            archive.write(path, path.relative_to(root).as_posix())
    _, digest = measure(target)
    _place(call, name).write_text(json.dumps({"id": number, "digest": digest}), encoding="utf-8")
    call.log(f"artifact {name}: {len(found)} file{'s' * (len(found) != 1)}, sha256 {digest}")
    return StepEffects(outputs={"artifact-id": str(number), "artifact-digest": digest})


def download(call: StepCall) -> StepEffects:
    """Unpack an artifact of this run, or those whose names or numbers fit, or all.

    One alone goes into the folder itself, however it was asked for; several go into folders of their own.

    Raises:
        StepFailedError: There is none of that name, its bytes are not those that were kept, or the path leads outside.
    """
    folder = search.inside(call, call.input_text("path") or ".")
    chosen = _choose(call)
    direct = len(chosen) == 1 or call.yes("merge-multiple")
    for one in chosen:
        _unpack(call, one, folder if direct else folder / one)
        call.log(f"artifact {one}: here")
    if not chosen:
        call.log("Total of 0 artifact(s) downloaded")
    return StepEffects(outputs={"download-path": str(folder)})


def _choose(call: StepCall) -> list[str]:
    """Return the names of the artifacts that are asked for."""
    there = _names(call)
    name, numbers = call.input_text("name"), call.input_text("artifact-ids")
    if name and numbers:
        raise _failure("Inputs 'name' and 'artifact-ids' cannot be used together. Please specify only one.")
    if name:
        if name not in there:
            raise _failure(f"Artifact not found for name: {name}. This run has {', '.join(there) or 'none'}")
        return [name]
    if not numbers:
        return [one for one in there if fnmatchcase(one, call.input_text("pattern") or "*")]
    asked = [one.strip() for one in numbers.split(",") if one.strip()]
    if wrong := next((one for one in asked if not _NUMBER.fullmatch(one)), None):
        raise _failure(f"Invalid artifact ID: {show(wrong)}. Must be a number.")
    chosen = [one for one in there if _artifact_facts(call, one)["id"] in set(map(int, asked))]
    if not chosen:
        raise _failure("None of the provided artifact IDs were found")
    return chosen


def _unpack(call: StepCall, name: str, folder: Path) -> None:
    archive = call.host.artifacts / f"{name}.zip"
    if archive.is_symlink() or measure(archive)[1] != _artifact_facts(call, name)["digest"]:
        raise _failure(f"Digest validation failed for artifact(s): {name}. It is not the one that was uploaded")
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            _inside(call, folder, member.filename)
            opened.extract(member, folder)


def _inside(call: StepCall, folder: Path, member: str) -> None:
    """Hold a name in an archive against the folder that it is unpacked to, links in it included."""
    path = PurePosixPath(member)
    if path.is_absolute() or ".." in path.parts or (folder / path).is_symlink():
        raise _failure(f"got the file {show(member)}, expected one below the folder")
    search.inside(call, str(folder / path))


def _names(call: StepCall) -> list[str]:
    return sorted(path.stem for path in call.host.artifacts.glob("*.zip"))


def _place(call: StepCall, name: str) -> Path:
    """Return where it is written what the service tells of an artifact."""
    return call.host.artifacts / f"{name}.json"


def _artifact_facts(call: StepCall, name: str) -> dict[str, Any]:
    """Return what the service tells of an artifact: number and digest."""
    try:
        told = json.loads(_place(call, name).read_text(encoding="utf-8"))
        return {"id": int(told["id"]), "digest": str(told["digest"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _failure(f"Digest validation failed for artifact(s): {name}. What was told of it is gone") from error


def _failure(text: str) -> StepFailedError:
    return StepFailedError(f"Unable to download artifact(s): {text}")


def _nothing(call: StepCall, patterns: str) -> StepEffects:
    text = f"No files were found with the provided path: {patterns}. No artifacts will be uploaded."
    behaviour = call.input_text("if-no-files-found") or "warn"
    if behaviour not in _NONE_FOUND:
        raise StepFailedError(
            f"Unrecognized if-no-files-found input. Provided: {show(behaviour)}. Available options: "
            f"{', '.join(_NONE_FOUND)}"
        )
    if behaviour == "error":
        raise StepFailedError(text)
    call.log(text)
    return StepEffects()
