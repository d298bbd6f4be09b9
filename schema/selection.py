"""What was asked below a field, as resolvers read it (core/selection.py), and arguments as they read them.

Fragments and type conditions are flattened: below an interface or a union the selection holds the fields of
every type that was named. `@skip` and `@include` are applied, `__typename` is left out, aliases are
forgotten: what is told apart is arguments, with the schema's defaults for what was left out or null.

Each combination of selection sets is read once, so a document whose fragments double themselves costs what it
weighs.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.types.nodes import get_variable_values

from core.errors import MalformedError
from core.i18n import Text
from core.selection import SelectedField, Selection
from resolvers.reading.pages import PAGE_LIMIT

__all__ = ["arguments_of", "narrow", "selection_below", "snake_case"]

_PAGE_OUT_OF_BOUNDS = Text(
    fr="L’argument {argument} doit être compris entre 0 et {limit} ; {found} ne l’est pas.",
    en="The argument {argument} must be between 0 and {limit}; {found} is not.",
)

_Asked = tuple[tuple[GraphQLNamedType, SelectionSetNode], ...]


def selection_below(info: GraphQLResolveInfo[Any]) -> Selection:
    """What is asked of the value of the current field. Raises MalformedError for a page out of bounds."""
    returned = get_named_type(info.return_type)
    asked = tuple((returned, node.selection_set) for node in info.field_nodes if node.selection_set)
    return _Reader(info).read(asked)


def arguments_of(info: GraphQLResolveInfo[Any]) -> dict[str, Any]:
    """The arguments of the current field, under the names and with the values that a selection gives them."""
    field = info.parent_type.fields[info.field_name]
    return _arguments(field, info.field_nodes[0], _variables(info))


@cache
def snake_case(name: str) -> str:
    """The name of a row's key for a field or an argument of the schema."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def narrow(value: Any) -> Any:
    """A value of the schema as plain data: dicts without what was left out or null, text for enums."""
    if dataclasses.is_dataclass(value) and hasattr(type(value), "__strawberry_definition__"):
        given = {field.name.rstrip("_"): getattr(value, field.name) for field in dataclasses.fields(value)}
    elif isinstance(value, Mapping):
        given = {snake_case(name): item for name, item in value.items()}
    elif isinstance(value, list | tuple):
        return [narrow(item) for item in value]
    else:
        return value.value if isinstance(value, Enum) else value
    return {name: narrow(item) for name, item in given.items() if not _is_absent(item)}


def _is_absent(value: Any) -> bool:
    return value is None or value is strawberry.UNSET or value is Undefined


class _Reader:
    def __init__(self, info: GraphQLResolveInfo[Any]) -> None:
        self._types = info.schema.type_map
        self._fragments = info.fragments
        self._variables = _variables(info)
        self._known: dict[frozenset[int], Selection] = {}

    def read(self, asked: _Asked) -> Selection:
        key = frozenset(id(selections) for _, selections in asked)
        if key not in self._known:
            self._known[key] = self._merged(asked)
        return self._known[key]

    def _merged(self, asked: _Asked) -> Selection:
        fields: dict[str, SelectedField] = {}
        below: dict[str, dict[int, tuple[GraphQLNamedType, SelectionSetNode]]] = {}
        for field, node in self._fields(asked):
            one = SelectedField(
                snake_case(node.name.value), _arguments(field, node, self._variables), Selection()
            )
            fields.setdefault(one.key, one)
            if node.selection_set:
                returned = get_named_type(field.type)
                below.setdefault(one.key, {})[id(node.selection_set)] = (returned, node.selection_set)
        return Selection(
            tuple(
                dataclasses.replace(one, selection=self.read(tuple(below[key].values())))
                if key in below
                else one
                for key, one in fields.items()
            )
        )

    def _fields(self, asked: _Asked) -> Iterator[tuple[GraphQLField, FieldNode]]:
        """Every field of some selection sets; each fragment once."""
        spread: set[str] = set()
        pending = list(reversed(asked))
        while pending:
            parent, selections = pending.pop()
            for node in selections.selections:
                if self._left_out(node):
                    continue
                if isinstance(node, FieldNode):
                    if not node.name.value.startswith("__") and isinstance(
                        parent, GraphQLObjectType | GraphQLInterfaceType
                    ):
                        yield parent.fields[node.name.value], node
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    narrowed = self._types[condition.name.value] if condition else parent
                    pending.append((narrowed, node.selection_set))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    pending.append((self._types[fragment.type_condition.name.value], fragment.selection_set))

    def _left_out(self, node: SelectionNode) -> bool:
        if not node.directives:
            return False
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return (skip is not None and skip["if"]) or (include is not None and not include["if"])


def _variables(info: GraphQLResolveInfo[Any]) -> VariableValues:
    return VariableValues({}, get_variable_values(info))


def _arguments(field: GraphQLField, node: FieldNode, variables: VariableValues) -> dict[str, Any]:
    if not field.args:
        return {}
    given = get_argument_values(field, node, variables)
    arguments: dict[str, Any] = narrow(
        {
            name: coerce_default_value(field.args[name]) if value is None else value
            for name, value in given.items()
        }
    )
    for name in ("first", "last"):
        found = arguments.get(name, 0)
        if not 0 <= found <= PAGE_LIMIT:
            raise MalformedError(_PAGE_OUT_OF_BOUNDS.format(argument=name, limit=PAGE_LIMIT, found=found))
    return arguments
