"""How the REST API shows things: https://docs.github.com/rest, fields as of version 2022-11-28."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from datetime import datetime

    from tagseal.loopback.github.state import Actor, GitObject, PlayedAsset, PlayedRelease, PlayedRepository

API = "https://api.github.com"
UPLOADS = "https://uploads.github.com"
SITE = "https://github.com"

Shape = dict[str, Any]


def moment(when: datetime | None) -> str | None:
    """Return a time as the API writes it, in whole seconds."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def node(kind: str, number: int) -> str:
    """Return an opaque global identifier."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def account(of: Actor) -> Shape:
    """Show an account."""
    return {
        "login": of.login,
        "id": of.id,
        "node_id": node("User", of.id),
        "url": f"{API}/users/{quote(of.login)}",
        "html_url": f"{SITE}/apps/github-actions" if of.bot else f"{SITE}/{of.login}",
        "type": "Bot" if of.bot else "User",
        "site_admin": False,
    }


def repository(of: PlayedRepository, permissions: dict[str, bool]) -> Shape:
    """Show a repository."""
    owner, name = of.full_name.split("/")
    return {
        "id": of.id,
        "node_id": node("Repository", of.id),
        "name": name,
        "full_name": of.full_name,
        "private": of.private,
        "visibility": "private" if of.private else "public",
        "owner": {"login": owner, "type": "Organization", "url": f"{API}/users/{owner}"},
        "html_url": f"{SITE}/{of.full_name}",
        "clone_url": f"{SITE}/{of.full_name}.git",
        "url": f"{API}/repos/{of.full_name}",
        "releases_url": f"{API}/repos/{of.full_name}/releases{{/id}}",
        "default_branch": of.default_branch,
        "fork": False,
        "archived": False,
        "permissions": permissions,
    }


def reference(of: PlayedRepository, name: str, target: GitObject) -> Shape:
    """Show a git ref."""
    return {
        "ref": name,
        "node_id": base64.b64encode(name.encode()).decode(),
        "url": f"{API}/repos/{of.full_name}/git/{quote(name)}",
        "object": _object(of, target),
    }


def tag_object(of: PlayedRepository, sha: str, name: str, target: GitObject) -> Shape:
    """Show an annotated tag."""
    return {
        "node_id": base64.b64encode(sha.encode()).decode(),
        "sha": sha,
        "url": f"{API}/repos/{of.full_name}/git/tags/{sha}",
        "tag": name,
        "message": f"{name}\n",
        "tagger": {"name": "A Maintainer", "email": "maintainer@example.invalid", "date": "2024-01-01T00:00:00Z"},
        "object": _object(of, target),
        "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
    }


def _object(of: PlayedRepository, target: GitObject) -> Shape:
    url = f"{API}/repos/{of.full_name}/git/{target.kind}s/{target.sha}"
    return {"sha": target.sha, "type": target.kind, "url": url}


def release(within: PlayedRepository, of: PlayedRelease) -> Shape:
    """Show a release."""
    base = f"{API}/repos/{within.full_name}"
    return {
        "url": f"{base}/releases/{of.id}",
        "assets_url": f"{base}/releases/{of.id}/assets",
        "upload_url": f"{UPLOADS}/repos/{within.full_name}/releases/{of.id}/assets{{?name,label}}",
        "html_url": f"{SITE}/{within.full_name}/releases/tag/{quote(of.slug)}",
        "id": of.id,
        "node_id": node("Release", of.id),
        "author": account(of.author),
        "tag_name": of.tag_name,
        "target_commitish": of.target,
        "name": of.name,
        "draft": of.draft,
        "immutable": of.immutable,
        "prerelease": of.prerelease,
        "created_at": moment(of.created_at),
        "published_at": moment(of.published_at),
        "assets": [asset(within, of, one) for one in of.assets],
        "tarball_url": None if of.draft else f"{base}/tarball/{quote(of.tag_name)}",
        "zipball_url": None if of.draft else f"{base}/zipball/{quote(of.tag_name)}",
        "body": of.body,
    }


def asset(within: PlayedRepository, release: PlayedRelease, of: PlayedAsset) -> Shape:
    """Show an asset; it has a digest once every byte is there."""
    download = f"{SITE}/{within.full_name}/releases/download/{quote(release.slug)}/{quote(of.name)}"
    return {
        "url": f"{API}/repos/{within.full_name}/releases/assets/{of.id}",
        "id": of.id,
        "node_id": node("ReleaseAsset", of.id),
        "name": of.name,
        "label": of.label,
        "uploader": account(of.uploader),
        "content_type": of.content_type,
        "state": of.state,
        "size": of.size,
        "digest": f"sha256:{of.sha256}" if of.sha256 else None,
        "download_count": of.downloads,
        "created_at": moment(of.created_at),
        "updated_at": moment(of.created_at),
        "browser_download_url": download,
    }
