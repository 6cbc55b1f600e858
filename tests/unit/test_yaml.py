"""Workflow files of strangers: whatever is in one, reading it ends, in nodes or in a reason with a place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tagseal.machine.yaml import LARGEST, UnreadableYaml, YamlProblem, compose
from tagseal.workflow import signing
from tagseal.workflow.document import parse

if TYPE_CHECKING:
    from pathlib import Path

HALF = LARGEST // 2

# PyYAML itself reads some of these for minutes, and leaves others with an error that is none of its own.
BAD = {
    "flow list": (b"a: [" + b"a," * (HALF - 4), YamlProblem.size),
    "flow list of mappings": (b"a: [" + b"{}," * (LARGEST // 3 - 2), YamlProblem.size),
    "flow lists in flow lists": (b"[" * LARGEST, YamlProblem.size),
    "mappings in mappings": (b"a: " + b"{a: " * (LARGEST // 4 - 1), YamlProblem.size),
    "lists in lists": (b"- " * HALF, YamlProblem.size),
    "keys of keys": (b"? " * HALF, YamlProblem.size),
    "keys": (b"\n".join(b"k%d: v" % number for number in range(20_000)), YamlProblem.size),
    "aliases": (b"a: &a x\nb: [" + b"*a," * (LARGEST // 3 - 5), YamlProblem.size),
    "bytes": (b"#" * (LARGEST + 1), YamlProblem.size),
    "character beyond Unicode": (b'on: "\\U00110000"', YamlProblem.syntax),
    "character beyond 31 bits": (b'on: "\\UFFFFFFFF"', YamlProblem.syntax),
    "half a character": (b'on: "\\ud800"', YamlProblem.syntax),
    "character that ends strings": (b'on: "\\0"', YamlProblem.syntax),
    "version of six thousand digits": (b"%YAML 1." + b"1" * 6000 + b"\n--- a", YamlProblem.syntax),
    "two documents": (b"a\n--- b", YamlProblem.syntax),
    "tab": (b"on:\tpush\n\tjobs", YamlProblem.syntax),
    "latin-1": ("on: pushé".encode("latin-1"), YamlProblem.encoding),
    "alias to what it stands in": (b"a: &a [*a]", YamlProblem.cycle),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_error(name: str) -> None:
    """Whatever makes a file unreadable, the reader raises one error, with the kind of fault and a place."""
    data, fault = BAD[name]
    with pytest.raises(UnreadableYaml) as caught:
        compose(data)
    assert (caught.value.fault, caught.value.line >= 1, caught.value.column >= 1) == (fault, True, True)


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_a_finding(name: str, tmp_path: Path) -> None:
    """The doctor says why such a file is none, in one finding; whoever needs no reason reads it as empty."""
    data, _ = BAD[name]
    (finding,) = parse(data, "release.yml").problems
    (tmp_path / "release.yml").write_bytes(data)
    assert (finding.level, signing.document(tmp_path / "release.yml")) == ("error", {})


def nested(levels: int) -> bytes:
    """Return so many levels, the innermost a text."""
    return b"[" * (levels - 1) + b"a" + b"]" * (levels - 1)


def test_levels_are_counted_through_aliases() -> None:
    """A document may be a hundred levels deep, and an alias has as many as what it stands for."""
    assert compose(nested(100)).top is not None
    with pytest.raises(UnreadableYaml, match="more than 100 levels"):
        compose(nested(101))
    below = b"- &a " + nested(60) + b"\n- "
    assert compose(below + b"[" * 39 + b"*a" + b"]" * 39).aliases == 1
    with pytest.raises(UnreadableYaml, match="more than 100 levels"):
        compose(below + b"[" * 40 + b"*a" + b"]" * 40)


def test_values_are_counted_through_aliases() -> None:
    """A document may have twenty thousand keys and values, and an alias counts as what it stands for."""
    thousand = b"- &a [" + b"x," * 999 + b"]\n"
    assert compose(thousand + b"- *a\n" * 18).aliases == 18
    with pytest.raises(UnreadableYaml, match="more than 20000 keys and values"):
        compose(thousand + b"- *a\n" * 19)


def test_every_scalar_is_a_text() -> None:
    """Nothing is taken for a truth value, a number or nothing; an alias is what it stands for."""
    found = compose(b"on: yes\n1: ~\na: &x [0x10]\nb: *x\nb: no\n").plain()
    assert found == {"on": "yes", "1": "~", "a": ["0x10"], "b": "no"}


def test_a_key_that_is_no_text_is_unreadable() -> None:
    """A list as a key is no content."""
    with pytest.raises(UnreadableYaml, match="a key that is no text"):
        compose(b"? [a]\n: b\n").plain()


@pytest.mark.parametrize("kind", ["pipe", "folder", "nothing", "link"])
def test_only_a_regular_file_is_read(kind: str, tmp_path: Path) -> None:
    """A pipe is not waited for, and no link is followed: the lenient reader finds nothing."""
    path = tmp_path / "release.yml"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link":
            (tmp_path / "real.yml").write_text("on: push\n")
            path.symlink_to("real.yml")
    assert signing.document(path) == {}


@pytest.mark.parametrize("text", ["[[push]]", "[{push: x}]", "{}", "3", "[]", "[[[]]]"])
def test_events_of_any_form_are_read(text: str, tmp_path: Path) -> None:
    """What is no event in `on` starts nothing, and ends nothing."""
    (tmp_path / "release.yml").write_text(f"on: {text}\n")
    starts = signing.starts(signing.document(tmp_path / "release.yml"))
    assert (starts.tags, starts.branches, starts.callable) == (False, False, False)
