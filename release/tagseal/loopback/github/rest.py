"""api.github.com, repositories and git: https://docs.github.com/rest/repos and /rest/git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.loopback.github import shapes
from tagseal.loopback.github.calls import problem
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from werkzeug import Response

    from tagseal.loopback.github.calls import ApiCall, Endpoint


def user(call: ApiCall) -> Response:
    """``GET /user``: a person; an installation is nobody."""
    return answer(shapes.account(call.person().actor))


def repository(call: ApiCall, owner: str, repo: str) -> Response:
    """``GET /repos/O/R``."""
    found = call.repository(owner, repo)
    push = call.may("contents", "write", found)
    permissions = {"admin": False, "maintain": False, "push": push, "triage": push, "pull": True}
    return answer(shapes.repository(found, permissions))


def ref(call: ApiCall, owner: str, repo: str, name: str) -> Response:
    """``GET …/git/ref/tags/NAME``: exactly this one."""
    found = call.repository(owner, repo)
    call.need("contents", "read", found)
    target = found.refs.get(f"refs/{name}")
    if target is None:
        raise problem(404, "Not Found")
    return answer(shapes.reference(found, f"refs/{name}", target))


def matching_refs(call: ApiCall, owner: str, repo: str, prefix: str) -> Response:
    """``GET …/git/matching-refs/tags/PREFIX``: every ref that begins so, in order of name."""
    found = call.repository(owner, repo)
    call.need("contents", "read", found)
    names = sorted(name for name in found.refs if name.startswith(f"refs/{prefix}"))
    return answer([shapes.reference(found, name, found.refs[name]) for name in names])


def tag(call: ApiCall, owner: str, repo: str, sha: str) -> Response:
    """``GET …/git/tags/SHA``: an annotated tag, by the sha of the tag object."""
    found = call.repository(owner, repo)
    call.need("contents", "read", found)
    if sha not in found.tag_objects:
        raise problem(404, "Not Found")
    return answer(shapes.tag_object(found, sha, *found.tag_objects[sha]))


def immutable_releases(call: ApiCall, owner: str, repo: str) -> Response:
    """``GET …/immutable-releases``: needs a scope that a job's token cannot have."""
    found = call.repository(owner, repo)
    call.need("administration", "write", found)
    if not found.immutable:
        raise problem(404, "Not Found")
    return answer({"enabled": True, "enforced_by_owner": False})


TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/user", user),
    ("GET", "/repos/<owner>/<repo>", repository),
    ("GET", "/repos/<owner>/<repo>/immutable-releases", immutable_releases),
    ("GET", "/repos/<owner>/<repo>/git/ref/<path:name>", ref),
    ("GET", "/repos/<owner>/<repo>/git/matching-refs/<path:prefix>", matching_refs),
    ("GET", "/repos/<owner>/<repo>/git/tags/<sha>", tag),
)
