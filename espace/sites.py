"""The built sites, from memory: the citizen's at `/`, the mairie's at `/mairie/`, the widget at `/widget/`.

Any other web server may serve the same folders. What has a hash in its name never changes; the rest is asked for anew.
A page that is opened at an address of its own (`/demandes/K7QM-…`) gets the site, which finds its way by itself.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from core.colors import tint
from core.settings import Settings

FOLDERS = {"/mairie/": "desk", "/widget/": "notification-widget", "/": "portal"}
"""Where each site lies, the longest address first, and the folder of client-examples/ that it is built in."""
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""What browsers may take, the smaller first, and how the build names it."""
WIDGETS = "/widget/"

_DEFAULT_LOGO = Path(__file__).parent / "pages" / "logo.svg"
_IMMUTABLE = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True, slots=True)
class _Asset:
    content: dict[str, bytes]
    """By content coding; `identity` is always there."""
    media_type: str
    etag: str
    immutable: bool


def make_site_routes(settings: Settings) -> list[BaseRoute]:
    """What the municipality looks like, for both sites."""
    appearance = Response(_appearance(settings), media_type="text/css", headers=_headers(_ASK_AGAIN))
    logo = _read_asset(settings.logo or _DEFAULT_LOGO, immutable=False)

    async def show_appearance(_: Request) -> Response:
        return appearance

    async def show_logo(request: Request) -> Response:
        return _answer(request, logo, "default-src 'none'; style-src 'unsafe-inline'; sandbox", shared=True)

    return [Route("/appearance.css", show_appearance), Route("/logo", show_logo)]


def make_sites(settings: Settings) -> ASGIApp | None:
    """What answers where no route does. None where nothing was built."""
    assets = _read(settings.sites)
    policy = _policy(settings)

    def answer(request: Request) -> Response:
        path = request.url.path
        if f"{path}/" in FOLDERS and f"{path}/index.html" in assets and _asks_for_page(request):
            return RedirectResponse(f"{path}/{request.url.query and '?'}{request.url.query}", 308)
        wanted = f"{path}index.html" if path in FOLDERS else path
        asset = assets.get(wanted) if request.method in {"GET", "HEAD"} else None
        if asset is None and _asks_for_page(request):
            home = next((base for base in FOLDERS if path.startswith(base)), "/")
            asset = assets.get(home + "index.html")
        if asset is None:
            return PlainTextResponse("Not Found", 404)
        return _answer(request, asset, policy, shared=path.startswith(WIDGETS))

    async def sites(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        await answer(Request(scope))(scope, receive, send)

    return sites if assets else None


def is_built(settings: Settings, base: str) -> bool:
    """Whether there is a site at this one of FOLDERS."""
    return (settings.sites / FOLDERS[base] / "dist" / "index.html").is_file()


def _read(root: Path) -> dict[str, _Asset]:
    return {
        base + file.relative_to(built).as_posix(): _read_asset(file, immutable=file.parent.name == "assets")
        for base, folder in FOLDERS.items()
        for built in [root / folder / "dist"]
        for file in _files(built)
    }


def _files(folder: Path) -> Iterable[Path]:
    return (
        file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix not in ENCODINGS.values()
    )


def _read_asset(file: Path, *, immutable: bool) -> _Asset:
    content = {"identity": file.read_bytes()}
    for coding, suffix in ENCODINGS.items():
        encoded = file.with_name(file.name + suffix)
        if encoded.is_file():
            content[coding] = encoded.read_bytes()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    etag = f'"{hashlib.sha256(content["identity"]).hexdigest()[:32]}"'
    return _Asset(content, media_type, etag, immutable)


def _answer(request: Request, asset: _Asset, policy: str, *, shared: bool) -> Response:
    headers = _headers(_IMMUTABLE if asset.immutable else _ASK_AGAIN) | {
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": policy,
    }
    if shared:
        # Pages of other sites show it.
        headers |= {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    accepted = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    coding = next((coding for coding in ENCODINGS if coding in accepted & asset.content.keys()), "identity")
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return Response(asset.content[coding], media_type=asset.media_type, headers=headers)


def _headers(cache: str) -> dict[str, str]:
    return {"Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def _asks_for_page(request: Request) -> bool:
    if request.method not in {"GET", "HEAD"}:
        return False
    return "text/html" in request.headers.get("accept", "") and "." not in request.url.path.rpartition("/")[2]


def _policy(settings: Settings) -> str:
    """Nothing but what is ours: no inline script, no other origin but that of files."""
    public = urlsplit(settings.public_url)
    socket = f"{'wss' if public.scheme == 'https' else 'ws'}://{public.netloc}"
    files = f" {settings.files_origin}" if settings.files_origin else ""
    # Logging out is a form that leads on to the provider, and from there to whoever has identified the person, which is
    # the provider's own affair: Chromium holds all of that way to this policy.
    issuer = urlsplit(settings.openid_issuer or "")
    ways_out = f" https: {issuer.scheme}://{issuer.netloc}" if settings.openid_issuer else ""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data:{files}",
            "media-src 'self'",
            # Not every browser takes 'self' for a WebSocket's.
            f"connect-src 'self' {socket}",
            f"form-action 'self'{ways_out}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _appearance(settings: Settings) -> str:
    """The municipality's colours, for both sites (client-examples/kit/src/style/tokens.css).

    `html:root` outweighs what was built, which pages load later.
    """
    colors: dict[str, str] = {}
    if settings.brand_color:
        colors |= {"brand": settings.brand_color, "tint": tint(settings.brand_color)}
    if settings.accent_color:
        colors["accent"] = settings.accent_color
    return "html:root {" + "".join(f" --{name}: {color};" for name, color in colors.items()) + " }\n"
