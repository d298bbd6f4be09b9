"""The family's own pages, as small as they can be: log in, see what is linked, end it, change the password."""

from __future__ import annotations

import html
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from espace_famille.families import TooManyTriesError, change_password, find_family
from espace_famille.links import token_digest
from espace_famille.settings import Settings
from espace_famille.store import Store

PAGES = Path(__file__).parent / "pages"
COOKIE = "famille"
LIFETIME_SECONDS = 30 * 60
SHORTEST_PASSWORD = 12

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def home(request: Request) -> Response:
    """The family's page to who is logged in, the way in to everybody else."""
    session = await _session(request)
    if session is None:
        return show("log-in.html", note="")
    links = await run_in_threadpool(_links, request.app.state.store, session["family_id"])
    return show(
        "home.html",
        name=session["name"],
        children=session["children"],
        came="Vous venez de l’Espace Citoyens." if session["came_from_mairie"] else "",
        links=len(links),
    )


async def log_in(request: Request) -> Response:
    """With the code and the password that the service has given to the family."""
    form = await _form(request)
    store: Store = request.app.state.store
    try:
        family = await run_in_threadpool(find_family, store, form["code"].strip(), form["password"])
    except TooManyTriesError:
        return show("log-in.html", 429, note="Trop d’essais. Attendez quelques minutes.")
    if family is None:
        return show("log-in.html", 403, note="Ce code ou ce mot de passe n’est pas le bon.")
    session = await run_in_threadpool(open_session, store, family.id, came_from_mairie=False)
    return keep_session(RedirectResponse("/", 303), session, request.app.state.settings)


async def end_links(request: Request) -> Response:
    """The family takes the mairie's access away; the mairie is told."""
    session = await _session(request)
    if session is not None and _is_ours(request):
        await run_in_threadpool(_end_links, request.app.state.store, session["family_id"])
        request.app.state.telling.wake()
    return RedirectResponse("/", 303)


async def new_password(request: Request) -> Response:
    """Links rest on the old one: they end."""
    session = await _session(request)
    form = await _form(request)
    if session is not None and _is_ours(request) and len(form["password"]) >= SHORTEST_PASSWORD:
        await run_in_threadpool(
            change_password, request.app.state.store, session["family_id"], form["password"]
        )
        request.app.state.telling.wake()
    return RedirectResponse("/", 303)


def open_session(store: Store, family_id: int, *, came_from_mairie: bool) -> str:
    """The session's token: its digest alone is kept."""
    token = secrets.token_urlsafe(32)
    with store.transaction() as work:
        work.execute("DELETE FROM session WHERE expires_at < ?", (time.time(),))
        work.execute(
            "INSERT INTO session (token_digest, family_id, came_from_mairie, expires_at) VALUES (?, ?, ?, ?)",
            (token_digest(token), family_id, came_from_mairie, time.time() + LIFETIME_SECONDS),
        )
    return token


def keep_session(response: Response, token: str, settings: Settings) -> Response:
    response.set_cookie(
        COOKIE, token, max_age=LIFETIME_SECONDS, httponly=True, samesite="lax", secure=settings.is_secure
    )
    response.headers.update(HEADERS)
    return response


def show(page: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page with its places filled, each value as text."""
    text = (PAGES / page).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"{{{{ {name} }}}}", html.escape(str(value)))
    return HTMLResponse(text, status, HEADERS)


async def _session(request: Request) -> dict[str, Any] | None:
    token = request.cookies.get(COOKIE)
    return await run_in_threadpool(_find_session, request.app.state.store, token) if token else None


def _find_session(store: Store, token: str) -> dict[str, Any] | None:
    with store.transaction() as work:
        row = work.execute(
            "SELECT s.family_id, s.came_from_mairie, f.name, f.children FROM session s "
            "JOIN family f ON f.id = s.family_id WHERE s.token_digest = ? AND s.expires_at > ?",
            (token_digest(token), time.time()),
        ).fetchone()
    return dict(row) if row else None


def _links(store: Store, family_id: int) -> list[str]:
    with store.transaction() as work:
        rows = work.execute(
            "SELECT reference FROM link WHERE family_id = ? AND ended_at IS NULL", (family_id,)
        )
        return [row["reference"] for row in rows]


def _end_links(store: Store, family_id: int) -> None:
    with store.transaction() as work:
        work.execute(
            "UPDATE link SET ended_at = ?, ended_as = 'REVOKED', token_digest = NULL, to_be_told = 1 "
            "WHERE family_id = ? AND ended_at IS NULL",
            (time.time(), family_id),
        )


async def _form(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=10) as form:
        return {name: str(form.get(name, "")) for name in ("code", "password")}


def _is_ours(request: Request) -> bool:
    """Whether a form was sent from one of our pages: browsers say so, and other sites cannot."""
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host")
