"""YAML with places: every value knows its line. Scalars are strings, as YAML 1.2 has them without a schema.

GitHub reads aliases since 2025 and no merge keys ("YAML anchors", GitHub's changelog of September 2025), and takes no
key twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tagseal.machine.yaml import UnreadableYaml, YamlProblem, compose
from tagseal.names import show
from tagseal.workflow.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.workflow.finding import Level

_LINE = 500
"""Characters of a line that are searched: expressions with gaps take the square of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedValue:
    """A value, and where it stands: at its key, where it has one."""

    value: str | Mapping[str, PlacedValue] | tuple[PlacedValue, ...]
    line: int
    """From 1."""
    column: int
    """In characters, from 1."""
    first: int
    """Line of the first line of a text, from 1."""

    @property
    def text(self) -> str:
        """The value where it is a text, else nothing."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def entries(self) -> Mapping[str, PlacedValue]:
        """The entries of a mapping; of another value, none."""
        return {} if isinstance(self.value, str | tuple) else self.value

    @property
    def items(self) -> tuple[PlacedValue, ...]:
        """The items of a list; of another value, none."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def words(self) -> tuple[str, ...]:
        """The texts of a list; one text is a list of it."""
        return (
            tuple(item.text for item in self.items) if isinstance(self.value, tuple) else (self.text,) * bool(self.text)
        )

    def plain(self) -> Any:  # noqa: ANN401 - whatever the file says
        """Return the value without places."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, tuple):
            return [one.plain() for one in self.value]
        return {key: one.plain() for key, one in self.value.items()}

    def get(self, key: str) -> PlacedValue | None:
        """Return an entry, where there is one."""
        return self.entries.get(key)

    def below(self, key: str) -> Mapping[str, PlacedValue]:
        """Return the entries of an entry; none where it is not there, or no mapping."""
        found = self.get(key)
        return found.entries if found else {}

    def say(self, *path: str) -> str:
        """Return the text at this path, or nothing."""
        place: PlacedValue | None = self
        for key in path:
            place = place.get(key) if place else None
        return place.text if place else ""

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines of a text, cut where nobody reads on, each with its number in the file."""
        yield from enumerate((line[:_LINE] for line in self.text.splitlines()), self.first)

    def walk(self) -> Iterator[tuple[str, PlacedValue]]:
        """Yield every text below, each with its key (of a list's item: nothing)."""
        children = self.entries.items() if self.entries else (("", item) for item in self.items)
        for key, one in children:
            if isinstance(one.value, str):
                yield key, one
            else:
                yield from one.walk()


def tree(data: bytes, file: str) -> tuple[PlacedValue | None, tuple[Finding, ...]]:
    """Return what a file says, or None, and what is wrong with it as YAML.

    Args:
        data: The file, UTF-8 with or without a byte order mark.
        file: Its path, for the findings.
    """
    reader = _GraphReader(file=file)
    try:
        node = compose(data).top
    except UnreadableYaml as error:
        slug, hint = _FAULTS[error.fault]
        reader.find(slug, (error.line, error.column), error.reason, hint)
        return None, tuple(reader.found)
    if node is None:
        reader.find("workflow-empty", (1, 1), "got an empty file, expected a workflow", _WRITE)
        return None, tuple(reader.found)
    top = reader.field(node, None, again=False)
    return top, tuple(reader.found)


_SMALLER = "Write the workflow shorter; long scripts belong in files of the repository."
_WRITE = "Write the workflow, or delete the file."
_SAVE = "Save the file as UTF-8."
_CORRECT = "Correct the file at that place."
_ALIAS = "Write the value out: older readers of workflows refuse aliases, and a person must look for what one means."
_TWICE = "Keep one of the two: GitHub refuses the file."
_MERGE = "Write the keys out: GitHub reads aliases, but no merge keys."
_CYCLE = "Write the value out: it contains itself."
_FAULTS = {
    YamlProblem.size: ("workflow-too-large", _SMALLER),
    YamlProblem.encoding: ("workflow-not-yaml", _SAVE),
    YamlProblem.syntax: ("workflow-not-yaml", _CORRECT),
    YamlProblem.cycle: ("workflow-alias-cycle", _CYCLE),
}


@dataclass(slots=True, kw_only=True)
class _GraphReader:
    """Walks the graph of nodes once, and collects what is wrong."""

    file: str
    found: list[Finding] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def find(self, slug: str, at: tuple[int, int], what: str, hint: str, level: Level = "error") -> None:
        """Keep a finding; it stands at this line and column."""
        line, column = at
        self.found.append(
            Finding(slug=slug, level=level, file=self.file, line=line, column=column, what=what, hint=hint)
        )

    def field(self, node: yaml.Node, key: yaml.Node | None, *, again: bool) -> PlacedValue:
        """Return a node and all below it; what lies below an alias is told once."""
        mark = (key or node).start_mark
        line, column = mark.line + 1, mark.column + 1
        alias = id(node) in self._seen
        if alias and not again:
            self.find("workflow-alias", (line, column), "got an alias", _ALIAS, "warning")
        self._seen.add(id(node))
        return PlacedValue(
            value=self._value(node, again=again or alias),
            line=line,
            column=column,
            first=node.start_mark.line + (2 if getattr(node, "style", None) in {"|", ">"} else 1),
        )

    def _value(self, node: yaml.Node, *, again: bool) -> str | dict[str, PlacedValue] | tuple[PlacedValue, ...]:
        if isinstance(node, yaml.MappingNode):
            return self._entries(node, again=again)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.field(item, None, again=again) for item in node.value)
        return str(node.value)

    def _entries(self, node: yaml.MappingNode, *, again: bool) -> dict[str, PlacedValue]:
        entries: dict[str, PlacedValue] = {}
        for key, value in node.value:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in entries:
                self.find("workflow-key-twice", (line, column), f"got the key {show(name)} a second time", _TWICE)
            elif name == "<<":
                self.find("workflow-merge-key", (line, column), "got a merge key", _MERGE)
            elif not isinstance(key, yaml.ScalarNode):
                self.find("workflow-not-yaml", (line, column), "got a key that is no text", _CORRECT)
            else:
                entries[name] = self.field(value, key, again=again)
        return entries
