"""What partner systems ask of us and tell us over HTTP: docs/partners.md.

GET  /.well-known/jwks.json         the keys that what we sign is verified with
POST /partners/{slug}/events        a Standard Webhook: a link has ended at the partner
"""

from __future__ import annotations

import hashlib
from typing import Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import UnavailableError
from core.settings import get_settings
from core.signing_keys import public_keys
from core.webhook_signatures import is_signed
from espace.file_headers import is_among
from resolvers.partner_links import hear_of_end

MOST_BYTES = 16 * 1024

KEYS_HEADERS = {
    # An hour: keys change by quarters, and each is told a quarter before it signs.
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Content-Type": "application/jwk-set+json",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}


class _Ended(BaseModel):
    link: UUID
    state: Literal["EXPIRED", "REVOKED"]


class _LinkEnded(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["link.ended"]
    data: _Ended


async def show_keys(request: Request) -> Response:
    """The JSON Web Key Set; 304 to who has it as it is."""
    body = orjson.dumps(public_keys())
    digest = hashlib.sha256(body).hexdigest()[:32]
    headers = {**KEYS_HEADERS, "ETag": f'"{digest}"'}
    if is_among(digest, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)


async def hear_event(request: Request) -> Response:
    """204 once it is done, and for what is no concern of ours; anything else is to be told again."""
    slug: str = request.path_params["slug"]
    secret = get_settings().partner_secrets.get(slug)
    body = await _body(request)
    if body is None:
        return Response(status_code=413)
    if secret is None or not is_signed(secret.get_secret_value(), request.headers, body):
        return Response(status_code=401)
    try:
        event = _LinkEnded.model_validate_json(body)
    except ValidationError:
        # Told by a partner that is newer than we are, perhaps: again would be no better.
        return Response(status_code=400)
    try:
        await hear_of_end(slug, event.data.link, event.data.state)
    except UnavailableError:
        return Response(status_code=503, headers={"Retry-After": "5"})
    return Response(status_code=204)


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


routes = [
    Route("/.well-known/jwks.json", show_keys),
    Route("/partners/{slug}/events", hear_event, methods=["POST"]),
]
