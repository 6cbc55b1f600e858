"""Read a GraphQL query (specification of October 2021, section 2): the fields asked for, fragments spread out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, GraphQLError, InlineFragmentNode, parse
from graphql.language import OperationDefinitionNode
from graphql.utilities import value_from_ast_untyped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import SelectionSetNode

_MOST_TOKENS = 10_000


class QueryError(Exception):
    """The query cannot be read, or asks for what is not there; ``error`` is what the service says."""

    def __init__(self, message: str, **more: object) -> None:
        """Keep the message and further members of the error."""
        super().__init__(message)
        self.error = {**more, "message": message}


@dataclass(frozen=True, slots=True)
class SelectedField:
    """One field that is asked for."""

    key: str
    """What the answer calls it: the alias, or the name."""
    name: str
    arguments: dict[str, Any]
    fields: SelectionSetNode | None


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """A whole document: one operation, its fragments, and the values of its variables."""

    operation: SelectionSetNode
    fragments: Mapping[str, SelectionSetNode]
    variables: Mapping[str, Any]

    def fields(self, selection: SelectionSetNode | None, within: tuple[str, ...] = ()) -> Iterator[SelectedField]:
        """Yield the fields of a selection, with fragments spread out.

        Raises:
            QueryError: A fragment is not there, or spreads itself.
        """
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                name = node.name.value
                arguments = {one.name.value: self._value(one.value) for one in node.arguments or ()}
                yield SelectedField(node.alias.value if node.alias else name, name, arguments, node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in self.fragments or name in within:
                    raise QueryError(f"Fragment {name} was used, but not defined")
                yield from self.fields(self.fragments[name], (*within, name))
            elif isinstance(node, InlineFragmentNode):
                yield from self.fields(node.selection_set, within)

    def _value(self, node: Any) -> Any:  # noqa: ANN401 - JSON data
        return value_from_ast_untyped(node, dict(self.variables))


def read(text: str, variables: Mapping[str, Any]) -> GraphQuery:
    """Read a document.

    Raises:
        QueryError: It is not a query, or has no end.
    """
    try:
        definitions = parse(text, no_location=True, max_tokens=_MOST_TOKENS).definitions
    except GraphQLError as error:
        raise QueryError(f"Parse error: {error.message}") from error
    operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1:
        raise QueryError(f"Parse error: got {len(operations)} operations, expected one")
    fragments = {
        node.name.value: node.selection_set for node in definitions if isinstance(node, FragmentDefinitionNode)
    }
    return GraphQuery(operations[0].selection_set, fragments, variables)
