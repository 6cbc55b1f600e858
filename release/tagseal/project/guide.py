"""The guide of a project: rendered from its checkout, written, and held against the page that it keeps.

1. What a page says follows from the checkout, its settings, and the tag that it is for, if any.
2. Its last line is the command that wrote it: a kept page is compared with what that command writes now.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.version import Version

from tagseal import config
from tagseal.errors import ConfigError, Refused, UsageError, VerificationFailed
from tagseal.machine import files
from tagseal.machine.git import Git
from tagseal.machine.metadata import stem
from tagseal.names import printable, quote_word, safe_tag, show
from tagseal.notes import clients, guide, rst_page, templates
from tagseal.notes.guide import PLATFORM, TAG, VERSION, GuideSubject
from tagseal.project.detect import Project, detect
from tagseal.records import GITHUB, Artifact, Identity, Kind
from tagseal.services.index import sites
from tagseal.steps import images
from tagseal.steps.draft import body
from tagseal.steps.seal import checksums
from tagseal.tags import Pattern, pattern
from tagseal.workflow import signing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.records import Plan, Seal

_EXAMPLE = "1.2.3"
_COMPILERS = re.compile(r"(maturin|mesonpy|scikit_build_core|sipbuild|py_build_cmake|setuptools_rust)\b")
_EXTENSIONS = re.compile(r"\b(ext[-_]modules|rust_extensions|cffi_modules)\b")
_SIGNS = re.compile(r"\b(?:nox|tagseal)\b.*\bsign\b")
_WRITTEN = re.compile(r"(?:<!--|\.\.) Written by: tagseal guide(?: --tag (?P<tag>\S+))?(?: -->)?\s*\Z")
RST = ".rst"
"""How a file is named that is written in reStructuredText; every other one is in Markdown."""
_READ_NEXT = {
    "RELEASING.md": "How a release is made",
    "RELEASE.md": "How a release is made",
    "SECURITY.md": "Whom to tell of a release that does not verify",
    "Dockerfile": "What the image is made of",
    "Containerfile": "What the image is made of",
}
_FOLDERS = ("", ".github/", "docs/")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checkout:
    git: Git
    settings: Settings
    project: Project
    repository: str


def page(folder: Path, tag: str | None, suffix: str = ".md") -> str:
    """Return the guide of the project that ``folder`` is in: for a tag, or for every one.

    Args:
        folder: A folder of the checkout.
        tag: The tag.
        suffix: Of the file that it is for, which names the language.

    Raises:
        UsageError: The project, its repository or the tag does not allow it.
        ConfigError: The configuration or a template is wrong, or a private Sigstore instance is configured.
        VerificationFailed: A command of a template has a word that was not planned.
        Refused: A name is unsafe.
    """
    checkout = _checkout(folder)
    own = templates.read(checkout.git, checkout.settings.templates)
    found = guide.render(_planned_subject(checkout, safe_tag(tag) if tag else None), own)
    text = f"{found.text}\n<!-- Written by: {_command(tag)} -->\n"
    return rst_page.to_rst(text) if suffix == RST else text


def write(folder: Path, tag: str | None, file: Path) -> None:
    """Write the guide to a file: whole, or not at all.

    Raises:
        Refused: A link in the checkout leads elsewhere.
    """
    text = page(folder, tag, file.suffix)
    if files.link_below(Git.at(folder, os.environ).root, file.absolute()):
        raise files.leads_away(str(file))
    files.write_atomically(file, text.encode())


def check(folder: Path, tag: str | None, file: Path) -> None:
    """Hold that a kept page is what the command that wrote it writes now; a ``tag`` says for which it is to be.

    Raises:
        UsageError: There is no such page.
        VerificationFailed: It has drifted.
    """
    kept = _read(file)
    named = _WRITTEN.search(kept)
    tag = tag or (named["tag"] if named else None)
    rendered = page(folder, tag, file.suffix)
    if kept.rstrip() != rendered.rstrip():
        raise VerificationFailed(
            f"got a guide in {show(file.name)} that is not what the project renders now, expected no difference",
            context=body.changes(kept, rendered),
            hint=f"Read the difference. `{_command(tag)} --out {quote_word(printable(str(file)))}` writes it anew.",
            slug="guide-drifted",
        )


def subject_of_seal(root: Path, plan: Plan, seal: Seal) -> GuideSubject:
    """Return what the guide of one sealed release is about; ``root`` is its checkout."""
    return GuideSubject(
        project=plan.project,
        tag=plan.tag,
        version=plan.version,
        example=(plan.tag, plan.version),
        identity=seal.identity,
        artifacts=seal.subjects,
        image_tag=next(iter(plan.image_tags), ""),
        image_forms=plan.image_forms,
        index=plan.index,
        starts=signing.starts(signing.document(root / seal.identity.workflow)),
        links=_links(root, seal.identity.repository, plan.tag, image=bool(plan.image)),
        minimum=clients.of(seal),
    )


def _command(tag: str | None) -> str:
    return f"tagseal guide --tag {tag}" if tag else "tagseal guide"


def _read(file: Path) -> str:
    try:
        return files.read(file, follow=True).decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError, Refused) as error:
        raise UsageError(
            f"got no guide in {show(str(file))}, expected a page in UTF-8: {getattr(error, 'strerror', 'it is none')}",
            hint="Name the page that the project keeps, or write it: `tagseal guide --out FILE`.",
            slug="guide-not-found",
        ) from error


def _checkout(folder: Path) -> _Checkout:
    git = Git.at(folder, os.environ)
    settings = config.load(git.root)
    if settings.sigstore is not None:
        raise ConfigError(
            "got sigstore in the configuration, expected the public instance: "
            "the commands for a private one name its roots as well",
            hint="Remove it: a later version will honour it.",
            slug="guide-private-sigstore",
        )
    project = detect(git, settings, {})
    if project.repository is None:
        raise UsageError(
            "got a checkout that does not tell its repository, expected OWNER/REPO: every command names it",
            hint='Set repository = "OWNER/REPO" in [tool.tagseal], or add the remote `origin`.',
            slug="guide-without-repository",
        )
    return _Checkout(git=git, settings=settings, project=project, repository=project.repository)


def _planned_subject(checkout: _Checkout, tag: str | None) -> GuideSubject:
    """Return what the page is about, with planned names; without a tag, with what stands for it."""
    project, image, root = checkout.project, checkout.settings.image, checkout.git.root
    pattern = _pattern(checkout, tag)
    parsed = _version(pattern, tag) if tag else Version(_EXAMPLE)
    example = (tag or pattern.tag(parsed), str(parsed))
    own = images.own_tags(image, example[0], parsed) if image else ()
    if image and not tag:
        own = tuple(one.replace("{tag}", TAG).replace("{version}", VERSION) for one in images.own_patterns(image))
    said, version = example if tag else (TAG, VERSION)
    workflow = project.workflow.path
    name = project.declared.name or checkout.repository.partition("/")[2]
    since, after = ("", "") if tag else _beginning(checkout, pattern)
    return GuideSubject(
        project=name,
        tag=said,
        version=version,
        example=example,
        identity=Identity(repository=checkout.repository, workflow=workflow, ref=f"refs/tags/{said}"),
        artifacts=tuple(_artifacts(checkout, stem(name, version))),
        image_tag=next(iter(own), ""),
        image_forms=image.signatures if image else (),
        index=sites.of(checkout.settings.index),
        since=since,
        after=after,
        starts=signing.starts(signing.document(root / workflow)),
        links=_links(root, checkout.repository, said, image=image is not None),
    )


def _beginning(checkout: _Checkout, pattern: Pattern) -> tuple[str, str]:
    """Return the first release that is signed, and, where nobody can know its name yet, the last that is not.

    Both are empty where no release is without signatures. One is signed if the workflow at its tag runs `sign`; before
    there is one, the declared version is the first to be.
    """
    versions, signed = sorted(pattern.versions(checkout.git.tags()), reverse=True), ""
    for _, tag in versions:
        if not _SIGNS.search(checkout.git.text(f"refs/tags/{tag}", checkout.project.workflow.path)):
            break
        signed = tag
    else:
        return "", ""
    declared = pattern.parse(pattern.tag(checkout.project.declared.version or ""))
    if not signed and declared and declared > versions[0][0]:
        signed = pattern.tag(declared)
    return signed, "" if signed else tag


def _pattern(checkout: _Checkout, tag: str | None) -> Pattern:
    """Return how the project spells its tags, told by the others; a first tag is its own way."""
    others = [one for one in checkout.git.tags() if one != tag]
    return pattern(others or ([tag] if tag else []), checkout.settings.tag)


def _version(pattern: Pattern, tag: str) -> Version:
    if (version := pattern.parse(tag)) is None:
        raise UsageError(
            f"got the tag {show(tag)}, expected one like {pattern}: the guide names the version as well",
            hint="Name a release's tag, or none: then `<tag>` and `<version>` stand in the page.",
            slug="guide-tag-names-no-version",
        )
    return version


def _artifacts(checkout: _Checkout, stem: str) -> Iterator[Artifact]:
    """Yield what a release has, as far as its names can be told before anything is built."""
    platform = PLATFORM if _is_compiled(checkout) else "py3-none-any"
    names = {Kind.wheel: f"{stem}-{platform}.whl", Kind.sdist: f"{stem}.tar.gz", Kind.checksums: checksums.NAME}
    if image := checkout.settings.image:
        names[Kind.image] = image.name
    for kind, name in names.items():
        yield Artifact(kind=kind, name=name, size=1, sha256="0" * 64)


def _is_compiled(checkout: _Checkout) -> bool:
    """Tell whether there will be a wheel for each platform, by what builds it."""
    folder = checkout.git.root / checkout.settings.project
    texts = [files.read(path, follow=True).decode("utf-8", "replace") for path in _pages(folder) if path.is_file()]
    return _COMPILERS.match(checkout.project.declared.backend) is not None or any(map(_EXTENSIONS.search, texts))


def _pages(folder: Path) -> tuple[Path, ...]:
    return tuple(folder / name for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def _links(root: Path, repository: str, tag: str, *, image: bool) -> Mapping[str, str]:
    """Return where a reader may go next, by address: what the checkout has, as it was at the tag."""
    home = f"{GITHUB}/{repository}"
    ref = "HEAD" if tag == TAG else quote(tag, safe="/+")
    found = {
        f"{home}/blob/{ref}/{folder}{name}": what
        for name, what in _READ_NEXT.items()
        for folder in _FOLDERS
        if (root / folder / name).is_file() and (image or not name.endswith("file"))
    }
    return {f"{home}/releases": "All releases, each with its own commands in its notes"} | found
