"""Values of the right type that mean nothing: what is expected of each key, by its path."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tagseal.names import IMAGE, IMAGE_TAG, REPOSITORY, WORKFLOW, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_INDEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_URL = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/([A-Za-z0-9._~%+-]+/)*", re.ASCII)


def as_written(value: object) -> str:
    """Return a TOML value as its author would recognise it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return show(value) if isinstance(value, str) else str(value)


def senseless(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Find values of the right type that mean nothing: key path and problem."""
    for name, value in table.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from senseless(value, f"{path}.")
            continue
        check = _CHECKS.get(path, _as_it_is)
        for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
            if problem := "no date or time" if isinstance(item, date | time) else check(item):
                yield (path if at is None else f"{path}.{at}"), f"got {as_written(item)}, expected {problem}"


def _image_problem(name: str) -> str:
    """Return what was expected of an image's name, by what is wrong with it."""
    if IMAGE.fullmatch(name):
        return ""
    small = name.lower()
    if small != name and IMAGE.fullmatch(small):
        return f"small letters: {small}"
    bare = re.sub(r"(@sha256:[0-9a-f]+|:[^:/]+)$", "", small.removeprefix("https://"))
    if bare != small and IMAGE.fullmatch(bare):
        return f"{bare}, without scheme, tag or digest: the tags stand in `tags`"
    if re.fullmatch(r"[a-z0-9._/-]+", small) and "." not in small.partition("/")[0]:
        return f"a registry in front, such as ghcr.io/{small}"
    return "REGISTRY/REPOSITORY, such as ghcr.io/owner/repo"


def _as_it_is(_: object) -> str:
    return ""


def _text(check: Callable[[str], bool], expected: str) -> Callable[[object], str]:
    """Return a check that says what it expected of a string; other types are the validator's to report."""
    return lambda value: expected if isinstance(value, str) and not check(value) else ""


def _is_inside(path: str) -> bool:
    return bool(path) and "\\" not in path and not PurePosixPath(path).is_absolute() and ".." not in path.split("/")


def _is_folder_of_its_own(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return _is_inside(path) and bool(parts) and not any(part.startswith(".") for part in parts)


_inside = _text(_is_inside, "a relative path inside the repository")
_word = _text(lambda word: bool(word.strip()), "something between the quotes")
_CHECKS: Mapping[str, Callable[[object], str]] = {
    "repository": _text(lambda name: REPOSITORY.fullmatch(name) is not None, "OWNER/REPO"),
    "project": _inside,
    "tag": _text(lambda tag: tag.count("{version}") == 1, "{version} in it, exactly once"),
    "workflow": _text(lambda name: WORKFLOW.fullmatch(name) is not None, "a bare file name such as release.yml"),
    "changelog": _inside,
    "packages": _inside,
    "build": _word,
    "build-env": _word,
    "assets": _inside,
    "templates": _text(_is_folder_of_its_own, "a folder of its own below the root, no part of it with a dot in front"),
    "wait": lambda value: "" if not isinstance(value, int) or value >= 0 else "seconds, zero or more",
    "dropped": _word,
    "sigstore.trust-config": _inside,
    "sigstore.audience": _text(lambda name: name not in {"", "sigstore"}, "an audience other than sigstore"),
    "image.name": lambda name: _image_problem(name) if isinstance(name, str) else "",
    "image.build": _word,
    "image.archive": _inside,
    "image.tags": _text(
        lambda tag: IMAGE_TAG.fullmatch(tag.replace("{tag}", "v1").replace("{version}", "1")) is not None,
        "letters, digits and . _ - beside {tag} and {version}",
    ),
    "index.name": _text(lambda name: _INDEX.fullmatch(name) is not None, "letters, digits and . _ -"),
    "index.url": _text(lambda url: _URL.fullmatch(url) is not None, "https://HOST/PATH/, with a slash at its end"),
    "index.publish-url": _text(lambda url: _URL.fullmatch(f"{url.rstrip('/')}/") is not None, "https://HOST/PATH"),
    "index.publisher.environment": _word,
    "index.publisher.workflow": _text(lambda name: WORKFLOW.fullmatch(name) is not None, "a bare file name"),
}
