"""Rows: what resolvers return and the types of the schema read. A dict by snake_case field name, with
`__typename` where an interface or a union stands.
"""

from typing import Any

from graphql import GraphQLAbstractType, GraphQLResolveInfo, GraphQLSchema, is_abstract_type, is_object_type

Row = dict[str, Any]


def read(source: Any, name: str) -> Any:
    """The value of a field without arguments."""
    return source[name]


def type_of(row: Row, info: GraphQLResolveInfo[Any], abstract: GraphQLAbstractType) -> str:
    """Which type a row has, below an interface or a union."""
    name: str = row["__typename"]
    return name


def resolve_types_from_rows(schema: GraphQLSchema) -> None:
    """Every interface and union asks the row. Strawberry's own way asks each possible type in turn, by Python
    class.
    """
    for type_ in schema.type_map.values():
        if is_abstract_type(type_):
            type_.resolve_type = type_of
        elif is_object_type(type_):
            type_.is_type_of = None
