"""The built sites, as the API serves them: addresses of their own, caching, compression, and what they may do."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from core.settings import Settings
from espace.asgi import make_app


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A site of a page and a script, and nothing of the others."""
    dist = tmp_path / "portal" / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<title>Espace</title>")
    (dist / "assets" / "index-1a2b.js").write_text("console.log(1)")
    (dist / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(b"console.log(1)"))
    widget = tmp_path / "notification-widget" / "dist"
    widget.mkdir(parents=True)
    (widget / "bell.js").write_text("customElements")
    return tmp_path


def application(sites: Path, **changed: object) -> Starlette:
    return make_app(Settings(secret_key="s" * 32, sites=sites, **changed))  # type: ignore[arg-type]


async def get(app: Starlette, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        return await client.request(method, path, headers=headers)


async def test_any_address_that_asks_for_a_page_gets_the_site(built: Path) -> None:
    app = application(built)
    for path in ("/", "/demandes/K7QM-2XRD-9F4T-W8ZB-3HNC", "/mon-espace/stockage"):
        page = await get(app, path, Accept="text/html")
        assert (page.status_code, page.text) == (200, "<title>Espace</title>")
        assert page.headers["cache-control"] == "no-cache"
    for path, accept in (("/demandes/x", "application/json"), ("/robots.txt", "text/html"), ("/a.js", "*/*")):
        assert (await get(app, path, Accept=accept)).status_code == 404
    assert (await get(app, "/nowhere", "POST", Accept="text/html")).status_code == 404
    assert (await get(app, "/healthz", "POST", Accept="text/html")).status_code == 405


async def test_a_site_without_its_slash_leads_to_the_site(built: Path) -> None:
    desk = built / "desk" / "dist"
    desk.mkdir(parents=True)
    (desk / "index.html").write_text("<title>Mairie</title>")
    app = application(built)
    moved = await get(app, "/mairie?recherche=Delacourt", Accept="text/html")
    assert (moved.status_code, moved.headers["location"]) == (308, "/mairie/?recherche=Delacourt")
    assert (await get(app, "/mairie", Accept="text/html")).headers["location"] == "/mairie/"
    assert (await get(app, "/mairie", "POST", Accept="text/html")).status_code == 404


async def test_what_has_a_hash_in_its_name_is_kept_and_comes_compressed(built: Path) -> None:
    app = application(built)
    script = await get(app, "/assets/index-1a2b.js", **{"Accept-Encoding": "gzip"})
    assert script.headers["content-encoding"] == "gzip"
    assert script.text == "console.log(1)"
    assert "immutable" in script.headers["cache-control"]
    plain = await get(app, "/assets/index-1a2b.js", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] == script.headers["etag"]
    again = await get(app, "/assets/index-1a2b.js", **{"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_nothing_but_what_is_ours_runs(built: Path) -> None:
    page = await get(application(built, files_origin="https://fichiers.example.fr"), "/", Accept="text/html")
    policy = page.headers["content-security-policy"].split("; ")
    assert "script-src 'self'" in policy
    assert "img-src 'self' data: https://fichiers.example.fr" in policy
    assert "connect-src 'self' ws://localhost:8000" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_bell_is_for_pages_of_others(built: Path) -> None:
    bell = await get(application(built), "/widget/bell.js")
    assert bell.headers["access-control-allow-origin"] == "*"
    assert bell.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_colour_and_logo_are_the_municipalitys(built: Path, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    app = application(built, brand_color="#5b2a86", accent_color="#f2b705", logo=logo)
    appearance = (await get(app, "/appearance.css")).text
    assert appearance == "html:root { --brand: #5b2a86; --tint: #f0ecf4; --accent: #f2b705; }\n"
    shown = await get(app, "/logo")
    assert shown.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in shown.headers["content-security-policy"]
    with pytest.raises(ValueError, match="too light"):
        application(built, brand_color="#ffee00")
    with pytest.raises(ValueError, match="#1f4e79"):
        application(built, brand_color="bleu")
    with pytest.raises(ValueError, match="#1f4e79"):
        application(built, accent_color="url(//example.org)")


async def test_without_a_site_development_says_where_things_are(tmp_path: Path) -> None:
    page = await get(application(tmp_path), "/", Accept="text/html")
    assert "GraphiQL" in page.text
