"""What can happen to a registry while somebody pushes: each act takes the host and the path of a request.

An act returns whether it could happen: no tag moves where there is none.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from tagseal.loopback.registry.listing import INDEX
from tagseal.loopback.registry.state import PushedManifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.loopback.registry.state import RegistryState

_CONTENT = json.dumps(
    {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"by": "somebody else"}}
).encode()
_STRANGE = PushedManifest(
    content=_CONTENT, digest=f"sha256:{hashlib.sha256(_CONTENT).hexdigest()}", media_type=INDEX, annotations={}
)
_SIGNATURE = re.compile(r"sha(256|512)-[0-9a-f]+(\.\w+)?", re.ASCII)
"""Tags that are named after a digest: signatures, and referrers where there is no API for them."""


class ImageAccidents:
    """Accidents of the registries; each takes a state's lock."""

    def __init__(self, registries: Mapping[str, RegistryState]) -> None:
        """Let them happen to these states, by host."""
        self._registries = registries

    def move_tags(self, host: str, path: str) -> bool:
        """Move every tag of the image that is named to an index that nobody has heard of."""
        state, named = self._registries.get(host), re.match(r"/v2/(.+)/(manifests|tags)/", path)
        if state is None or named is None:
            return False
        with state.lock:
            found = state.repositories.get(named[1])
            tags = [tag for tag in found.tags if not _SIGNATURE.fullmatch(tag)] if found else []
            if found is None or all(found.tags[tag] == _STRANGE.digest for tag in tags):
                return False
            found.manifests[_STRANGE.digest] = _STRANGE
            found.tags.update(dict.fromkeys(tags, _STRANGE.digest))
            return True

    def lose_upload(self, host: str, path: str) -> bool:
        """Forget the upload that is named, with the bytes that have come."""
        state, named = self._registries.get(host), re.match(r"/v2/.+/blobs/uploads/([^/]+)", path)
        if state is None or named is None:
            return False
        with state.lock:
            upload = state.uploads.get(named[1])
            if upload is not None:
                state.drop(upload)
            return upload is not None
