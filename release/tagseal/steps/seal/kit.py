"""The offline kit: one more artifact, made of the bundles of all others, and signed after them.

1. Its members follow from the sealed files: their bundles, ``SHA256SUMS``, the page with the commands; and the root of
   trust of the day on which it is made. The same members are the same bytes (``tagseal.machine.packed``).
2. A kit whose own bundle verifies and whose members fit these files is kept, with the root of trust that it has: that
   of the release first, then the one in the work folder.
3. Whatever kept it, and wherever it lies, its root of trust must verify the files that it is for.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError, VerificationFailed
from tagseal.machine import files
from tagseal.machine.packed import LARGEST, pack, unpack
from tagseal.names import printable
from tagseal.notes import clients
from tagseal.notes import kit as pages
from tagseal.notes.forms import CONFIG, ROOT
from tagseal.records import BUNDLE, Artifact, Kind
from tagseal.services.sigstore import Sigstore
from tagseal.steps.seal.bundles import read_bundle
from tagseal.verification.facts import facts_of
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import LARGEST_BUNDLE, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.notes.render import Page
    from tagseal.records import Plan, Seal, Tag
    from tagseal.services.github import Release
    from tagseal.steps import Services
    from tagseal.steps.seal.bundles import BundleVerifier

PAGE = "VERIFY.md"
ENDING = "-verify.zip"


def placeholder(plan: Plan) -> tuple[Artifact, ...]:
    """Return a stand-in for the kit, so that the notes can be rendered before it is made; none without a kit."""
    return (Artifact(kind=Kind.kit, name=plan.kit, size=1, sha256="0" * 64),) if plan.kit else ()


def free(plan: Plan) -> None:
    """Hold that no file of the release has a name that the kit takes, in small letters or capitals.

    Raises:
        UsageError: One has.
    """
    names = {one.casefold() for one in (plan.kit, PAGE, ROOT, CONFIG)}
    if plan.kit and (taken := [asset for asset in plan.assets if asset.casefold() in names]):
        raise UsageError(
            f"got {', '.join(taken)} among the assets, expected other names: the offline kit is called so, or has a "
            "file of that name, and a reader puts both into one folder",
            hint="Rename the file, or remove `kit` from [tool.tagseal].",
            slug="kit-name-taken",
        )


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The kit of one set of sealed files."""

    tag: Tag
    plan: Plan
    artifacts: tuple[Artifact, ...]
    """The others: no image, and not the kit itself."""
    services: Services
    downloads: Path | None = None
    """Where files and bundles lie side by side, as a stranger has them; None for the work folder."""

    @classmethod
    def of(
        cls, tag: Tag, plan: Plan, artifacts: Sequence[Artifact], services: Services, downloads: Path | None = None
    ) -> Kit:
        """Return the kit of a release with these artifacts."""
        others = tuple(artifact for artifact in artifacts if artifact.kind not in {Kind.kit, Kind.image})
        return cls(tag=tag, plan=plan, artifacts=others, services=services, downloads=downloads)

    @property
    def path(self) -> Path:
        """Where it lies in the work folder."""
        return self.services.work.assets / self.plan.kit

    @cached_property
    def fixed(self) -> dict[str, bytes]:
        """Its members that are files of the release."""
        return _release_files(self.artifacts, self.services, self.downloads)

    @cached_property
    def page(self) -> Page:
        """Its page, with the commands: rendered, never read from a kit.

        Raises:
            TagsealError: It cannot be rendered.
        """
        bundles = [facts_of(json.loads(text)) for name, text in self.fixed.items() if name.endswith(BUNDLE)]
        return pages.render(
            tag=self.tag.name,
            plan=self.plan,
            artifacts=self.artifacts,
            since=max(bundle.signer.not_before for bundle in bundles),
            minimum=clients.offline([bundle.contents for bundle in bundles]),
            override=self.services.templates,
        )

    def settle(self, releases: Sequence[Release], judge: BundleVerifier) -> tuple[Artifact, bool]:
        """Return the kit, which then lies in the work folder, and whether its bundle does, too.

        Args:
            releases: What there is at GitHub, the one that ``upload`` keeps first.
            judge: Says whether a kit's bundle is good.

        Raises:
            TagsealError: The root of trust cannot be had, or GitHub failed.
        """
        for release in releases:
            if found := self.there(release, judge, take=True):
                return found, True
        if self.path.exists():
            found = files.artifact(self.path, Kind.kit)
            if judge.good([found], self.services.work.bundles) and not self.misfits(self.path):
                return found, True
        files.write_atomically(self.path, self._make())
        made = files.artifact(self.path, Kind.kit)
        return made, bool(judge.good([made], self.services.work.bundles))

    def there(self, release: Release, judge: BundleVerifier, *, take: bool = False) -> Artifact | None:
        """Return the kit that a release has, if its bundle verifies and it fits; ``take`` puts both in place here."""
        assets = {asset.name: asset for asset in release.assets if asset.state == "uploaded"}
        both = [assets.get(name) for name in (self.plan.kit, self.plan.kit + BUNDLE)]
        bounds = (LARGEST, LARGEST_BUNDLE)
        work = self.services.work
        with tempfile.TemporaryDirectory(prefix=".existing-", dir=work.path) as temporary:
            folder = Path(temporary)
            for asset, bound in zip(both, bounds, strict=True):
                if asset is None or asset.size > bound:
                    return None
                try:
                    self.services.github.download(self.tag.identity.repository, asset, folder / asset.name)
                except VerificationFailed:  # other bytes than GitHub lists: as good as none
                    return None
            found = files.artifact(folder / self.plan.kit, Kind.kit)
            if not judge.good([found], folder) or self.misfits(folder / self.plan.kit):
                return None
            if take:  # the bundle first: a run that was ended between the two makes the kit anew, or finds it again
                (folder / (found.name + BUNDLE)).replace(work.bundles / (found.name + BUNDLE))
                work.assets.mkdir(exist_ok=True)
                (folder / found.name).replace(self.path)
        return found

    def misfits(self, path: Path) -> tuple[str, ...]:
        """Return what is wrong with a kit: its members, its page, and what its root of trust says of the files.

        Raises:
            TagsealError: The page cannot be rendered.
        """
        page = self.page.text.encode()
        try:
            members = unpack(path, self.plan.kit.removesuffix(".zip"))
        except VerificationFailed as error:
            return (error.what,)
        other = () if members.get(PAGE) == page else (f"{PAGE}: not as rendered",)
        return (*other, *_problems(members, self.fixed, self.artifacts, Exact(self.tag.identity, self.tag.commit)))

    def _make(self) -> bytes:
        config = self.services.sigstore.trust_config()
        members = {
            **self.fixed,
            PAGE: self.page.text.encode(),
            CONFIG: _json(config),
            ROOT: _json(config["trustedRoot"]),
        }
        return pack(self.plan.kit.removesuffix(".zip"), members)


def problems(tag: Tag, seal: Seal, services: Services) -> Iterator[str]:
    """Yield what is wrong with the kit of a seal, which is one of its files: its members, and its root of trust."""
    kits = [artifact for artifact in seal.artifacts if artifact.kind is Kind.kit]
    others = [artifact for artifact in seal.artifacts if artifact.kind is not Kind.kit]
    for kit in kits:
        try:
            members = unpack(services.work.file(kit), kit.name.removesuffix(".zip"))
            fixed = _release_files(others, services)
        except FileNotFoundError:
            continue  # told by whoever holds the files against the seal
        except VerificationFailed as error:
            yield error.what
            continue
        found = _problems(members, fixed, others, Exact(tag.identity, tag.commit))
        yield from (f"{kit.name}: {problem}" for problem in found)


def _release_files(
    artifacts: Sequence[Artifact], services: Services, downloads: Path | None = None
) -> dict[str, bytes]:
    """Return the members that are files of the release; a bundle that is not there is empty."""
    bundles = downloads or services.work.bundles
    lists = {one.name: downloads / one.name if downloads else services.work.file(one) for one in _lists(artifacts)}
    return {
        artifact.name + BUNDLE: read_bundle(bundles / (artifact.name + BUNDLE)) or b"" for artifact in artifacts
    } | {name: files.read(path) for name, path in lists.items()}


def _lists(artifacts: Sequence[Artifact]) -> Iterator[Artifact]:
    return (artifact for artifact in artifacts if artifact.kind is Kind.checksums)


def _problems(
    members: Mapping[str, bytes], fixed: Mapping[str, bytes], artifacts: Sequence[Artifact], policy: Exact
) -> Iterator[str]:
    """Yield what is wrong with the members of a kit."""
    names = {*fixed, PAGE, CONFIG, ROOT}
    yield from (f"{name}: nobody planned it" for name in sorted(members.keys() - names))
    yield from (f"{name}: missing" for name in sorted(names - members.keys()))
    yield from (f"{name}: not the released one" for name in sorted(fixed) if members.get(name, b"") != fixed[name])
    try:
        config = members.get(CONFIG, b"").decode()
        alone = json.loads(members.get(ROOT, b""))
        same = json.loads(config)["trustedRoot"] == alone
    except (ValueError, KeyError, TypeError, RecursionError):
        same = False
    if not same:
        yield f"{ROOT} and {CONFIG}: no root of trust, or not the same one"
        return
    trust = VerifierWithRoot(Sigstore(origin="the offline kit", document=config).trusted_root)
    for artifact in artifacts:
        verdict = verify_digest(artifact.name, artifact.sha256, fixed[artifact.name + BUNDLE], policy, trust).verdict
        if not verdict.ok:
            yield f"{artifact.name}, by the root of trust in the kit: {printable(verdict.detail)}"


def _json(document: object) -> bytes:
    return f"{json.dumps(document, indent=1, sort_keys=True)}\n".encode()
