"""Pages of lists that can grow (Relay cursor connections), and what everything with an id has in common."""

from typing import Generic, TypeVar

import strawberry

from schema.declare import interface, output

Item = TypeVar("Item")


@interface
class Node:
    """Something with a global id, to be read again with `node(id:)`."""

    id: strawberry.ID
    """Opaque. It stays the same for the life of the object."""


@output
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@output
class Edge(Generic[Item]):
    cursor: str
    node: Item


@output
class Connection(Generic[Item]):
    edges: list[Edge[Item]]
    nodes: list[Item]
    page_info: PageInfo
    total_count: int
