"""What an earlier run left in the registry for this tag: signatures that verify, and an image that wins.

An image that a tag of this version points at, or that our own release names, takes the place of a rebuilt one if it is
signed whole for this tag and commit, and for the same platforms: somebody may have pinned it. A platform's own manifest
is signed as well, and is no whole. Signatures beside the image itself are fetched, so that nothing is signed twice.
"""

from __future__ import annotations

import io
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tagseal.errors import Refused, ServiceError, TagsealError, VerificationFailed
from tagseal.machine import files
from tagseal.records import BUNDLE
from tagseal.services.github import marker
from tagseal.services.images import layout
from tagseal.steps.draft.body import BEGIN
from tagseal.steps.images import layouts, signatures
from tagseal.steps.images.registry import PROOF, attached_bundles, free
from tagseal.verification.images import simplesigning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.records import Artifact, Plan
    from tagseal.services.github import Release
    from tagseal.services.images.registry import Registry
    from tagseal.steps import Services
    from tagseal.steps.images.signatures import ImageSignature
    from tagseal.verification.policy import Exact


def winning(
    built: Artifact | None, plan: Plan, policy: Exact, release: Release | None, services: Services
) -> Artifact | None:
    """Return the image to release: the built one, or the whole, signed one that an earlier run left.

    The latter's bytes then lie in the work folder. The signatures that verify lie in ``bundles/``.

    Args:
        built: What the build job made.
        plan: Whose tags they are.
        policy: Who must have signed.
        release: Ours for this tag, a draft or public; its notes name the image that was pushed for it.
        services: The registry.

    Raises:
        Refused: A tag of this version points at an image that is neither, or the public release names another.
        ServiceError: The registry failed.
    """
    if built is None:
        return None
    here = _here(built, policy, services)
    services.registry.begin()  # who may not push is told before anything is signed
    named = _digests_in_body(built.name, release, plan.tag)
    tagged = [there for tag in plan.image_tags if (there := services.registry.resolve(tag))]
    chosen = here
    for sha256 in dict.fromkeys((*tagged, *named)):
        if sha256 == chosen.sha256:
            break
        if found := _whole(sha256, built, policy, services):
            services.remark(f"the image sha256:{sha256} of an earlier run takes the place of the one built now")
            chosen = found
            break
    free(plan, chosen, services)
    if release is not None and not release.draft and named and chosen.sha256 not in named:
        raise Refused(
            f"got the image sha256:{chosen.sha256}, expected the one that the public release names",
            context=(release.url, *(f"{built.name}@sha256:{one}" for one in named)),
            hint="Nothing was signed. The image of the public release is not in the registry, or is not signed whole "
            "any longer: a published release is never changed, so release a new version.",
            slug="image-of-public-release",
        )
    _restore(signatures.wanted_signatures(chosen, services), policy, services)
    return chosen


def _here(built: Artifact, policy: Exact, services: Services) -> Artifact:
    """Return the image in the work folder: the built one, or the one that an earlier try of this step took.

    Raises:
        Refused: It is neither.
    """
    found = layout.read(services.work.image).artifact(built.name)
    wanted = signatures.wanted_signatures(found, services)
    if found == built or (_alike(found, built) and len(signatures.good(wanted, policy, services)) == len(wanted)):
        return found
    raise layouts.another(found, built)


def _alike(found: Artifact, built: Artifact) -> bool:
    """Tell whether two images are for the same platforms, and neither is a part of the other."""
    platforms = [[manifest.platform for manifest in image.manifests] for image in (found, built)]
    parts = {manifest.sha256 for manifest in (*found.manifests, *built.manifests)}
    return platforms[0] == platforms[1] and not {found.sha256, built.sha256} & parts


def _digests_in_body(name: str, release: Release | None, tag: str) -> tuple[str, ...]:
    """Return the digests by which our part of a release's body names an image; nobody else's words count."""
    if release is None or not release.body.rstrip().endswith(marker(tag)):
        return ()
    body = release.body.rpartition(BEGIN)[2]
    return tuple(dict.fromkeys(re.findall(rf"{re.escape(name)}@sha256:([0-9a-f]{{64}})\b", body)))


def _whole(sha256: str, built: Artifact, policy: Exact, services: Services) -> Artifact | None:
    """Fetch an image and its signatures, and put it in the work folder if it is whole and every one verifies."""
    first = signatures.ImageSignature(image=built.name, sha256=sha256, form=signatures.forms(services)[0])
    if not has_signature(first, policy, services):
        return None
    with tempfile.TemporaryDirectory(prefix=".image-", dir=services.work.path) as folder:
        there = Path(folder) / "image"
        found = layout.copy(_Remote(services.registry, sha256, Path(folder)), there).artifact(built.name)
        wanted = signatures.wanted_signatures(found, services)
        if not _alike(found, built) or len(_restore(wanted, policy, services)) != len(wanted):
            return None
        layout.take(there, services.work.image)
    return found


class _Remote:
    """An image in a registry, read as a layout is."""

    def __init__(self, registry: Registry, sha256: str, room: Path) -> None:
        self._registry, self._room = registry, room
        self._root = f"sha256:{sha256}"

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[IO[bytes], int]]:
        """Open one file of the layout: what is small in memory, a blob in a file without a name."""
        if name in {"oci-layout", "index.json"}:
            text = layout.frame(self._descriptor())[name]
            yield io.BytesIO(text), len(text)
            return
        sha256 = name.rpartition("/")[2]
        if (found := self._registry.manifest(f"sha256:{sha256}")) is not None:
            yield io.BytesIO(found.content), len(found.content)
            return
        with tempfile.TemporaryFile(dir=self._room) as file:
            size = self._registry.fetch_blob(sha256, file)
            file.seek(0)
            yield file, size

    def _descriptor(self) -> layout.Descriptor:
        root = self._registry.manifest(self._root)
        if root is None:
            raise VerificationFailed(
                f"got no manifest {self._root} in the registry, expected the one that a tag points at",
                hint="Run the same command again. If it persists, look at the package in the registry.",
                slug="tagged-manifest-absent",
            )
        return layout.Descriptor(media_type=root.media_type, size=len(root.content), sha256=root.sha256)


def _restore(wanted: tuple[ImageSignature, ...], policy: Exact, services: Services) -> frozenset[str]:
    """Fetch the bundles that are not in the work folder, keep those that verify, and return all that are good."""
    services.work.bundles.mkdir(parents=True, exist_ok=True)
    there = signatures.good(wanted, policy, services)
    for one in wanted:
        if one.key in there:
            continue
        for bundle in _attached_bundles(one, services):
            if one.outcome(bundle, policy, services).verdict.ok:
                files.write_atomically(services.work.bundles / (one.key + BUNDLE), bundle)
                break
    return signatures.good(wanted, policy, services)


def has_signature(one: ImageSignature, policy: Exact, services: Services) -> bool:
    """Tell whether the registry has a bundle of a signature that verifies, with its proof of inclusion."""
    return any(one.outcome(bundle, policy, services).verdict.ok for bundle in _attached_bundles(one, services))


def _attached_bundles(one: ImageSignature, services: Services) -> Iterator[bytes]:
    """Yield the bundles in the registry that may be this signature's; what a stranger put there and is none, is not."""
    if one.form == "simplesigning":
        found = services.registry.manifest(simplesigning.signature_tag(one.sha256))
        proofs = (
            each.annotations.get(PROOF) for each in (simplesigning.list_signatures(found.content) if found else ())
        )
        yield from (proof.encode() for proof in proofs if isinstance(proof, str))
        return
    for digest, size in attached_bundles(one, services):
        try:
            yield services.registry.blob(digest, size)
        except ServiceError:
            raise
        except TagsealError:
            continue
