"""The values and aliases of one SQL statement in the making."""

from __future__ import annotations

from typing import Any


class Statement:
    """Numbers its values in the order in which they are bound."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._aliases = 0

    def bind(self, value: Any, type: str) -> str:
        """The place of a value in the statement, as PostgreSQL's `type`."""
        self.values.append(value)
        return f"${len(self.values)}::{type}"

    def alias(self, prefix: str) -> str:
        """A name for a table that no other part of the statement uses."""
        self._aliases += 1
        return f"{prefix}{self._aliases}"
