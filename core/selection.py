"""What a caller asked of one object, as plain values: names, arguments, and the same again one level down.

Resolvers read it to fetch just that, in one statement. It knows nothing of GraphQL: whoever executes operations
makes one (schema/selection.py does), and resolvers never see the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


def argument_key(name: str, arguments: Mapping[str, Any]) -> str:
    """Where a row keeps the value of a field that takes arguments: one key for each set of arguments asked for."""
    given = {k: v for k, v in arguments.items() if v is not None}
    if not given:
        return name
    return f"{name} {json.dumps(given, sort_keys=True, separators=(',', ':'), default=str)}"


@dataclass(frozen=True)
class SelectedField:
    """One field asked for. `name` is in snake_case; arguments that were left out or null are absent."""

    name: str
    arguments: Mapping[str, Any]
    selection: Selection

    @cached_property
    def key(self) -> str:
        return argument_key(self.name, self.arguments)


@dataclass(frozen=True)
class Selection:
    """The fields asked of one object. The same field with the same arguments appears once, its children merged."""

    fields: tuple[SelectedField, ...] = field(default=())

    @classmethod
    def of(cls, *names: str, **nested: Selection) -> Selection:
        """A selection written by hand, for resolvers that read what they need themselves, and for tests."""
        plain = [SelectedField(name, {}, cls()) for name in names]
        deep = [SelectedField(name, {}, selection) for name, selection in nested.items()]
        return cls.merged([*plain, *deep])

    @classmethod
    def merged(cls, fields: Iterable[SelectedField]) -> Selection:
        by_key: dict[str, SelectedField] = {}
        for one in fields:
            known = by_key.get(one.key)
            if known is None:
                by_key[one.key] = one
            elif one.selection.fields:
                both = cls.merged([*known.selection.fields, *one.selection.fields])
                by_key[one.key] = SelectedField(one.name, one.arguments, both)
        return cls(tuple(by_key.values()))

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(f.name for f in self.fields)

    def all(self, name: str) -> list[SelectedField]:
        """Each use of a field that takes arguments."""
        return [f for f in self.fields if f.name == name]

    def get(self, name: str) -> Selection:
        """What was asked below a field, over all its uses; empty where it was not asked."""
        children = [child for f in self.all(name) for child in f.selection.fields]
        return Selection.merged(children)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[SelectedField]:
        return iter(self.fields)

    def __bool__(self) -> bool:
        return bool(self.fields)
