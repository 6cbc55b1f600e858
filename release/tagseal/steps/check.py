"""check: the files are what was planned, and nothing else is there.

1. GitHub takes so many files, of such sizes.
2. The folders hold exactly the recorded files, under the planned names.
3. Every file is read again and has the recorded size and digest.
4. Each package's own metadata names the planned project and version, and does not forbid an index; archives are
   read under the rules of ``tagseal.machine.archives``.
5. ``twine check`` renders the descriptions as an index would. What it only warns of, an index accepts: a remark.
6. The image is the recorded one, whole. A second build of the packages is compared member by member, where the
   settings ask for one.
7. The notes can be rendered for these very files, and GitHub takes them: nothing is signed yet.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError, VerificationFailed
from tagseal.machine import archives, files, process
from tagseal.machine.wheels import is_pure
from tagseal.names import number_of, printable
from tagseal.notes import kit as pages
from tagseal.notes.render import render
from tagseal.records import Checks, Kind, Verdict
from tagseal.steps import fileset
from tagseal.steps.build import make
from tagseal.steps.images import layouts
from tagseal.steps.seal import checksums, kit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tagseal.records import Artifact, Build, Plan
    from tagseal.steps import Services

MOST_FILES = 1000
TOO_LARGE = 2**31
"""Bytes."""
_DESCRIPTION = "description (twine check)"
_CHECKSUMS = checksums.NAME
"""Written by ``sign``, as the offline kit is: there when ``check`` runs again after it."""


def check(plan: Plan, build: Build, *, services: Services) -> Checks:
    """Check the files of the build, and return what was found.

    Raises:
        VerificationFailed: Something is not as planned; everything that was found in that check is listed.
        UsageError: GitHub would refuse the release.
        Refused: It would refuse the notes.
    """
    listed, _ = checksums.listing(build.artifacts)
    artifacts = (*build.artifacts, listed, *kit.placeholder(plan))
    _fits(artifacts)
    verdicts = (
        _verdict(
            "file set", _file_set(plan, build, services), f"{number_of(len(build.artifacts), 'file')}, as planned"
        ),
        _verdict("digests", _digests(build, services), "every file is the recorded one"),
        _verdict(
            "metadata",
            fileset.content_problems(plan, fileset.packages(build.artifacts), services.work),
            f"{plan.project} {plan.version} in each package",
        ),
        _check_description(build, services),
        *_image(plan, build, services),
        _build_again(plan, build, services),
    )
    subjects = (*artifacts, *((build.image,) if build.image else ()))
    render(tag=plan.tag, plan=plan, artifacts=subjects, override=services.templates)
    if plan.kit:
        pages.render(tag=plan.tag, plan=plan, artifacts=subjects, since=0, override=services.templates)
    return Checks(artifacts=build.artifacts, verdicts=verdicts, image=build.image)


def _fits(artifacts: Sequence[Artifact]) -> None:
    """Hold what GitHub takes; each artifact has a bundle."""
    total = 2 * len(artifacts)
    if total > MOST_FILES:
        raise UsageError(
            f"got {total:,} files with their bundles, expected at most {MOST_FILES:,}: a release takes no more",
            hint="Pack some of them into an archive.",
            slug="too-many-files",
        )
    if large := [artifact for artifact in artifacts if artifact.size >= TOO_LARGE]:
        raise UsageError(
            "got files of 2 GiB or more, expected smaller ones: a release takes none of that size",
            context=tuple(f"{one.name}: {one.size:,} bytes" for one in large),
            hint="Split them, or offer them elsewhere.",
            slug="file-too-large",
        )


def _verdict(name: str, problems: Iterable[str], good: str) -> Verdict:
    if found := tuple(problems):
        raise VerificationFailed(
            f"got {number_of(len(found), 'problem')} in the {name}, expected none",
            context=found,
            hint="Correct the build or the configuration, then run build and check again.",
            slug="check-failed",
        )
    return Verdict(name=name, ok=True, detail=good)


def _file_set(plan: Plan, build: Build, services: Services) -> Iterator[str]:
    """Compare record, plan and folders."""
    if build.commit != plan.commit:
        yield f"got a build of {build.commit[:7]}, expected {plan.commit[:7]}"
    yield from fileset.name_problems(plan, build.artifacts, services.settings)
    packages = [artifact.name for artifact in fileset.packages(build.artifacts)]
    yield from fileset.differences("file in packages/", _listing(services.work.packages), packages)
    found = [name for name in _listing(services.work.assets) if name not in {_CHECKSUMS, plan.kit}]
    assets = [artifact.name for artifact in build.artifacts if artifact.kind is Kind.asset]
    yield from fileset.differences("file in assets/", found, assets)


def _listing(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _digests(build: Build, services: Services) -> Iterator[str]:
    """Read every file again."""
    for artifact in build.artifacts:
        found = files.artifact(services.work.file(artifact), artifact.kind)
        if found != artifact:
            got, expected = (f"{number_of(file.size, 'byte')}, {file.sha256}" for file in (found, artifact))
            yield f"{artifact.name}: got {got}, expected {expected}"


def _check_description(build: Build, services: Services) -> Verdict:
    """Run ``twine check``: at first ``--strict``, since its exit code alone tells that there are warnings."""
    if _twine("--strict", build=build, services=services).code:
        finished = _twine(build=build, services=services)
        lines = process.tail(finished.output + finished.errors)
        if finished.code:
            return _verdict(_DESCRIPTION, lines, "")
        for line in lines:
            services.remark(f"twine check: {line}")
    return _verdict(_DESCRIPTION, (), "renders on an index")


def _twine(*options: str, build: Build, services: Services) -> process.Finished:
    """Run ``twine check`` in a child: it configures logging and the terminal of its process."""
    names = [package.name for package in fileset.packages(build.artifacts)]
    with tempfile.TemporaryDirectory(prefix="tagseal-") as home:
        found = {name: services.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in services.environ}
        return process.run(
            [sys.executable, "-P", "-m", "twine", "--no-color", "check", *options, *names],
            cwd=services.work.packages,
            environ={**found, "HOME": home, "COLUMNS": "500"},
        )


def _image(plan: Plan, build: Build, services: Services) -> Iterator[Verdict]:
    """Read the image again, every byte of it."""
    problems = layouts.problems(build.image, plan.image, services)
    detail = f"{number_of(len(build.image.manifests) or 1, 'platform')}, every blob as listed" if build.image else ""
    verdict = _verdict("image", problems, detail)
    if build.image is not None:
        yield verdict


def _build_again(plan: Plan, build: Build, services: Services) -> Verdict:
    """Build a second time and compare, as far as the settings ask for it."""
    name = "second build"
    compiled = not all(is_pure(artifact.name) for artifact in build.artifacts if artifact.kind is Kind.wheel)
    usual = "off" if build.collected or compiled else "report"
    setting = services.settings.reproducible or usual
    if setting == "off" or build.collected:
        why = "earlier jobs built the packages" if build.collected else "reproducible is off"
        return Verdict(name=name, ok=True, detail=f"not made: {why}")
    with tempfile.TemporaryDirectory(prefix="tagseal-", ignore_cleanup_errors=True) as folder:
        make(plan, Path(folder), services.work.path / "logs" / "second-build.log", services=services)
        differences = tuple(_differences(build, Path(folder), services))
    if setting == "require":
        return _verdict(name, differences, "every member is the same")
    shown = f"{number_of(len(differences), 'difference')}: {', '.join(differences[:5])}" if differences else ""
    once = "; the image was built once" if build.image else ""
    return Verdict(name=name, ok=True, detail=f"{shown or 'every member is the same'}{once}")


def _differences(build: Build, second: Path, services: Services) -> Iterator[str]:
    """Name the members that only one build has, or that differ."""
    packages = fileset.packages(build.artifacts)
    names = [package.name for package in packages]
    yield from fileset.differences("package of the second build", _listing(second), names)
    for one in packages:
        if (other := second / one.name).is_file():
            first, again = archives.members(services.work.file(one)), archives.members(other)
            differing = sorted(path for path in {*first, *again} if first.get(path) != again.get(path))
            yield from (f"{one.name}: {printable(path)}" for path in differing if one.name not in build.adopted)
