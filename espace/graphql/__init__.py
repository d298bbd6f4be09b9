"""GraphQL over HTTP, server-sent events and WebSocket:

`graphql_app` makes the one ASGI application of all three.
"""

from espace.graphql.view import GraphQLView, graphql_app

__all__ = ["GraphQLView", "graphql_app"]
