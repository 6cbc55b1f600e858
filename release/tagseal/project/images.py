"""The image of a release as its registry has it: where this version's tags point, and whether that is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.names import show
from tagseal.project.assets import StatusRow
from tagseal.steps.images import earlier, own_tags, signatures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.steps import Services
    from tagseal.verification.policy import Exact


def rows(name: str, policy: Exact | None, notes: str, services: Services) -> Iterator[StatusRow]:
    """Yield a line for each tag of the image that belongs to this version.

    Args:
        name: The release's tag.
        policy: Who must have signed, at which commit; None where the commit is not known.
        notes: The release's, which name the image by its digest; empty for none.
        services: The registry is asked with the credentials that are there.
    """
    image = services.settings.image
    version = services.pattern_beside(name).parse(name)
    if image is None or version is None:
        return
    for tag in own_tags(image, name, version):
        what = f"{image.name}:{tag}"
        try:
            state, good, text = _row(tag, image.name, policy, notes, services)
        except TagsealError as error:
            # Nobody may pull it, or nobody may without a login: the release's own lines are told all the same.
            state, good, text = error.slug, None, error.what
        yield StatusRow(what="image", name=what, state=state, good=good, text=text)


def _row(tag: str, name: str, policy: Exact | None, notes: str, services: Services) -> tuple[str, bool | None, str]:
    sha256 = services.registry.resolve(tag)
    if sha256 is None:
        return "none", None, "no such tag"
    where = f"sha256:{sha256}"
    if f"{name}@sha256:" in notes and f"{name}@{where}" not in notes:
        # Signed it may be: a platform of the image, or an image that was never released.
        return "elsewhere", False, f"{where}, and the notes name another image"
    if policy is None:
        return "untold", None, f"{where}; whose it is cannot be told without the tag's commit"
    wanted = [signatures.ImageSignature(image=name, sha256=sha256, form=form) for form in signatures.forms(services)]
    lacking = [one.form for one in wanted if not earlier.has_signature(one, policy, services)]
    if lacking:
        return (
            "unsigned",
            False,
            f"{where}, without a signature that verifies for this tag: {show(', '.join(lacking))}",
        )
    return "signed", True, f"{where}, signed for this tag and commit"
