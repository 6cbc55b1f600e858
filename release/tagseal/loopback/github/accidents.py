"""What can happen to the forge while somebody releases: each act takes the path of a request that names a repository.

An act returns whether it could happen: no draft can be edited where there is none.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from tagseal.loopback.github.state import PlayedAsset

if TYPE_CHECKING:
    from tagseal.loopback.github.state import GitHubState, PlayedRelease, PlayedRepository

LISTINGS = 3
"""How many listings lag after a release was created or deleted."""

PERSON = "maintainer"
"""Whoever edits a draft."""


class Accidents:
    """Accidents of one forge; each takes the state's lock."""

    def __init__(self, state: GitHubState) -> None:
        """Let them happen to this state."""
        self._state = state

    def lag(self, path: str) -> bool:
        """Show the next listings of releases as they are now, whatever is created or deleted meanwhile."""
        with self._state.lock:
            found = self._repository(path)
            if found is not None:
                found.stale = [found.releases] * LISTINGS
            return found is not None

    def move_tags(self, path: str) -> bool:
        """Move every tag to a commit that nobody has heard of."""
        with self._state.lock:
            found = self._repository(path)
            if found is None or not found.tags:
                return False
            for name, target in found.tags.items():
                found.add_tag(name, hashlib.sha1(target.sha.encode(), usedforsecurity=False).hexdigest())
            return True

    def lock_releases(self, path: str) -> bool:
        """Make the repository lock what is published from now on."""
        with self._state.lock:
            found = self._repository(path)
            if found is None or found.immutable:
                return False
            found.immutable = True
            return True

    def burn_tags(self, path: str) -> bool:
        """Use up every tag, as a locked release does that was deleted since."""
        with self._state.lock:
            found = self._repository(path)
            if found is None or found.burnt >= found.tags.keys():
                return False
            found.burnt.update(found.tags)
            return True

    def edit_draft(self, path: str) -> bool:
        """Put a line at the top of the notes of the draft that is named."""
        with self._state.lock:
            draft = self._draft(path)
            if draft is not None:
                draft.body = f"A person wrote this.\n\n{draft.body}"
            return draft is not None

    def add_asset(self, path: str) -> bool:
        """Attach a file to the draft that is named."""
        with self._state.lock:
            draft = self._draft(path)
            if draft is None or any(asset.name == "by-hand.txt" for asset in draft.assets):
                return False
            content = b"A person added this.\n"
            number = self._state.next_id()
            file = self._state.folder / str(number)
            file.write_bytes(content)
            draft.assets.append(
                PlayedAsset(
                    id=number,
                    name="by-hand.txt",
                    label="",
                    content_type="text/plain",
                    path=file,
                    uploader=self._state.account(PERSON),
                    created_at=self._state.now(),
                    state="uploaded",
                    size=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                )
            )
            return True

    def delete_asset(self, path: str) -> bool:
        """Delete the first finished asset of the draft that is named."""
        with self._state.lock:
            draft = self._draft(path)
            asset = next((asset for asset in draft.assets if asset.state == "uploaded"), None) if draft else None
            if draft is None or asset is None:
                return False
            draft.assets.remove(asset)
            asset.path.unlink(missing_ok=True)
            return True

    def _repository(self, path: str) -> PlayedRepository | None:
        if named := re.match(r"/repos/([^/]+/[^/]+)", path):
            return self._state.find(named[1])
        numbered = re.match(r"/repositories/(\d+)", path)
        return self._state.by_number(int(numbered[1])) if numbered else None

    def _draft(self, path: str) -> PlayedRelease | None:
        found, named = self._repository(path), re.search(r"/releases/(\d+)", path)
        release = found.by_id.get(int(named[1])) if found and named else None
        return release if release and release.draft else None
