"""GraphiQL, in development:

the page that Strawberry ships. Its scripts come from unpkg.com, pinned by hash.
"""

from __future__ import annotations

from starlette.responses import HTMLResponse
from strawberry.http.ides import get_graphql_ide_html

from espace.graphql.door import CSRF_HEADER
from espace.graphql.responses import PROTECTION

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src https://unpkg.com 'unsafe-inline' 'unsafe-eval'",
        "style-src https://unpkg.com 'unsafe-inline'",
        "font-src https://unpkg.com data:",
        "img-src data:",
        "worker-src blob:",
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def graphiql() -> HTMLResponse:
    """The page, made to send the header that calls with the session cookie need."""
    html = get_graphql_ide_html("graphiql").replace(
        "const defaultHeaders = {};", f'const defaultHeaders = {{"{CSRF_HEADER}": "GraphiQL"}};'
    )
    return HTMLResponse(html, headers={**PROTECTION, "Content-Security-Policy": _POLICY})
