"""`/links/{reference}`: the mairie links one of its citizens to a family, asks about the link, and ends it.

The mairie chooses the reference, so that it can end a link of which it never heard the end. Whatever it repeats has the
same effect as once; what was ended stays ended, also where the question that would have made it comes late.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from espace_famille.families import Family, TooManyTriesError, find_family
from espace_famille.settings import Settings
from espace_famille.store import Store

MOST_BYTES = 16 * 1024

UNAUTHORIZED = JSONResponse({"error": "UNAUTHORIZED"}, 401, {"WWW-Authenticate": "Bearer"})


async def serve_link(request: Request) -> Response:
    """PUT and DELETE with the secret of the mairie, GET with the token of the link."""
    try:
        reference = str(UUID(request.path_params["reference"]))
    except ValueError:
        return JSONResponse({"error": "MALFORMED"}, 400)
    store: Store = request.app.state.store
    bearer = _bearer(request)
    if request.method == "GET":
        return await run_in_threadpool(_look, store, reference, bearer)
    settings: Settings = request.app.state.settings
    if not hmac.compare_digest(bearer.encode(), settings.secret.encode()):
        return UNAUTHORIZED
    if request.method == "DELETE":
        await run_in_threadpool(_end, store, reference)
        return Response(status_code=204)
    asked = _read(await _body(request))
    if asked is None:
        return JSONResponse({"error": "MALFORMED"}, 400)
    return await run_in_threadpool(_make, store, reference, asked)


def _make(store: Store, reference: str, asked: dict[str, str]) -> Response:
    try:
        family = find_family(store, asked["code"].strip(), asked["password"])
    except TooManyTriesError as error:
        return JSONResponse({"error": "TOO_MANY_TRIES"}, 429, {"Retry-After": str(error.seconds)})
    if family is None:
        return JSONResponse({"error": "WRONG_CREDENTIALS"}, 403)
    token = secrets.token_urlsafe(32)
    if not _keep(store, reference, family, asked["subject"], token):
        return JSONResponse({"error": "ENDED"}, 409)
    return JSONResponse({"token": token, "label": family.name, "expiresAt": None}, 201)


def _keep(store: Store, reference: str, family: Family, subject: str, token: str) -> bool:
    """False where the link was ended before. Asked again, it is the same link with another token."""
    with store.transaction() as work:
        kept = work.execute(
            "INSERT INTO link (reference, family_id, subject, token_digest, made_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (reference) DO UPDATE "
            "SET token_digest = excluded.token_digest, family_id = excluded.family_id "
            "WHERE ended_at IS NULL AND subject = excluded.subject",
            (reference, family.id, subject, token_digest(token), time.time()),
        )
        return kept.rowcount == 1


def _look(store: Store, reference: str, token: str) -> Response:
    """What we do not know has ended, too: then the mairie asks its citizen for code and password again."""
    with store.transaction() as work:
        row = work.execute(
            "SELECT l.token_digest, l.ended_as, f.name FROM link l LEFT JOIN family f ON f.id = l.family_id "
            "WHERE l.reference = ?",
            (reference,),
        ).fetchone()
    if row is None or row["ended_as"]:
        return JSONResponse({"state": row["ended_as"] if row else "REVOKED"}, 410)
    if not hmac.compare_digest(row["token_digest"], token_digest(token)):
        return UNAUTHORIZED
    return JSONResponse({"label": row["name"]})


def _end(store: Store, reference: str) -> None:
    """It is remembered, made or not, so that a question that comes late does not make it after all."""
    with store.transaction() as work:
        at = time.time()
        work.execute(
            "INSERT INTO link (reference, made_at, ended_at, ended_as) VALUES (?, ?, ?, 'REVOKED') "
            "ON CONFLICT (reference) DO UPDATE SET ended_at = excluded.ended_at, ended_as = 'REVOKED', "
            "token_digest = NULL WHERE ended_at IS NULL",
            (reference, at, at),
        )


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _bearer(request: Request) -> str:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else ""


async def _body(request: Request) -> bytes:
    """As far as MOST_BYTES: what is longer is none of the mairie's, and no JSON any more."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return b""
    return body


def _read(body: bytes) -> dict[str, str] | None:
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    names = ("subject", "code", "password")
    if not isinstance(asked, dict) or not all(isinstance(asked.get(name), str) for name in names):
        return None
    return {name: asked[name] for name in names}
