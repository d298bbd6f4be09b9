"""Operations that ask for all there is, to see that rows hold whatever the schema promises."""

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.utils.str_converters import to_camel_case

from schema.fields import RootField

VALUES = {
    "Boolean": "true",
    "Date": '"2026-12-01"',
    "DateTime": '"2026-12-01T09:00:00Z"',
    "Int": "1",
    "URL": '"https://partner.example/hook"',
    "Upload": "$upload",
}
REQUIRED_ARGUMENTS = dict.fromkeys(("slots", "figures"), '(from: "2026-12-01", to: "2026-12-31")')


def everything(schema: GraphQLSchema, type_: GraphQLNamedType, depth: int) -> str:
    """A selection of every field of a type, and of what is below, `depth` objects deep."""
    if not is_composite_type(type_):
        return ""
    if is_abstract_type(type_):
        return f"{{ __typename {_of_each(schema, type_, depth)} }}"
    assert isinstance(type_, GraphQLObjectType)
    return f"{{ __typename {' '.join(_fields(schema, type_, depth))} }}"


def _of_each(schema: GraphQLSchema, type_: GraphQLAbstractType, depth: int) -> str:
    """Under aliases, since fields of different types may not merge. A Node stands for anything: only its id."""
    if is_interface_type(type_) and type_.name == "Node":
        return "id"
    return " ".join(
        f"... on {member.name} {{ {' '.join(_fields(schema, member, depth, prefix=f'{member.name}_'))} }}"
        for member in schema.get_possible_types(type_)
    )


def _fields(schema: GraphQLSchema, type_: GraphQLObjectType, depth: int, prefix: str = "") -> list[str]:
    return [
        (f"{prefix}{name}: {name}" if prefix else name)
        + REQUIRED_ARGUMENTS.get(name, "")
        + everything(schema, get_named_type(field.type), depth - 1)
        for name, field in type_.fields.items()
        if depth > 1 or _is_leaf(field)
    ]


def _is_leaf(field: GraphQLField) -> bool:
    return not is_composite_type(get_named_type(field.type))


def smallest_operation(root: RootField, schema: GraphQLSchema) -> str:
    """An operation that calls a root field with as little as it takes, and values that name nothing."""
    type_ = schema.get_root_type(OperationType(root.operation))
    assert type_ is not None
    name = root.field.graphql_name or to_camel_case(root.name)
    field = type_.fields[name]
    selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    arguments = least(field)
    variables = "($upload: Upload!)" if "$upload" in arguments else ""
    return f"{root.operation} {variables} {{ {name}{arguments}{selection} }}"


def least(field: GraphQLField) -> str:
    """The arguments that a field cannot do without, with any value of their types."""
    given = [
        f"{name}: {_value(argument.type)}"
        for name, argument in field.args.items()
        if _is_needed(argument.type)
    ]
    return f"({', '.join(given)})" if given else ""


def _value(type_: GraphQLInputType) -> str:
    if is_non_null_type(type_):
        return _value(type_.of_type)
    if is_list_type(type_):
        return "[]"
    if isinstance(type_, GraphQLEnumType):
        return str(next(iter(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        fields = {name: field.type for name, field in type_.fields.items() if _is_needed(field.type)}
        fields = fields or dict([next((name, field.type) for name, field in reversed(type_.fields.items()))])
        return f"{{{', '.join(f'{name}: {_value(given)}' for name, given in fields.items())}}}"
    return VALUES.get(get_named_type(type_).name, '"nonsense"')


def _is_needed(type_: GraphQLInputType) -> bool:
    return is_non_null_type(type_)
