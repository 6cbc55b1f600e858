"""Rules about values of the right type: each stands beside its key, and says what it expects of the value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from tagseal.names import IMAGE, IMAGE_TAG, REPOSITORY, WORKFLOW, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_INDEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_URL = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/([A-Za-z0-9._~%+-]+/)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ValueRule:
    """What is expected of a value; pydantic asks it, as an annotation of the key."""

    expected: Callable[[Any], str]
    """Returns what was expected, as the end of a sentence; nothing where all is well."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Add the rule to the type's own schema."""
        from pydantic_core import PydanticCustomError, core_schema  # noqa: PLC0415 - `--help` need not wait for it

        def check(value: object) -> object:
            if expected := self.expected(value):
                raise PydanticCustomError("senseless", "expected {expected}", {"expected": expected})
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))


def as_written(value: object) -> str:
    """Return a TOML value as its author would recognise it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return show(value) if isinstance(value, str) else str(value)


def _rule(check: Callable[[Any], bool], expected: str) -> ValueRule:
    return ValueRule(lambda value: "" if check(value) else expected)


def _is_inside(path: str) -> bool:
    return bool(path) and "\\" not in path and not PurePosixPath(path).is_absolute() and ".." not in path.split("/")


def _is_folder_of_its_own(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return _is_inside(path) and bool(parts) and not any(part.startswith(".") for part in parts)


def _is_image_tag(tag: str) -> bool:
    return IMAGE_TAG.fullmatch(tag.replace("{tag}", "v1").replace("{version}", "1")) is not None


def _expected_image(name: str) -> str:
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


INSIDE = _rule(_is_inside, "a relative path inside the repository")
OWN_FOLDER = _rule(_is_folder_of_its_own, "a folder of its own below the root, no part of it with a dot in front")
WORD = _rule(lambda word: bool(word.strip()), "something between the quotes")
OWNER_AND_REPOSITORY = _rule(lambda name: REPOSITORY.fullmatch(name) is not None, "OWNER/REPO")
WITH_VERSION = _rule(lambda tag: tag.count("{version}") == 1, "{version} in it, exactly once")
WORKFLOW_FILE = _rule(lambda name: WORKFLOW.fullmatch(name) is not None, "a bare file name such as release.yml")
SECONDS = _rule(lambda value: value >= 0, "seconds, zero or more")
AUDIENCE = _rule(lambda name: name not in {"", "sigstore"}, "an audience other than sigstore")
IMAGE_NAME = ValueRule(_expected_image)
IMAGE_TAGS = _rule(_is_image_tag, "letters, digits and . _ - beside {tag} and {version}")
INDEX_NAME = _rule(lambda name: _INDEX.fullmatch(name) is not None, "letters, digits and . _ -")
INDEX_URL = _rule(lambda url: _URL.fullmatch(url) is not None, "https://HOST/PATH/, with a slash at its end")
PUBLISH_URL = _rule(lambda url: _URL.fullmatch(f"{url.rstrip('/')}/") is not None, "https://HOST/PATH")
