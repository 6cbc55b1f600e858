"""What is a safe name: tags, file names, repositories; and how one is quoted for a shell.

Everything here is data from outside. A name is either safe as it stands or refused; nothing is repaired.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from urllib.parse import quote

from tagseal.errors import Refused

TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]|/(?=[A-Za-z0-9]))*", re.ASCII)
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+", re.ASCII)
WORKFLOW = re.compile(r"[A-Za-z0-9_.-]+\.ya?ml", re.ASCII)

IMAGE = re.compile(
    r"(?P<host>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+(?::[0-9]{1,5})?)"
    r"/(?P<repository>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)",
    re.ASCII,
)
"""Registry and repository: OCI distribution 1.1, "Pulling manifests"; the host is never left out, nor in capitals."""
IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
"""As there."""

_TAG_LENGTH = 200
_PATH_PART = 240
"""Bytes: file systems take 255 in one part of a path, and a file that is being written has a longer name."""
_FILE_LENGTH = 255
_EXCERPT = 500
_QUERY = re.compile(r"\?[^\s'\"<>)]+")

JOINING = "\u200c\u200d\ufe0e\ufe0f"
"""Joiners and variation selectors: nobody sees them, and letters of several scripts and many emoji need them."""
_IGNORABLE = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Default_Ignorable_Code_Point (DerivedCoreProperties.txt, Unicode 16.0): first and last of each range."""
_BLANK = (0x2800, 0xFFFC, 0x13441, 0x13442, 0x16FE4, 0x1D159)
"""Shown as nothing or as a gap, though no property says so: Braille's blank pattern, fillers, a null note."""
_INVISIBLE = frozenset((*_BLANK, *(point for first, last in _IGNORABLE for point in range(first, last + 1))))


def safe_tag(tag: str) -> str:
    """Return the tag if git, a URL, a shell and a certificate all read it alike.

    Raises:
        Refused: It has other characters than letters, digits, ``. _ + - /``, or a form that git forbids.
    """
    odd = ".." in tag or tag.endswith((".", ".lock", "/")) or ".lock/" in tag or "/." in tag
    if len(tag) > _TAG_LENGTH or odd or TAG.fullmatch(tag) is None:
        raise Refused(
            f"got the tag {show(tag)}, expected ASCII letters, digits and . _ + - / only",
            context=(f"character {show(bad)}: {unicodedata.name(bad, 'unnamed')}",)
            if (bad := next((c for c in tag if not re.fullmatch(r"[A-Za-z0-9._+/-]", c)), ""))
            else (),
            hint="Delete this tag and push one such as v1.2.3.",
            slug="unsafe-tag",
        )
    return tag


def safe_file_name(name: str) -> str:
    """Return the file name if a release asset, a URL and a shell all read it alike.

    Raises:
        Refused: It is not ``[A-Za-z0-9][A-Za-z0-9._+-]*``, or GitHub would rename it.
    """
    if len(name) > _FILE_LENGTH or name.endswith(".") or FILE.fullmatch(name) is None:
        raise Refused(
            f"got the file name {show(name)}, expected a letter or digit, then letters, digits and . _ + -",
            hint="Rename the file: a release asset with another name would be renamed by GitHub, "
            "and the printed commands would not find it.",
            slug="unsafe-file-name",
        )
    return name


def plain(name: str) -> bool:
    """Tell whether a stranger's file name is one part of a path, and looks like what it is: no folder, no trick."""
    parted = any(one in name for one in "/\\")
    if len(name.encode("utf-8", "surrogatepass")) > _PATH_PART:
        return False
    return bool(name) and not parted and name not in {".", ".."} and name == name.strip() == printable(name)


def safe_repository(name: str) -> str:
    """Return ``OWNER/REPO`` if it is one.

    Raises:
        Refused: It is not of that form.
    """
    if REPOSITORY.fullmatch(name) is None or name.endswith(("/.", "/..", ".git")):
        raise Refused(
            f"got the repository {show(name)}, expected OWNER/REPO",
            hint='Set repository = "OWNER/REPO" in [tool.tagseal].',
            slug="unsafe-repository",
        )
    return name


def safe_image(name: str) -> tuple[str, str]:
    """Return registry host and repository of an image's name.

    Raises:
        Refused: It has no host, capitals, a tag or a digest.
    """
    found = IMAGE.fullmatch(name)
    if len(name) > _FILE_LENGTH or found is None:
        raise Refused(
            f"got the image name {show(name)}, expected a registry's host, a slash and a repository, in small letters "
            "and without a tag",
            hint='Set name = "ghcr.io/owner/repository" in [tool.tagseal.image].',
            slug="unsafe-image-name",
        )
    return found["host"], found["repository"]


def folder(tag: str) -> str:
    """Return the name of the tag's work folder: one per tag, none shared, no separators.

    ``%`` is not in a safe tag, so percent-encoding the slash is injective.
    """
    return quote(safe_tag(tag), safe="+")


def quote_word(word: str) -> str:
    """Quote one word for a POSIX shell."""
    return shlex.quote(word)


def quote_path(path: str) -> str:
    """Quote a path for a shell, so that it is shown as it is, and neither an option nor a pattern of git's.

    What nobody can see is written as bash and zsh read it.
    """
    place = f"./{path}" if path.startswith(("-", ":")) else path
    if printable(place) == place:
        return shlex.quote(place)
    escaped = place.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(escaped)}'"


def enclose(word: str) -> str:
    """Put one word in single quotes, also where it needs none: its reader may put another in its place."""
    return f"'{word}'" if quote_word(word) == word else quote_word(word)


def show(text: str, limit: int = 120) -> str:
    """Return text from outside in quotes, without control or invisible characters, bounded in length."""
    clean = printable(text)
    return f"'{clean[:limit]}…'" if len(clean) > limit else f"'{clean}'"


def number_of(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one: ``1 byte``, ``12,345 bytes``."""
    return f"{number:,} {noun}{'s'[: number != 1]}"


def printable(text: str, keep: str = "") -> str:
    r"""Replace what nobody can see, or could rewrite a terminal or reorder a line; ``keep`` stays (say, ``"\n"``)."""
    return "".join(c if c in keep or not _hostile(c) else f"\\u{ord(c):04x}" for c in text)


def excerpt(text: str) -> str:
    """Return a service's words in one bounded line; a URL's query goes, for it may be a signature."""
    return _QUERY.sub("?…", printable(text))[:_EXCERPT]


def is_invisible(character: str) -> bool:
    """Tell whether a character is shown as nothing at all, or as a gap that is no space."""
    return ord(character) in _INVISIBLE or unicodedata.category(character) == "Cf"


def _hostile(character: str) -> bool:
    return is_invisible(character) or unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}
