"""The exported schema is the schema, and says what everything is."""

from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema

from schema import build
from schema.selection import snake_case


def test_exported_schema_is_not_stale() -> None:
    assert build.EXPORTED.read_text(encoding="utf-8") == build.export(), "run: python -m espace schema"


def test_export_is_a_whole_schema() -> None:
    exported = build_schema(build.export())

    assert "input AnswerValue @oneOf {" in build.export()
    assert exported.query_type is not None
    assert all(field.description for field in exported.query_type.fields.values())


def test_rows_hold_fields_under_the_names_that_selections_give_them() -> None:
    built = build.build_schema()._schema
    named = {
        f"{type_.name}.{name}": (snake_case(name), field.extensions["strawberry-definition"].python_name)
        for type_ in built.type_map.values()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
    }

    assert len(named) > 400
    assert {place: names for place, names in named.items() if names[0] != names[1]} == {}
