"""The hash locks: the very files that this version was tested with, and this tool itself.

One is for the jobs of a release. The other includes it, and adds what only a rehearsal needs.
The tool is named by the URL and the digest of its own release's wheel, or, while there is no release, by a wheel that
is kept in the repository.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from tagseal.errors import ServiceError, TagsealError, UsageError
from tagseal.machine import files
from tagseal.machine.files import measure
from tagseal.names import show
from tagseal.notes.templates import packaged_folder
from tagseal.project.init.look import FOLDER
from tagseal.records import GITHUB
from tagseal.services.github.published import find_published
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.project.init.look import FoundProject

HOME = "tagseal/tagseal"
_LARGEST = 64 << 20
"""Bytes of a wheel of this tool."""
FIRST = ("# What a release's jobs install", "# What the job that rehearses installs")
"""How a lock of ours begins."""
PARTIAL = "\n# Install it with --no-deps"
"""The line of a lock that leaves out what no verb imports, although a package asks for it."""
_KEPT = re.compile(
    rf"^\./({re.escape(FOLDER)}/tagseal-[\w.+-]+\.whl) \\\n    --hash=sha256:([0-9a-f]{{64}})$", re.MULTILINE
)
_ASSET = re.compile(r"^tagseal @ \S+ \\\n    --hash=sha256:[0-9a-f]{64}$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The locks, each as its text, and the files that they name."""

    release: str
    """For a release's jobs."""
    rehearse: str | None = None
    """For the job that rehearses; None where there is no such job."""
    files: Mapping[str, bytes] = field(default_factory=dict)


def make_lock(found: FoundProject, wheel: Path | None, environ: Mapping[str, str]) -> Lock:
    """Return the locks for a project.

    Raises:
        UsageError: The wheel is not this tool, or there is neither a wheel nor a release to name.
    """
    scaffold = packaged_folder() / "scaffold"
    release, rehearse = ((scaffold / name).read_text(encoding="utf-8") for name in ("requirements.txt", "rehearse.txt"))
    if found.is_tool:
        return Lock(release=release)
    if wheel is not None:
        name, content, digest = _wheel(wheel)
        line = _line(f"./{FOLDER}/{name}", digest)
        return Lock(release=release + line, rehearse=rehearse, files={f"{FOLDER}/{name}": content})
    return Lock(release=release + (_kept_line(found) or _asset(environ)), rehearse=rehearse)


def _line(what: str, digest: str) -> str:
    return f"{what} \\\n    --hash=sha256:{digest}\n"


def _wheel(path: Path) -> tuple[str, bytes, str]:
    """Return name, bytes and digest of a wheel of this very version."""
    own = version("tagseal")
    try:
        name, found, _, _ = parse_wheel_filename(path.name)
        fits = (name, str(found)) == ("tagseal", own)
    except InvalidWheelFilename:
        fits = False
    if not fits or not path.is_file():
        raise UsageError(
            f"got {show(path.name)}, expected the wheel of Tagseal {own}, which this is",
            hint="`python -m build --wheel` in Tagseal's checkout makes it, in dist/; install that one, and name it.",
            slug="another-wheel",
        )
    data = files.read(path, _LARGEST, follow=True)
    return path.name, data, hashlib.sha256(data).hexdigest()


def _kept_line(found: FoundProject) -> str:
    """Return the line that names the tool already, if it names this version."""
    text, own = found.text(found.requirements), version("tagseal")
    if (asset := _ASSET.search(text)) and f"/v{own}/tagseal-{own}-" in asset[0]:
        return f"{asset[0]}\n"
    kept = _KEPT.search(text)
    if kept is None or f"/tagseal-{own}-" not in kept[1] or not (found.root / kept[1]).is_file():
        return ""
    return f"{kept[0]}\n" if measure(found.root / kept[1])[1] == kept[2] else ""


def _asset(environ: Mapping[str, str]) -> str:
    """Return the line that names the wheel of this version's release."""
    own = version("tagseal")
    try:
        there = find_published(HOME, f"v{own}", environ, Retry(patience=0))
    except (UsageError, ServiceError) as error:
        raise _unknown(own, error.what) from error
    assets = [
        asset
        for asset in there.release.assets
        if asset.name.startswith(f"tagseal-{own}-") and asset.name.endswith(".whl")
    ]
    if len(assets) != 1 or not assets[0].sha256:
        raise _unknown(own, f"the release v{own} has no wheel with a digest")
    url = f"{GITHUB}/{HOME}/releases/download/v{own}/{assets[0].name}"
    return _line(f"tagseal @ {url}", assets[0].sha256)


def _unknown(own: str, why: str) -> TagsealError:
    return UsageError(
        f"got no release of Tagseal {own} to lock, expected its wheel with a digest",
        context=(why,),
        hint="Name a wheel, which is kept in the repository: `tagseal init --wheel FILE`; `python -m build --wheel` in "
        "Tagseal's checkout makes one.",
        slug="no-tool-to-lock",
    )
