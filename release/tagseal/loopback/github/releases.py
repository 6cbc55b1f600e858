"""api.github.com, releases and their assets: https://docs.github.com/rest/releases.

1. A draft is seen, and found by listing, only by those who may push; by tag only what is published is found.
2. Several drafts may carry one tag; of published releases one.
3. Publishing makes the tag where it is missing, and locks the release where the repository says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug import Response
from werkzeug.utils import redirect

from tagseal.loopback.github import shapes
from tagseal.loopback.github.calls import invalid, problem
from tagseal.loopback.github.downloads import sign_address
from tagseal.loopback.github.state import GitObject, PlayedRelease
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.loopback.github.calls import ApiCall, Endpoint
    from tagseal.loopback.github.state import PlayedAsset, PlayedRepository

_BODY = 125_000
"""Characters."""

_FIELDS: dict[str, tuple[str, type]] = {
    "tag_name": ("tag_name", str),
    "target_commitish": ("target", str),
    "name": ("name", str),
    "body": ("body", str),
    "prerelease": ("prerelease", bool),
}


def page(call: ApiCall, found: PlayedRepository, items: Sequence[shapes.Shape]) -> Response:
    """Return one page of a listing, with the Link header to the others."""
    size = max(1, min(100, call.request.args.get("per_page", 30, int)))
    number = max(1, call.request.args.get("page", 1, int))
    last = max(1, -(-len(items) // size))
    # The real links name the repository by number.
    path = call.request.path.replace(f"/repos/{found.full_name}", f"/repositories/{found.id}", 1)
    near = {"prev": number - 1, "next": number + 1} if 1 < number < last else {}
    if number == 1 < last:
        near = {"next": 2, "last": last}
    elif near:
        near |= {"last": last, "first": 1}
    elif number > 1:
        near = {"prev": number - 1, "first": 1}
    links = [f'<{shapes.API}{path}?per_page={size}&page={at}>; rel="{rel}"' for rel, at in near.items()]
    shown = items[(number - 1) * size : number * size]
    return answer(list(shown), headers={"Link": ", ".join(links)} if links else None)


def listing(call: ApiCall, owner: str, repo: str) -> Response:
    """``GET …/releases``."""
    found = call.repository(owner, repo)
    call.need("contents", "read", found)
    with call.state.lock:
        shown = [shapes.release(found, release) for release in found.list_releases() if call.shows(found, release)]
    return page(call, found, shown)


def by_id(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``GET …/releases/ID``."""
    found = call.repository(owner, repo)
    return answer(shapes.release(found, call.release(found, number)))


def by_tag(call: ApiCall, owner: str, repo: str, tag: str) -> Response:
    """``GET …/releases/tags/TAG``: published ones only."""
    found = call.repository(owner, repo)
    call.need("contents", "read", found)
    return _show(found, found.published_release(tag))


def latest(call: ApiCall, owner: str, repo: str) -> Response:
    """``GET …/releases/latest``."""
    found = call.repository(owner, repo)
    call.need("contents", "read", found)
    return _show(found, found.latest)


def _show(found: PlayedRepository, release: PlayedRelease | None) -> Response:
    if release is None:
        raise problem(404, "Not Found")
    return answer(shapes.release(found, release))


def create(call: ApiCall, owner: str, repo: str) -> Response:
    """``POST …/releases``."""
    found = call.repository(owner, repo)
    call.need("contents", "write", found)
    wanted = call.json()
    if not wanted.get("tag_name"):
        raise invalid("Release", "tag_name", "missing_field")
    if call.grant is None:
        raise problem(401, "Requires authentication")
    if wanted["tag_name"] in found.burnt:
        raise invalid("Release", "tag_name", "custom", "tag_name was used by an immutable release")
    with call.state.lock:
        release = PlayedRelease(
            id=call.state.next_id(),
            author=call.grant.actor,
            created_at=call.state.now(),
            tag_name="",
            target=found.default_branch,
            draft=True,
        )
        ref = None if wanted.get("draft", False) else _publishable(found, release, wanted)
        _set(release, wanted)
        if ref is not None:
            _publish(call, found, release, ref, wanted)
        found.by_id[release.id] = release
        shown = shapes.release(found, release)
    return answer(shown, 201, {"Location": shown["url"]})


def update(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``PATCH …/releases/ID``: of a locked release only title and notes change."""
    found = call.repository(owner, repo)
    release = call.release(found, number)
    call.need("contents", "write", found)
    wanted = call.json()
    draft = wanted.get("draft", release.draft)
    with call.state.lock:
        locked = release.immutable and (draft or wanted.get("tag_name", release.tag_name) != release.tag_name)
        if locked:
            raise problem(422, "Cannot update the tag or the draft state of an immutable release.")
        ref = _publishable(found, release, wanted) if release.draft and not draft else None
        _set(release, wanted)
        if ref is not None:
            _publish(call, found, release, ref, wanted)
        elif not draft:
            _choose(found, release, wanted)
        release.draft = draft
        return answer(shapes.release(found, release))


def delete(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``DELETE …/releases/ID``; the tag stays."""
    found = call.repository(owner, repo)
    release = call.release(found, number)
    call.need("contents", "write", found)
    with call.state.lock:
        del found.by_id[release.id]
        for asset in release.assets:
            asset.path.unlink(missing_ok=True)
    return Response(status=204)


def _set(release: PlayedRelease, wanted: dict[str, Any]) -> None:
    values = {attribute: wanted[key] for key, (attribute, _) in _FIELDS.items() if wanted.get(key) is not None}
    for key, (attribute, kind) in _FIELDS.items():
        if not isinstance(values.get(attribute, kind()), kind):
            raise invalid("Release", key, "invalid")
    if len(values.get("body", "")) > _BODY:
        raise invalid("Release", "body", "custom", f"body is too long (maximum is {_BODY} characters)")
    for attribute, value in values.items():
        setattr(release, attribute, value)


def _publishable(found: PlayedRepository, release: PlayedRelease, wanted: dict[str, Any]) -> GitObject:
    """Return what the tag points to, or will; refuse what cannot be published, before anything is changed."""
    tag = wanted.get("tag_name") or release.tag_name
    if tag in found.burnt:
        raise invalid("Release", "tag_name", "custom", "tag_name was used by an immutable release")
    if found.published_release(tag) is not None:
        raise invalid("Release", "tag_name", "already_exists")
    at = wanted.get("target_commitish") or release.target
    commit = next((ref for ref in found.refs.values() if ref == GitObject("commit", at)), None)
    target = found.refs.get(f"refs/tags/{tag}") or found.refs.get(f"refs/heads/{at}") or commit
    if target is None:
        raise invalid("Release", "target_commitish", "invalid")
    return target


def _publish(
    call: ApiCall, found: PlayedRepository, release: PlayedRelease, ref: GitObject, wanted: dict[str, Any]
) -> None:
    found.refs[f"refs/tags/{release.tag_name}"] = ref
    release.draft = False
    release.published_at = call.state.now()
    release.immutable = found.immutable
    if found.immutable:
        found.burnt.add(release.tag_name)
    _choose(found, release, {"make_latest": "true"} | wanted)


def _choose(found: PlayedRepository, release: PlayedRelease, wanted: dict[str, Any]) -> None:
    match str(wanted.get("make_latest", "")).lower():
        case "true" if not release.prerelease:
            found.chosen = release.id
        case "false" if found.chosen == release.id:
            found.chosen = None
        case "legacy":
            found.chosen = None


def assets(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``GET …/releases/ID/assets``."""
    found = call.repository(owner, repo)
    release = call.release(found, number)
    return page(call, found, [shapes.asset(found, release, one) for one in release.assets])


def _asset(call: ApiCall, found: PlayedRepository, number: int) -> tuple[PlayedRelease, PlayedAsset]:
    call.need("contents", "read", found)
    for release in found.releases:
        for asset in release.assets:
            if asset.id == number and call.reads(found, release):
                return release, asset
    raise problem(404, "Not Found")


def asset(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``GET …/releases/assets/ID``; with ``Accept: application/octet-stream`` the way to the bytes."""
    found = call.repository(owner, repo)
    release, one = _asset(call, found, number)
    if call.request.headers.get("Accept") != "application/octet-stream":
        return answer(shapes.asset(found, release, one))
    if one.state != "uploaded":
        raise problem(404, "Not Found")
    return redirect(sign_address(call.state, found, one), 302)


def _changeable(
    call: ApiCall, owner: str, repo: str, number: int, verb: str
) -> tuple[PlayedRepository, PlayedRelease, PlayedAsset]:
    found = call.repository(owner, repo)
    release, one = _asset(call, found, number)
    call.need("contents", "write", found)
    if release.immutable:
        raise problem(422, f"Cannot {verb} assets of an immutable release.")
    return found, release, one


def update_asset(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``PATCH …/releases/assets/ID``: name and label."""
    found, release, one = _changeable(call, owner, repo, number, "update")
    wanted = call.json()
    with call.state.lock:
        if any(other.name == wanted.get("name") and other is not one for other in release.assets):
            raise invalid("ReleaseAsset", "name", "already_exists")
        one.name = wanted.get("name", one.name)
        one.label = wanted.get("label", one.label)
    return answer(shapes.asset(found, release, one))


def delete_asset(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``DELETE …/releases/assets/ID``."""
    _, release, one = _changeable(call, owner, repo, number, "delete")
    with call.state.lock:
        release.assets.remove(one)
        one.path.unlink(missing_ok=True)
    return Response(status=204)


_RELEASES = "/repos/<owner>/<repo>/releases"

TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", _RELEASES, listing),
    ("POST", _RELEASES, create),
    ("GET", f"{_RELEASES}/latest", latest),
    ("GET", f"{_RELEASES}/tags/<path:tag>", by_tag),
    ("GET", f"{_RELEASES}/<int:number>", by_id),
    ("PATCH", f"{_RELEASES}/<int:number>", update),
    ("DELETE", f"{_RELEASES}/<int:number>", delete),
    ("GET", f"{_RELEASES}/<int:number>/assets", assets),
    ("GET", f"{_RELEASES}/assets/<int:number>", asset),
    ("PATCH", f"{_RELEASES}/assets/<int:number>", update_asset),
    ("DELETE", f"{_RELEASES}/assets/<int:number>", delete_asset),
)
