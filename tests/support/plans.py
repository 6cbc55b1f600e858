"""The plan of one release, the widget's 1.2.3: who needs another takes this one with other facts."""

from __future__ import annotations

from tagseal.records import Identity, Plan

_TAG = "v1.2.3"

PLAN = Plan(
    tag=_TAG,
    commit="4f2c1e9" + "0" * 33,
    project="widget",
    version="1.2.3",
    prerelease=False,
    latest=True,
    identity=Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref=f"refs/tags/{_TAG}"),
    epoch=1,
    sdist="widget-1.2.3.tar.gz",
    wheel="widget-1.2.3-",
    assets=(),
    tools=("cosign", "gh", "sha256sum", "sigstore"),
    changelog="CHANGELOG.md",
    section="- A widget that turns.\n",
    published=(),
    irreversible=(),
)
