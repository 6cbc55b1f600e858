"""The image in its registry: pushed without a tag, signed there, read again, and tagged at the very end.

1. Blobs, then manifests from the leaves up, each by its digest, and only what is missing.
2. The signatures beside them: what others have put at the same place stays.
3. Every later step reads the manifests and the signatures again, and verifies these as a stranger gets them.
4. A tag of this version points at one digest for ever; one that moves goes last.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.machine import files
from tagseal.machine.threads import side_by_side
from tagseal.names import printable, show
from tagseal.records import BUNDLE
from tagseal.services.images import layout
from tagseal.steps.images import layouts, moving_tags, signatures
from tagseal.steps.seal.bundles import read_bundle
from tagseal.verification.images import attached, promise, simplesigning
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.records import Artifact, Plan, Seal
    from tagseal.services.images.layout import Descriptor
    from tagseal.services.images.registry import Registry
    from tagseal.steps import Services
    from tagseal.steps.images.signatures import ImageSignature

_THREADS = 4
_ROUNDS = 5
"""Times that a manifest of signatures is written: somebody else may write it at the same time."""
PROOF = "io.github.tagseal.bundle"
"""Annotation beside cosign's own: the whole bundle, whose proof of inclusion cosign's form leaves out."""


def push(seal: Seal, services: Services) -> int:
    """Bring the image and its signatures into the registry, without a tag; return how many things were sent.

    Raises:
        TagsealError: The work folder has another image, or the registry failed, refused, or keeps something else.
    """
    if seal.image is None:
        return 0
    image = layouts.read(seal.image, services)
    sent: list[str] = []

    def blob(one: Descriptor) -> None:
        path = layout.blob(services.work.image, one.sha256)
        if services.registry.push_blob(path, sha256=one.sha256, size=one.size):
            sent.append(one.sha256)
            services.say(f"pushed {one.digest} ({len(sent)})")

    side_by_side(blob, image.blobs, _THREADS)
    for document in image.documents:
        if services.registry.manifest(document.digest) is None:
            text = files.read(layout.blob(services.work.image, document.sha256))
            services.registry.push_manifest(text, document.media_type)
            sent.append(document.sha256)
    documents = {document.sha256: document for document in image.documents}
    attach = {"simplesigning": _attach_simplesigning, "bundle": _attach_bundle}
    for one in signatures.wanted_signatures(seal.image, services):
        services.say(f"attaching the signature of {one.label}")
        attach[one.form](one, documents[one.sha256], services)
    return len(sent)


def verify_signed(seal: Seal, services: Services) -> None:
    """Read every signed manifest and its signatures from the registry, and verify them as a stranger gets them.

    Raises:
        VerificationFailed: One is not there, or not ours, or does not verify.
        ServiceError: The registry failed.
    """
    policy = Exact(seal.identity, seal.commit)
    wanted = signatures.wanted_signatures(seal.image, services)
    if problems := tuple(line for one in wanted for line in _problems(one, policy, services)):
        raise VerificationFailed(
            "got an image in the registry that is not what was sealed",
            context=problems,
            hint="Somebody changed the package meanwhile. Look at it; then run upload and prove again.",
            slug="image-altered",
        )


def unsigned_manifest(image: Artifact, services: Services) -> tuple[str, str]:
    """Return the image's digest, and that of a manifest beside it which nobody has signed: that of its signatures."""
    first = signatures.wanted_signatures(image, services)[0]
    if first.form == "simplesigning":
        other = services.registry.resolve(simplesigning.signature_tag(image.sha256))
    else:
        found = services.registry.referrers(image.sha256, attached.BUNDLE)
        other = next((one.sha256 for one in found), None)
    return f"sha256:{image.sha256}", f"sha256:{other or '0' * 64}"


def attached_bundles(one: ImageSignature, services: Services) -> Iterator[tuple[str, int]]:
    """Yield digest and size of every bundle whose manifest refers to a signed one."""
    for referrer in services.registry.referrers(one.sha256, attached.BUNDLE):
        found = services.registry.manifest(f"sha256:{referrer.sha256}")
        yield from attached.bundles(found.content) if found else ()


def is_private(plan: Plan, seal: Seal, services: Services) -> bool:
    """Tell whether a stranger cannot pull the image; if one can, hold that its tags point at it.

    Raises:
        VerificationFailed: It is not there, or a tag of this version points elsewhere.
    """
    if seal.image is None:
        return False
    digest, stranger = f"sha256:{seal.image.sha256}", services.registry.anonymous()
    if not stranger.readable(digest):
        # Some registries say of what a stranger may not see that it is not there.
        if stranger.is_denied(digest) or services.registry.readable(digest):
            return True
        raise _elsewhere(plan, "nothing", digest)
    for tag in plan.image_tags:
        if (got := _points(stranger, tag)) != seal.image.sha256:
            raise _elsewhere(plan, f"{tag}: sha256:{got}" if got else f"no tag {tag}", digest)
    return False


def _elsewhere(plan: Plan, got: str, digest: str) -> VerificationFailed:
    return VerificationFailed(
        f"got {got} at {plan.image}, expected {digest} as released",
        hint="Look at the package. Somebody deleted the image or moved its tag after it was public; or it is closed, "
        "and its registry knows nothing then: open it. Running all jobs sets a tag anew that nobody took.",
        slug="published-image-elsewhere",
    )


def _points(registry: Registry, tag: str) -> str | None:
    """Return the digest that a tag points at, of the very bytes that are pulled by it."""
    found = registry.manifest(tag)
    return found.sha256 if found else None


def free(plan: Plan, image: Artifact, services: Services) -> None:
    """Hold that no tag of this version points at another image.

    Raises:
        Refused: One does.
    """
    expected = image.sha256
    found = {tag: _points(services.registry, tag) for tag in plan.image_tags}
    if taken := [f"{one}: sha256:{sha256}" for one, sha256 in found.items() if sha256 not in {None, expected}]:
        raise Refused(
            f"got {', '.join(map(show, taken))} at {plan.image}, expected no such tag, or sha256:{expected} under it",
            hint="A version's tag never moves: whoever pinned it would get another image. Find out who pushed that "
            "image; delete its tag in the registry only if nobody can have used it. Else release a new version.",
            slug="image-tag-taken",
        )


def tag_own(plan: Plan, seal: Seal, services: Services) -> Iterator[str]:
    """Let this version's tags point at the image; yield what was done, one sentence each.

    Raises:
        Refused: One of them points at another image.
        VerificationFailed: One points at another image right after.
    """
    if seal.image is not None:
        free(plan, seal.image, services)
        yield from _tag(plan, seal.image, plan.image_tags, services)


def tag_moving(plan: Plan, seal: Seal, services: Services, *, latest: bool) -> Iterator[str]:
    """Let the tags that move point at the image, once the release is public; yield what was done.

    Raises:
        VerificationFailed: One points at another image right after.
    """
    if seal.image is not None and services.settings.image is not None:
        yield from _tag(plan, seal.image, moving_tags(services.settings.image, latest=latest), services)


def _tag(plan: Plan, image: Artifact, tags: tuple[str, ...], services: Services) -> Iterator[str]:
    expected = image.sha256
    root = services.registry.manifest(f"sha256:{expected}") if tags else None
    for tag in tags:
        there = _points(services.registry, tag) == expected
        if not there and root is not None:
            services.registry.push_manifest(root.content, root.media_type, tag)
        if (got := _points(services.registry, tag)) != expected:
            raise VerificationFailed(
                f"got sha256:{got} under {plan.image}:{tag} right after it was tagged, expected sha256:{expected}",
                hint="Somebody else pushes to this tag. Find out who; then run this job again.",
                slug="image-tag-moved",
            )
        yield f"image tag {tag} {'was there already' if there else 'set'}"


def _attach_simplesigning(one: ImageSignature, _: Descriptor, services: Services) -> None:
    """Add ours to the manifest of signatures, until a reading shows it there."""
    layer = _layer(one, services)
    tag = simplesigning.signature_tag(one.sha256)
    for _round in range(_ROUNDS):
        found = services.registry.manifest(tag)
        fresh, config = simplesigning.signature_manifest([layer])
        wanted = simplesigning.append(found.content, [layer]) if found else fresh
        if found and wanted == found.content:
            return
        for content in (layer.payload, *(() if found else (config,))):
            _push(content, services)
        services.registry.push_manifest(wanted, simplesigning.MANIFEST, tag)
    raise VerificationFailed(
        f"got a manifest of signatures at {show(tag)} without ours after writing it {_ROUNDS} times",
        hint="Somebody else writes it at the same time. Run the same command again.",
        slug="image-signatures-unsettled",
    )


def _attach_bundle(one: ImageSignature, document: Descriptor, services: Services) -> None:
    bundle = _bundle(one, services)
    if hashlib.sha256(bundle).hexdigest() in {sha256 for sha256, _ in attached_bundles(one, services)}:
        return
    subject = {"mediaType": document.media_type, "digest": document.digest, "size": document.size}
    for content in (bundle, attached.EMPTY_CONFIG):
        _push(content, services)
    services.registry.refer(attached.referrer_manifest(bundle, subject), simplesigning.MANIFEST, one.sha256)


def _push(content: bytes, services: Services) -> None:
    with tempfile.NamedTemporaryFile(prefix=".push-", dir=services.work.path) as file:
        file.write(content)
        file.flush()
        sha256 = hashlib.sha256(content).hexdigest()
        services.registry.push_blob(Path(file.name), sha256=sha256, size=len(content))


def _problems(one: ImageSignature, policy: Exact, services: Services) -> Iterator[str]:
    if services.registry.manifest(f"sha256:{one.sha256}") is None:
        yield f"{one.label}: not in the registry"
        return
    if one.form == "simplesigning":
        ours = _layer(one, services)
        found = services.registry.manifest(simplesigning.signature_tag(one.sha256))
        listed = simplesigning.list_signatures(found.content) if found else ()
        annotations = next((each.annotations for each in listed if _same(each, ours)), None)
        if annotations is None:
            yield f"{one.label}: the signature is not beside it"
            return
        payload = services.registry.blob(ours.digest.removeprefix("sha256:"), len(ours.payload))
        root = services.sigstore.trusted_root
        verdict = promise.verify_layer(payload, annotations, one.image, one.sha256, policy, root).verdict
    else:
        bundle = _bundle(one, services)
        digest = hashlib.sha256(bundle).hexdigest()
        if digest not in {sha256 for sha256, _ in attached_bundles(one, services)}:
            yield f"{one.label}: the signature does not refer to it"
            return
        verdict = one.outcome(services.registry.blob(digest, len(bundle)), policy, services).verdict
    if not verdict.ok:
        yield f"{one.label}: {printable(verdict.detail)}"


def _same(listed: simplesigning.ListedSignature, ours: simplesigning.Layer) -> bool:
    return listed.annotations.get(simplesigning.SIGNATURE) == ours.annotations[simplesigning.SIGNATURE]


def _layer(one: ImageSignature, services: Services) -> simplesigning.Layer:
    bundle = _bundle(one, services)
    layer = simplesigning.layer(bundle, one.payload)
    return simplesigning.Layer(payload=layer.payload, annotations={**layer.annotations, PROOF: bundle.decode()})


def _bundle(one: ImageSignature, services: Services) -> bytes:
    return read_bundle(services.work.bundles / (one.key + BUNDLE)) or b""
