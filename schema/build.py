"""The schema, put together from its areas, and its text."""

from pathlib import Path

import strawberry
from graphql import GraphQLInputObjectType, GraphQLSchema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.tools import create_type

# Importing an area enters its root fields in ROOT_FIELDS.
from schema import (
    accounts,  # noqa: F401
    agent_passwords,  # noqa: F401
    captcha,  # noqa: F401
    data_exports,  # noqa: F401
    desk,  # noqa: F401
    identities,  # noqa: F401
    municipality,  # noqa: F401
    nodes,  # noqa: F401
    second_factors,  # noqa: F401
    sessions,  # noqa: F401
)
from schema.events import EVENT_TYPES
from schema.fields import ROOT_FIELDS, Operation
from schema.forms import FORM_FIELD_TYPES
from schema.rows import read, resolve_types_from_rows
from schema.scalars import JSON, SCALARS

__all__ = ["EXPORTED", "build_schema", "export"]

EXPORTED = Path(__file__).with_name("schema.graphql")


def build_schema() -> strawberry.Schema:
    """The executable schema. Resolvers are bound, nothing is opened."""
    built = strawberry.Schema(
        query=_root("query"),
        mutation=_root("mutation"),
        subscription=_root("subscription"),
        types=[*FORM_FIELD_TYPES, *EVENT_TYPES, JSON],
        config=StrawberryConfig(default_resolver=read, scalar_map=SCALARS),
    )
    resolve_types_from_rows(built._schema)
    _mark_one_of(built._schema)
    return built


def export() -> str:
    """The schema in GraphQL's own language, descriptions included, sorted as it is declared."""
    return print_schema(build_schema()._schema) + "\n"


def _mark_one_of(schema: GraphQLSchema) -> None:
    """Strawberry (0.341) checks `one_of` inputs itself, and tells neither graphql-core nor introspection of
    it.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            type_.is_one_of = definition is not None and definition.is_one_of


def _root(operation: Operation) -> type:
    fields = [root.field for root in ROOT_FIELDS if root.operation == operation]
    return create_type(operation.capitalize(), fields)
