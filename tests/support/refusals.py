"""What a call that must not go through ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagseal.errors import TagsealError

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(act: Callable[..., object], *arguments: object, **options: object) -> TagsealError:
    """Make the call, and return the error of ours that it must raise."""
    with pytest.raises(TagsealError) as caught:
        act(*arguments, **options)
    return caught.value
