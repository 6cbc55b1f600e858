"""The oldest clients that the notes name: computed from what was sealed, and the same in every job."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from sigstore.models import ClientTrustConfig

from tagseal.errors import Refused
from tagseal.notes import clients
from tagseal.notes.clients import NEW, PLANNED, PLANNED_BUNDLE, PLANNED_SIGNATURE, V1, V2, MinimumClients, minimum
from tagseal.notes.render import render
from tagseal.records import Bundle, Contents, Seal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagseal.records import Artifact, Plan

BARE = Contents(media_type=NEW, entry=V1, stamped=False)
TILED = Contents(media_type=NEW, entry=V2, stamped=True)


@pytest.mark.parametrize(
    ("made", "sigstore", "cosign"),
    [
        ([BARE], "3.6.3", "2.4.2"),
        ([PLANNED_BUNDLE], "3.6.5", "2.4.2"),
        ([TILED], "4.0.0", "3.0.5"),
        ([BARE, PLANNED_BUNDLE], "3.6.5", "2.4.2"),
        ([TILED, BARE, TILED], "4.0.0", "3.0.5"),
    ],
)
def test_a_set_needs_what_any_of_its_bundles_needs(made: Sequence[Contents], sigstore: str, cosign: str) -> None:
    """The named clients read the bundles that this run made, and those that it kept."""
    found = minimum(made)
    assert (found.sigstore, found.cosign) == (sigstore, cosign)


def test_an_image_in_a_log_of_version_2_needs_a_newer_cosign() -> None:
    """Its signature has no time of the log's, and an older cosign asks for one."""
    enveloped = dataclasses.replace(PLANNED_SIGNATURE, entry=V2)
    assert (minimum([TILED], [enveloped]).image, PLANNED.image) == ("3.0.5", "3.0")


def test_the_planned_bundle_is_what_production_signs() -> None:
    """Its signing configuration names logs of version 1 and a timestamp authority; its root has an Ed25519 key."""
    production = ClientTrustConfig.production(offline=True).signing_config
    (log,) = production.get_tlogs()
    assert (type(log).__module__, bool(production.get_tsas())) == ("sigstore._internal.rekor.client", True)
    assert (PLANNED_BUNDLE.entry, PLANNED_BUNDLE.stamped) == (V1, True)


@pytest.mark.parametrize("wrong", [{"media_type": "text/html"}, {"entry": "hashedrekord 9.9.9\u202e"}, {"entry": ""}])
def test_what_no_client_is_known_to_read_is_refused(wrong: dict[str, str]) -> None:
    """The notes never name a client for a bundle that it may not read."""
    with pytest.raises(Refused) as caught:
        minimum([BARE, dataclasses.replace(BARE, **wrong)])  # type: ignore[arg-type]
    assert caught.value.slug == "unknown-bundle-contents"
    assert "\u202e" not in str(caught.value)


def sealed(plan: Plan, artifacts: tuple[Artifact, ...], *signatures: str) -> Seal:
    """Return a seal whose files are in a log of version 2, and whose image has signatures of these names."""

    def bundle(name: str, contents: Contents) -> Bundle:
        return Bundle(artifact=name, name=name, size=1, sha256="", log_index=1, integrated_time=0, contents=contents)

    return Seal(
        tag=plan.tag,
        commit=plan.commit,
        identity=plan.identity,
        artifacts=artifacts,
        bundles=tuple(bundle(f"{artifact.name}.sigstore.json", TILED) for artifact in artifacts),
        kept=0,
        signatures=tuple(bundle(signature, PLANNED_BUNDLE) for signature in signatures),
    )


def test_only_signatures_that_are_bundles_count_for_the_image(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]
) -> None:
    """What lies in the work folder for the older form is a bundle, but no stranger ever reads it."""
    older = f"sha256-{'d' * 64}.simplesigning.sigstore.json"
    assert clients.of(sealed(plan(), artifacts, older)) == MinimumClients(sigstore="4.0.0", cosign="3.0.5", image="3.0")


def test_the_page_names_what_was_computed(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """A reader installs, and is told of, the clients for this very seal."""
    found = clients.of(sealed(plan(), artifacts))
    text = render(tag="v1.2.3", plan=plan(), artifacts=artifacts, override=None, minimum=found).text
    assert "You need sigstore 4.0.0 or newer" in text
    assert "Or by [cosign](https://docs.sigstore.dev/cosign/system_config/installation/) 3.0.5 or newer" in text
    assert "sigstore 4.0.0, cosign 3.0.5, or newer" in text
