"""How types are declared: a class of annotations, with a docstring for the type and one below any field that
needs it.

    @output
    class Session(Node):
        \"""One place where somebody is logged in.\"""

        expires_at: datetime
        \"""When it ends by itself.\"""

The docstrings become the descriptions of the schema (PEP 257 calls those of fields attribute docstrings), so
that what clients read and what developers read is one text. Values come from rows (schema/rows.py): classes
declared `@output` are never instantiated.
"""

import ast
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from inspect import cleandoc, getdoc
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

__all__ = ["enumeration", "input_object", "interface", "output"]

Declared = TypeVar("Declared")
Enumeration = TypeVar("Enumeration", bound=StrEnum)


@dataclass_transform(kw_only_default=True)
def output(cls: type[Declared]) -> type[Declared]:
    """An object type."""
    return _documented(strawberry.type(cls, description=_description(cls)))


@dataclass_transform(kw_only_default=True)
def interface(cls: type[Declared]) -> type[Declared]:
    """An interface: the types that have it inherit from the class."""
    return _documented(strawberry.interface(cls, description=_description(cls)))


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def input_object(*, one_of: bool = False) -> Callable[[type[Declared]], type[Declared]]:
    """An input type; with `one_of`, exactly one of its fields must be given."""

    def declare(cls: type[Declared]) -> type[Declared]:
        return _documented(strawberry.input(cls, description=_description(cls), one_of=one_of))

    return declare


def enumeration(cls: type[Enumeration]) -> type[Enumeration]:
    """An enum. The value of each member is its name, which is also what rows hold."""
    declared = strawberry.enum(cls, description=_description(cls))
    definition: StrawberryEnumDefinition = declared.__strawberry_definition__  # type: ignore[attr-defined]
    documents = _attribute_docstrings(cls)
    for value in definition.values:
        value.description = documents.get(value.name)
    return declared


def _documented(cls: type[Declared]) -> type[Declared]:
    documents = _attribute_docstrings(cls)
    definition: Any = cls.__strawberry_definition__  # type: ignore[attr-defined]
    for field in definition.fields:
        if field.description is None and field.python_name in documents:
            field.description = documents[field.python_name]
    return cls


def _description(cls: type) -> str | None:
    return getdoc(cls) if "__doc__" in vars(cls) and cls.__doc__ else None


def _attribute_docstrings(cls: type) -> Mapping[str, str]:
    source = sys.modules[cls.__module__].__file__
    return _docstrings_of_module(source).get(cls.__qualname__, {}) if source else {}


@cache
def _docstrings_of_module(path: str) -> dict[str, dict[str, str]]:
    """Class → attribute → docstring, for the classes at the top of a module. Parsed once a module."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.name: _docstrings_of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _docstrings_of_class(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for statement, following in zip(node.body, node.body[1:], strict=False):
        match statement, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = cleandoc(text)
    return found
