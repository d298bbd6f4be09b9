"""Anything, by its global id."""

import strawberry

import resolvers.nodes
from schema.callers import EVERYONE
from schema.connections import Node
from schema.fields import Info, query, selection_of
from schema.rows import Row


@query(Node | None, callers=EVERYONE)
async def node(info: Info, id: strawberry.ID) -> Row | None:
    """Anything that has an id and that the caller may see. Null for an id that is unknown, malformed or not
    yours.
    """
    return await resolvers.nodes.node(info.context.actor, id=id, selection=selection_of(info))
