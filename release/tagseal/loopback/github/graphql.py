"""``POST /graphql``: repositories, refs and releases, as far as gh asks for them.

Unlike REST, ``release(tagName: …)`` finds drafts too. A field that is not known here is refused in the service's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tagseal.loopback.github import shapes
from tagseal.loopback.github.calls import problem
from tagseal.loopback.github.query import QueryError, read
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from graphql import SelectionSetNode
    from werkzeug import Response

    from tagseal.loopback.github.calls import ApiCall, Endpoint
    from tagseal.loopback.github.query import GraphQuery
    from tagseal.loopback.github.state import PlayedAsset, PlayedRelease, PlayedRepository

Node = Mapping[str, Any]
"""An object: its members, of which those that are functions take the field's arguments."""


def graphql(call: ApiCall) -> Response:
    """Answer one query."""
    if call.grant is None:
        raise problem(401, "This endpoint requires you to be authenticated.")
    asked = call.json()
    errors: list[Mapping[str, object]] = []
    data = None
    try:
        query = read(str(asked.get("query", "")), asked.get("variables") or {})
        with call.state.lock:
            data = _answer(query, _root(call, errors), query.operation)
    except QueryError as error:
        errors.append(error.error)
    return answer({"data": data} | ({"errors": errors} if errors else {}))


def _answer(query: GraphQuery, node: Node, selection: SelectionSetNode | None) -> dict[str, Any]:
    found = {}
    for field in query.fields(selection):
        if field.name not in node:
            kind = node["__typename"]
            raise QueryError(
                f"Field '{field.name}' doesn't exist on type '{kind}'",
                extensions={"code": "undefinedField", "typeName": kind, "fieldName": field.name},
            )
        value = node[field.name]
        if callable(value):
            value = value(**field.arguments)
        found[field.key] = _value(query, value, field.fields)
    return found


def _value(query: GraphQuery, value: Any, selection: SelectionSetNode | None) -> Any:  # noqa: ANN401 - JSON data
    if isinstance(value, Mapping):
        return _answer(query, value, selection)
    if isinstance(value, list):
        return [_value(query, item, selection) for item in value]
    return value


def _root(call: ApiCall, errors: list[Mapping[str, object]]) -> Node:
    def repository(owner: str, name: str, **_: object) -> Node | None:
        found = call.state.find(f"{owner}/{name}") or call.state.moved_repository(f"{owner}/{name}")
        if found is None or not call.may_see(found):
            message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            errors.append({"type": "NOT_FOUND", "path": ["repository"], "message": message})
            return None

        def readable(field: str) -> bool:
            if call.has("contents", "read", found):
                return True
            extensions = {"saml_failure": False}
            path = ["repository", field]
            errors.append({"type": "FORBIDDEN", "path": path, "extensions": extensions, "message": call.inaccessible})
            return False

        return _repository(call, found, readable)

    return {
        "__typename": "Query",
        "repository": repository,
        "viewer": lambda: {"__typename": "User", "login": call.person().actor.login},
        "__type": _type,
    }


def _type(name: str) -> Node | None:
    """Introspect, for gh asks which fields a release has before it asks for them."""
    if name != "Release":
        return None
    fields = [{"__typename": "__Field", "name": key} for key in _RELEASE_FIELDS]
    return {"__typename": "__Type", "name": name, "fields": lambda **_: fields}


def _repository(call: ApiCall, of: PlayedRepository, readable: Callable[[str], bool]) -> Node:
    """Return a repository; what is not ``readable`` is null, and told in the errors."""
    owner, name = of.full_name.split("/")

    def visible() -> list[PlayedRelease]:
        return [release for release in of.list_releases() if call.shows(of, release)]

    def release(tagName: str) -> Node | None:  # noqa: N803 - GraphQL's spelling
        if not readable("release"):
            return None
        found = [release for release in of.list_releases() if release.tag_name == tagName]
        found.sort(key=lambda one: one.draft)
        # A draft is there for whoever may push; to others it is as if there were none.
        return _release(of, found[0]) if found and call.reads(of, found[0]) else None

    def latest() -> Node | None:
        return _release(of, of.latest) if of.latest and readable("latestRelease") else None

    def ref(qualifiedName: str) -> Node | None:  # noqa: N803 - GraphQL's spelling
        target = of.refs.get(qualifiedName) if readable("ref") else None
        return _ref(qualifiedName, target.sha) if target else None

    def releases(first: int = 30, after: str | None = None, **order: Any) -> Node | None:  # noqa: ANN401 - an object
        if not readable("releases"):
            return None
        rising = (order.get("orderBy") or {}).get("direction") == "ASC"
        found = visible()
        return _connection([_release(of, one) for one in (found[::-1] if rising else found)], first, after)

    push = call.may("contents", "write", of)
    branch = of.refs.get(f"refs/heads/{of.default_branch}")
    return {
        "__typename": "Repository",
        "id": shapes.node("Repository", of.id),
        "databaseId": of.id,
        "name": name,
        "nameWithOwner": of.full_name,
        "owner": {"__typename": "Organization", "id": shapes.node("Organization", of.id), "login": owner},
        "url": f"{shapes.SITE}/{of.full_name}",
        "description": "",
        "isPrivate": of.private,
        "isFork": False,
        "isArchived": False,
        "parent": None,
        "hasIssuesEnabled": True,
        "hasWikiEnabled": False,
        "viewerPermission": "WRITE" if push else "READ",
        "defaultBranchRef": _ref(of.default_branch, branch.sha) if branch else None,
        "ref": ref,
        "release": release,
        "latestRelease": latest,
        "releases": releases,
    }


def _ref(name: str, sha: str) -> Node:
    return {
        "__typename": "Ref",
        "id": sha,
        "name": name.removeprefix("refs/tags/"),
        "target": {"__typename": "GitObject", "oid": sha},
    }


def _connection(nodes: list[Node], first: int, after: str | None) -> Node:
    start = int(after or 0)
    end = start + first
    return {
        "__typename": "ReleaseConnection",
        "nodes": nodes[start:end],
        "totalCount": len(nodes),
        "pageInfo": {"__typename": "PageInfo", "hasNextPage": end < len(nodes), "endCursor": str(end)},
    }


_RELEASE_FIELDS: dict[str, Callable[[PlayedRepository, PlayedRelease], Any]] = {
    "__typename": lambda *_: "Release",
    "id": lambda _, of: shapes.node("Release", of.id),
    "databaseId": lambda _, of: of.id,
    "name": lambda _, of: of.name,
    "tagName": lambda _, of: of.tag_name,
    "description": lambda _, of: of.body,
    "url": lambda within, of: shapes.release(within, of)["html_url"],
    "isDraft": lambda _, of: of.draft,
    "isPrerelease": lambda _, of: of.prerelease,
    "isLatest": lambda within, of: within.latest is of,
    "immutable": lambda _, of: of.immutable,
    "createdAt": lambda _, of: shapes.moment(of.created_at),
    "publishedAt": lambda _, of: shapes.moment(of.published_at),
    "author": lambda _, of: {"__typename": "User", "login": of.author.login},
    "releaseAssets": lambda within, of: (
        lambda first=30, after=None, **_: _connection([_asset(within, of, asset) for asset in of.assets], first, after)
    ),
}


def _release(within: PlayedRepository, of: PlayedRelease) -> Node:
    return {name: value(within, of) for name, value in _RELEASE_FIELDS.items()}


def _asset(within: PlayedRepository, release: PlayedRelease, of: PlayedAsset) -> Node:
    shape = shapes.asset(within, release, of)
    return {
        "__typename": "ReleaseAsset",
        "id": shape["node_id"],
        "name": of.name,
        "size": of.size,
        "contentType": of.content_type,
        "digest": shape["digest"],
        "downloadUrl": shape["browser_download_url"],
    }


TABLE: tuple[tuple[str, str, Endpoint], ...] = (("POST", "/graphql", graphql),)
