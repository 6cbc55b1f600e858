"""The forms of the commands that speak of a package index: what pip downloads there, and what it attests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.notes.forms import (
    ExpectedRelease,
    Form,
    ShellCall,
    Use,
    assets,
    from_index,
    index_options,
    same,
    some,
    wrong,
)
from tagseal.records import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.records import Index

PROVENANCE = ".provenance"
"""What the commands call a file's provenance from the index (PEP 740), behind the file's own name."""


def _index(call: ShellCall, expected: ExpectedRelease) -> Index:
    if expected.index is None:
        raise wrong(call, "index", "one", "none: the packages go to no index")
    return expected.index


def _pip(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    index = _index(call, expected)
    same(call, "flags", call.flags, "--no-deps")
    same(call, "--only-binary", call.values("--only-binary"), ":all:")
    same(call, "--dest", call.values("--dest"), from_index(index))
    same(call, "requirement", call.operands, expected.requirement)
    if tuple(got := call.values("--index-url")) != (expected_url := index_options(index)):
        raise wrong(call, "--index-url", " ".join(got), " ".join(expected_url) or "none: it is pip's own")
    return ()


def _provenance(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    index = _index(call, expected)
    name = "".join(call.values("--output")).removeprefix(f"{from_index(index)}/").removesuffix(PROVENANCE)
    same(call, "--output", call.values("--output"), f"{from_index(index)}/{name}{PROVENANCE}")
    assets(call, (name,), expected)
    same(call, "URL", call.operands, index.provenance(expected.project, expected.version, name))
    return ()


def _attested_names(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    index = _index(call, expected)
    files = some(call, assets(call, call.operands, expected))
    same(call, "file", files, files[0])
    same(call, "--repository", call.values("--repository"), expected.identity.repository_uri)
    same(
        call,
        "--provenance-file",
        call.values("--provenance-file"),
        f"{from_index(index)}/{files[0]}{PROVENANCE}",
    )
    return files


INDEX_FORMS = (
    Form(
        program=("curl", "--fail", "--location", "--create-dirs"),
        use=Use.download,
        phase=Phase.public,
        files=_provenance,
        options=frozenset({"--output"}),
    ),
    Form(
        program=("pip", "download"),
        use=Use.download,
        phase=Phase.public,
        files=_pip,
        flags=frozenset({"--no-deps"}),
        options=frozenset({"--only-binary", "--dest", "--index-url"}),
    ),
    Form(
        program=("pypi-attestations", "verify", "pypi"),
        use=Use.verify,
        phase=Phase.public,
        files=_attested_names,
        options=frozenset({"--repository", "--provenance-file"}),
    ),
)
