"""Documents made of the schema, and what comes back taken apart: field by field, object by object."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_interface_type,
)

from core.clock import now

Observed = tuple[str, str, bool]
"""A type, a field of it, and whether there was a value: something other than null and the empty list."""

PASSED_OVER = ("Connection", "Edge")
"""Types that lead from an object to those that it has, and are not counted as a step on the way."""


def all_arguments() -> Mapping[str, tuple[str, ...]]:
    """With which arguments a field is asked, so that all that it may show is seen; those not named here take none."""
    first, last = (now() - timedelta(days=1)).date(), (now() + timedelta(days=40)).date()
    return {
        "Schedule.slots": (f'(from: "{first}", to: "{last}", full: true)',),
        "Account.requests": ("(archived: false, first: 100)", "(archived: true, first: 100)"),
        "Desk.requests": ("(first: 100)",),
        "Desk.figures": (f'(from: "{first}", to: "{last}")',),
        "Partner.changes": ("(first: 100)",),
    }


class Documents:
    """Selections of all there is in a schema."""

    def __init__(self, schema: GraphQLSchema, without: Collection[str] = ()) -> None:
        """`without` are fields (`Type.name`) that are left out."""
        self.schema = schema
        self.without = frozenset(without)
        self.arguments = all_arguments()

    def all_of(self, type_: GraphQLNamedType, depth: int, above: frozenset[str] = frozenset()) -> str:
        """Every field of a type and of what is below, `depth` objects deep. An object of a type that it lies in is only
        named: it is read for itself elsewhere."""
        if not is_composite_type(type_):
            return ""
        if is_interface_type(type_) and type_.name == "Node":
            return "{ __typename id }"
        if is_abstract_type(type_):
            members = (
                f"... on {member.name} {{ {self._fields(member, depth, above, f'{member.name}__')} }}"
                for member in self.schema.get_possible_types(type_)
            )
            return f"{{ __typename {' '.join(members)} }}"
        assert isinstance(type_, GraphQLObjectType)
        return f"{{ __typename {self._fields(type_, depth, above)} }}"

    def _fields(self, type_: GraphQLObjectType, depth: int, above: frozenset[str], prefix: str = "") -> str:
        inside = above | {type_.name}
        asked = (
            f"{prefix}{name}__{number}: {name}{arguments} {below}"
            for name, field in type_.fields.items()
            if f"{type_.name}.{name}" not in self.without
            and (below := self._below(field, depth, inside)) is not None
            for number, arguments in enumerate(self.arguments.get(f"{type_.name}.{name}", ("",)))
        )
        return " ".join(asked)

    def _below(self, field: GraphQLField, depth: int, above: frozenset[str]) -> str | None:
        type_ = get_named_type(field.type)
        if not is_composite_type(type_):
            return ""
        if type_.name in above:
            return "{ __typename id }" if self._has_id(type_) else None
        if type_.name.endswith(PASSED_OVER):
            return self.all_of(type_, depth, above)
        return self.all_of(type_, depth - 1, above) if depth > 1 else None

    def _has_id(self, type_: GraphQLNamedType) -> bool:
        return isinstance(type_, GraphQLObjectType) and "id" in type_.fields


def take_apart(value: Any) -> Iterator[Observed]:
    """Every field of every object of an answer to a document of `Documents`."""
    if isinstance(value, list):
        for member in value:
            yield from take_apart(member)
    elif isinstance(value, dict):
        typename = value.get("__typename")
        for key, member in value.items():
            if typename and "__" in key and key != "__typename":
                name = key.removeprefix(f"{typename}__").partition("__")[0]
                yield typename, name, member is not None and member != []
            yield from take_apart(member)
