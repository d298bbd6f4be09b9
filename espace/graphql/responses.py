"""HTTP answers: the body, the headers that protect it, the session cookie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from graphql import GraphQLFormattedError
from starlette.responses import Response

from core.clock import now
from schema.context import CookieChange

PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def encode(payload: object) -> bytes:
    """JSON in UTF-8. Keys that are not strings are a defect."""
    return orjson.dumps(payload)


def answer(
    payload: object, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        encode(payload),
        status_code=status,
        headers={**PROTECTION, **(headers or {}), "Content-Type": f"{media_type}; charset=utf-8"},
    )


def refusal(
    errors: Sequence[GraphQLFormattedError],
    media_type: str,
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer without `data`: nothing was executed."""
    return answer({"errors": list(errors)}, media_type, status, headers)


def change_cookie(response: Response, name: str, change: CookieChange, *, secure: bool) -> None:
    """Set or delete the session cookie: out of reach of scripts, not sent along by other sites' forms."""
    if change.token is None:
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
        return
    lifetime = int((change.expires_at - now()).total_seconds()) if change.expires_at else None
    response.set_cookie(
        name, change.token, max_age=lifetime, path="/", secure=secure, httponly=True, samesite="lax"
    )
