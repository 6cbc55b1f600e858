"""The container image, in the steps: one more artifact with a digest, which lies in a registry.

Here: what the configuration says of it for one version. Its files are in ``layouts``, its signatures in
``signatures``, the registry in ``remote``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import ConfigError
from tagseal.names import IMAGE_TAG, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from tagseal.config import ImageSettings

_OWN = ("{tag}", "{version}")


def own_patterns(image: ImageSettings) -> tuple[str, ...]:
    """Return the image's tags that belong to one version, as they are configured.

    Raises:
        ConfigError: There is none.
    """
    if found := tuple(tag for tag in image.tags if _own(tag)):
        return found
    raise ConfigError(
        f"got the image tags {', '.join(map(show, image.tags)) or '(none)'}, expected one with {{tag}} or {{version}}",
        hint='Set tags = ["{tag}"] in [tool.tagseal.image]: the notes name the image by it.',
        slug="image-without-tag",
    )


def own_tags(image: ImageSettings, tag: str, version: Version) -> tuple[str, ...]:
    """Return the image's tags that belong to this version: each points at one digest for ever.

    Raises:
        ConfigError: There is none, or a registry takes no such tag.
    """
    patterns = own_patterns(image)
    found = tuple(pattern.replace("{tag}", tag).replace("{version}", str(version)) for pattern in patterns)
    if wrong := [one for one in found if IMAGE_TAG.fullmatch(one) is None]:
        raise ConfigError(
            f"got the image tag {show(wrong[0])}, expected letters, digits and . _ - only, 128 at most",
            hint="A registry takes no +, which is in this version: release it without a local part, or no image."
            if version.local
            else 'A registry takes no + and no /. Set tags = ["{version}"] in [tool.tagseal.image], or tag otherwise.',
            slug="image-tag-invalid",
        )
    return tuple(dict.fromkeys(found))


def moving_tags(image: ImageSettings, *, latest: bool) -> tuple[str, ...]:
    """Return the tags that move to this version: none for a pre-release, or a backport."""
    return tuple(dict.fromkeys(tag for tag in image.tags if not _own(tag))) if latest else ()


def irreversible(image: ImageSettings | None, tag: str, version: Version) -> Iterator[str]:
    """Yield what cannot be undone, one sentence."""
    if image is not None:
        tags = ", ".join(own_tags(image, tag, version))
        yield f"the tag {tags} of {image.name} points at this image"


def _own(tag: str) -> bool:
    return any(word in tag for word in _OWN)
