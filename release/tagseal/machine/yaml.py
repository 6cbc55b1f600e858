"""YAML of strangers, read with bounds: bytes become nodes, and every scalar is a text.

That is the failsafe schema of YAML 1.2: a key ``on`` stays ``on``, which YAML 1.1 would take for a truth value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import yaml

from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 512 * 1024
"""Bytes of a workflow file; GitHub takes no larger one."""
_NODES = 20_000
"""Keys and values, aliases followed: ten lines of aliases to aliases can stand for a billion."""
_DEEPEST = 100
"""Levels, aliases followed."""


class YamlProblem(StrEnum):
    """Why a document cannot be read."""

    encoding = "encoding"
    syntax = "syntax"
    size = "size"  # of the file, of what is in it, or of what its aliases stand for
    cycle = "cycle"  # an alias to what it stands in


class UnreadableYaml(ValueError):  # noqa: N818 - what is the matter; each reader makes its own finding or error of it
    """A document that no reader of this tool takes.

    Attributes:
        reason: One sentence without a full stop.
        fault: Which kind of reason it is.
        line: From 1.
        column: In characters, from 1.
    """

    def __init__(self, fault: YamlProblem, reason: str, line: int = 1, column: int = 1) -> None:
        """Keep the parts; ``str()`` gives the reason."""
        super().__init__(reason)
        self.fault, self.reason, self.line, self.column = fault, reason, line, column


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """One document."""

    top: yaml.Node | None
    """None where the file holds nothing but comments."""
    aliases: int
    """How many of its values are aliases."""

    def plain(self) -> Any:  # noqa: ANN401 - whatever the file says
        """Return the content as texts, lists and dictionaries; of a key that occurs twice, the last value.

        Raises:
            Unreadable: A key is no text.
        """
        return None if self.top is None else _plain(self.top)


def compose(data: bytes) -> YamlDocument:
    """Read one document: UTF-8, with or without a byte order mark.

    Raises:
        Unreadable: It is no YAML, or larger or deeper than any workflow.
    """
    if len(data) > LARGEST:
        raise UnreadableYaml(YamlProblem.size, f"got {len(data)} bytes, expected at most {LARGEST}")
    try:
        loader = _Loader(data.decode("utf-8-sig"))
        return YamlDocument(top=loader.get_single_node(), aliases=loader.aliases)
    except UnreadableYaml:
        raise
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableYaml(YamlProblem.encoding, "got bytes that are no UTF-8, expected UTF-8", line) from error
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        raise UnreadableYaml(YamlProblem.syntax, f"got no YAML: {show(str(error.problem))}", *place) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # of a number that is no character, or no number
        raise UnreadableYaml(YamlProblem.syntax, f"got no YAML: {show(str(error))}") from error
    except RecursionError as error:
        raise UnreadableYaml(YamlProblem.size, "got values that are nested too deeply") from error


@dataclass(frozen=True, slots=True)
class _Extent:
    """What an alias stands for."""

    nodes: int
    levels: int


class _Loader(yaml.BaseLoader):
    """Composes nodes, and stops at the first that is one too many: what follows is not even scanned."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.aliases = 0
        self._nodes = self._level = self._lowest = 0
        self._open: set[str] = set()
        """Anchors of the nodes that are being composed."""
        self._extents: dict[str, _Extent] = {}
        """By anchor."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self._open:
                raise UnreadableYaml(YamlProblem.cycle, "got an alias to what it stands in", *place)
            self.aliases += 1
            # Of an anchor that is not there, the library will say so.
            self._add(self._extents.get(event.anchor or "", _Extent(1, 1)), place)
            return super().compose_node(parent, index)
        anchor = event.anchor or ""  # no alias has an empty name
        nodes, lowest = self._nodes, self._lowest
        self._lowest = 0
        self._add(_Extent(1, 1), place)
        self._level += 1
        self._open.add(anchor)
        node = super().compose_node(parent, index)
        self._level -= 1
        self._open.discard(anchor)
        self._extents[anchor] = _Extent(self._nodes - nodes, self._lowest - self._level)
        self._lowest = max(lowest, self._lowest)
        if isinstance(node, yaml.ScalarNode) and not _is_text(node.value):
            raise UnreadableYaml(YamlProblem.syntax, f"got {show(node.value)}, expected a text", *place)
        return node

    def _add(self, extent: _Extent, place: tuple[int, int]) -> None:
        self._nodes += extent.nodes
        self._lowest = max(self._lowest, self._level + extent.levels)
        if self._nodes > _NODES:
            raise UnreadableYaml(YamlProblem.size, f"got more than {_NODES} keys and values, expected fewer", *place)
        if self._lowest > _DEEPEST:
            raise UnreadableYaml(YamlProblem.size, f"got more than {_DEEPEST} levels, expected fewer", *place)


def _is_text(value: str) -> bool:
    r"""Tell whether a file, a variable and an argument can hold it: escapes (``"\0"``, ``"\ud800"``) make others."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _plain(node: yaml.Node) -> Any:  # noqa: ANN401 - whatever the file says
    if isinstance(node, yaml.MappingNode):
        return dict(_entries(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return str(node.value)


def _entries(node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise UnreadableYaml(
                YamlProblem.syntax, "got a key that is no text, expected a text", *_place(key.start_mark)
            )
        yield str(key.value), _plain(value)


def _place(mark: Any) -> tuple[int, int]:  # noqa: ANN401 - the library's own, without types
    """Return line and column, from 1."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
