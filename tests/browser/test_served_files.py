"""A Chromium opens what is served, in every way a page can: nothing in it runs, and what is to be seen is seen.

What should never have been kept is put into the store all the same, as if every check had failed. Each of those files
also runs from a careless server, so that the canary is known to sing.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pikepdf
import pytest
import pytest_asyncio
from pikepdf import Array, Dictionary, Name, String
from PIL import Image
from playwright.async_api import BrowserContext, Error, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from core.settings import Settings, get_settings
from espace.file_headers import protection
from espace.files import make_file_routes
from models.actors import CitizenActor
from models.database import execute
from resolvers.file_links import file_url
from tests.browser.conftest import Canary, share_of
from tests.factories import make_citizen, make_procedure, make_request
from tests.file_rows import make_attachment, make_file
from tests.serving import serving
from tests.uploads.hostile import CASES, HTML, SVG, Case
from tests.uploads.sending import checked

RED = (255, 0, 0)
SHOWN_SECONDS = 20


@dataclass
class Site:
    """`files` serves files; `careless` serves whatever is put into `pages`, as it is; `portal` is the same server under
    the origin that is allowed to use files, `careless` the one that is not."""

    files: str = ""
    careless: str = ""
    portal: str = ""
    pages: dict[str, Response] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    citizen: CitizenActor | None = None

    def page(self, name: str, html: str) -> str:
        self.pages[name] = HTMLResponse(f"<!doctype html>{html}")
        return name

    async def serve(
        self, content: bytes, media_type: str, name: str = "piece", *, preview: bytes | None = None
    ) -> str:
        """Puts it into the store, whatever it is, in the place of what was there; its address, or its preview's."""
        assert self.citizen is not None
        await execute("DELETE FROM attachment")
        await execute("DELETE FROM file")
        request = await make_request(await make_procedure(), citizen=self.citizen)
        file = await make_file(content, media_type=media_type, preview=preview)
        attachment = await make_attachment(request, file, name=name)
        url = file_url(self.citizen, "attachment", attachment.id, name, preview=preview is not None)
        return str(url).replace(get_settings().public_url, self.files)


@pytest_asyncio.fixture
async def site(database: Settings) -> AsyncIterator[Site]:
    site = Site(citizen=await make_citizen())

    def show(request: Request) -> Response:
        return site.pages.get(request.path_params["name"]) or Response(status_code=404)

    def show_picture(request: Request) -> Response:
        return HTMLResponse(f"<!doctype html><img src='{request.query_params['src']}'>")

    def make_files(address: str) -> ASGIApp:
        settings = database.model_copy(update={"public_url": address, "allowed_origins": [site.portal]})
        app = Starlette(routes=[Route("/page", show_picture), *make_file_routes(settings)])

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            site.asked.append(scope.get("path", ""))
            await app(scope, receive, send)

        return counting

    async with serving(lambda _: Starlette(routes=[Route("/{name}", show)])) as site.careless:
        site.portal = site.careless.replace("127.0.0.1", "localhost")
        async with serving(make_files) as site.files:
            yield site


def red_pdf(**root: object) -> bytes:
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(400, 400))
    page.Contents = pdf.make_stream(b"1 0 0 rg 0 0 400 400 re f")
    for key, value in root.items():
        pdf.Root[f"/{key}"] = value
    written = io.BytesIO()
    pdf.save(written)
    return written.getvalue()


def red_picture(encoder: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (300, 300), RED).save(written, encoder, quality=100)
    return written.getvalue()


async def looks_red(page: Page) -> None:
    """Waits for red to be seen."""
    deadline = asyncio.get_running_loop().time() + SHOWN_SECONDS
    while (share := share_of(RED, await page.screenshot())) < 0.1:
        assert asyncio.get_running_loop().time() < deadline, f"{share:.3f} of the page is red"
        await page.wait_for_timeout(50)


async def open_page(page: Page, url: str) -> None:
    """What is saved rather than shown ends a navigation: no mistake here."""
    try:
        await page.goto(url)
    except Error as error:
        if "Download is starting" not in str(error) and "ERR_ABORTED" not in str(error):
            raise


# What is to be seen.


SHOWN: dict[str, tuple[Callable[[], bytes], str]] = {
    "a PDF": (red_pdf, "application/pdf"),
    "a JPEG": (lambda: red_picture("JPEG"), "image/jpeg"),
    "a PNG": (lambda: red_picture("PNG"), "image/png"),
    "a WebP": (lambda: red_picture("WEBP"), "image/webp"),
}


@pytest.mark.parametrize("what", SHOWN)
async def test_it_is_shown(site: Site, context: BrowserContext, what: str) -> None:
    make, media_type = SHOWN[what]
    url = await site.serve(make(), media_type)
    page = await context.new_page()
    await page.goto(url)
    await looks_red(page)
    site.page("frames", f"<iframe src='{url}' width=580 height=480></iframe>")
    await page.goto(f"{site.portal}/frames")
    await looks_red(page)
    # Pages that were not allowed to may not frame it, lest clicks on it be stolen.
    await page.goto(f"{site.careless}/frames")
    assert any(frame.url.startswith("chrome-error:") for frame in page.frames)
    assert share_of(RED, await page.screenshot()) == 0


async def test_a_preview_is_shown_on_pages_of_the_portal(site: Site, context: BrowserContext) -> None:
    url = await site.serve(red_pdf(), "application/pdf", preview=red_picture("WEBP"))
    site.page("thumbnail", f"<img src='{url}' crossorigin='anonymous'>")
    page = await context.new_page()
    await page.goto(f"{site.portal}/thumbnail")
    await looks_red(page)
    site.page("script", "")
    await page.goto(f"{site.portal}/script")
    read = "url => fetch(url).then(answer => answer.headers.get('Content-Disposition'), () => null)"
    assert await page.evaluate(read, url) == 'inline; filename="piece.webp"'
    await page.goto(f"{site.careless}/script")
    assert await page.evaluate(read, url) is None


@pytest.mark.parametrize(
    "name", ["avis d’imposition 2026.pdf", 'le "vrai" 100 %.pdf', "famille 👪.pdf", "وثيقة.pdf"]
)
async def test_it_is_saved_under_its_name(site: Site, context: BrowserContext, name: str) -> None:
    content = red_pdf()
    url = await site.serve(content, "application/pdf", name)
    site.page("download", f"<a href='{url}?download'>Télécharger</a>")
    page = await context.new_page()
    await page.goto(f"{site.portal}/download")
    async with page.expect_download() as waiting:
        await page.click("a")
    download = await waiting.value
    # What no file system takes, browsers replace themselves.
    assert download.suggested_filename == name.replace('"', "_")
    path = await download.path()
    assert path.read_bytes() == content


async def test_a_browser_asks_again_before_it_shows_a_file_again(site: Site, context: BrowserContext) -> None:
    """Whoever comes to a shared computer after its owner has logged out sees nothing that it has kept."""
    url = await site.serve(red_picture("PNG"), "image/png")
    page = await context.new_page()
    for _ in range(2):
        site.asked.clear()
        await page.goto(f"{site.files}/page?src={url}")
        await looks_red(page)
        assert len([path for path in site.asked if path.startswith("/files/")]) == 1


# What is not to run.


@dataclass(frozen=True)
class Hostile:
    """`content` calls the canary. It is kept as `media_type`; a careless server sends it as `active_type`, or lets the
    browser guess, and it runs when it is opened, or as a script of a page."""

    media_type: str
    content: Callable[[str], str]
    active_type: str | None = None
    as_script: bool = False


def html(canary: str) -> str:
    call = f"document.title = 'ran'; document.cookie = 'ran=1'; fetch('{canary}')"
    return f'<!doctype html><html><body><img src=x: onerror="{call}"><script>{call}</script></body></html>'


def svg(canary: str) -> str:
    return (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
        f"<script>fetch('{canary}')</script></svg>"
    )


def xhtml(canary: str) -> str:
    return (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title>x</title></head><body><script>fetch('{canary}')</script></body></html>"
    )


def refresh(canary: str) -> str:
    return f"<!doctype html><html><head><meta http-equiv='refresh' content='0;url={canary}'></head></html>"


def script(canary: str) -> str:
    return f"fetch('{canary}')"


HOSTILE = {
    "HTML": Hostile("text/html", html, "text/html"),
    "HTML that sends one away": Hostile("text/html", refresh, "text/html"),
    "SVG": Hostile("image/svg+xml", svg, "image/svg+xml"),
    "XHTML": Hostile("application/xhtml+xml", xhtml, "application/xhtml+xml"),
    "XML": Hostile("text/xml", xhtml, "text/xml"),
    "a script": Hostile("text/javascript", script, "text/javascript", as_script=True),
    "a module": Hostile("application/javascript", script, "application/javascript", as_script=True),
    "HTML that says it is a PNG": Hostile("image/png", html),
    "HTML that says it is a JPEG": Hostile("image/jpeg", html),
    "HTML that says it is a PDF": Hostile("application/pdf", html),
    "HTML that says it is text": Hostile("text/plain", html),
    "HTML of no known type": Hostile("application/x-unknown", html),
    "SVG that says it is a WebP": Hostile("image/webp", svg, "text/xml"),
    "HTML with a PDF behind": Hostile("application/pdf", lambda canary: html(canary) + "\n%PDF-1.7\n%%EOF"),
    "GIF that is a script": Hostile(
        "image/png", lambda canary: f"GIF89a=1;{script(canary)}", "text/plain", as_script=True
    ),
    "PDF that is a script": Hostile(
        "application/pdf", lambda canary: f"//%PDF-1.7\n{script(canary)}", "text/plain", as_script=True
    ),
}  # fmt: skip

EVERY_WAY = """
<script src='{url}'></script><script type='module' src='{url}'></script><link rel='stylesheet' href='{url}'>
<img src='{url}'><iframe src='{url}'></iframe><embed src='{url}'><object data='{url}'></object>
<object data='{url}' type='image/svg+xml'></object><embed src='{url}' type='text/html'>
<link rel='import' href='{url}'><svg><use href='{url}#x'/><image href='{url}'/></svg><video src='{url}'></video>
<script>onload = () => fetch('{sentinel}')</script>
"""


async def open_in_every_way(site: Site, context: BrowserContext, canary: Canary, url: str) -> Page:
    """As a page, and in a page of the portal's. Returns once both have loaded, and what they started had its turn."""
    page = await context.new_page()
    await open_page(page, url)
    site.page("every-way", EVERY_WAY.format(url=url, sentinel=f"{canary.url}/loaded"))
    other = await context.new_page()
    await other.goto(f"{site.portal}/every-way")
    await canary.wait_for("loaded")
    # What ran earlier has called earlier: the canary hears the last one last.
    await other.evaluate("url => fetch(url)", f"{canary.url}/last")
    await canary.wait_for("last")
    return page


@pytest.mark.parametrize("what", HOSTILE)
async def test_nothing_runs(site: Site, context: BrowserContext, canary: Canary, what: str) -> None:
    hostile = HOSTILE[what]
    content = hostile.content(f"{canary.url}/ran").encode()
    url = await site.serve(content, hostile.media_type, "piece.html")
    page = await open_in_every_way(site, context, canary, url)
    assert set(canary.hits) == {"loaded", "last"}
    assert await page.title() != "ran"
    assert await context.cookies() == []
    # The same bytes, sent without care.
    site.pages["careless"] = Response(
        content, headers={"Content-Type": hostile.active_type} if hostile.active_type else {}
    )
    site.page("script", f"<script src='{site.careless}/careless'></script>")
    await open_page(page, f"{site.careless}/{'script' if hostile.as_script else 'careless'}")
    await canary.wait_for("ran")


@pytest.mark.parametrize("what", ["HTML", "HTML that sends one away", "SVG", "XHTML", "XML"])
async def test_nothing_runs_even_where_it_is_shown_as_what_it_is(
    site: Site, context: BrowserContext, canary: Canary, database: Settings, what: str
) -> None:
    """The headers alone, with an active type and without `attachment`: the last line holds by itself."""
    hostile = HOSTILE[what]
    content = hostile.content(f"{canary.url}/ran").encode()
    settings = database.model_copy(update={"public_url": site.careless, "allowed_origins": [site.portal]})
    site.pages["shown"] = Response(content, media_type=hostile.active_type, headers=protection(settings))
    page = await context.new_page()
    for origin in (site.careless, site.portal):
        await page.goto(f"{origin}/shown")
        site.page(
            "frame",
            f"<iframe src='{origin}/shown'></iframe><script>onload = () => fetch('{canary.url}/loaded')</script>",
        )
        other = await context.new_page()
        await other.goto(f"{site.portal}/frame")
        await canary.wait_for("loaded")
    if what == "HTML that sends one away":
        # A sandbox stops no page from going elsewhere by itself: hence never inline.
        return
    assert set(canary.hits) == {"loaded"}
    assert await page.title() != "ran"


@pytest.mark.parametrize("kind", ["submitForm", "launchURL", "getURL", "open action", "submit action"])
async def test_no_action_of_a_pdf_calls_anybody(
    site: Site, context: BrowserContext, canary: Canary, kind: str
) -> None:
    """Chromium's viewer is deaf to most of it; what it would run, it runs whatever the headers say, without a page to
    act upon. That there is none to run is for uploads/checking."""
    target = f"{canary.url}/ran"
    actions = {
        "submitForm": Dictionary(S=Name.JavaScript, JS=String(f"this.submitForm('{target}')")),
        "launchURL": Dictionary(S=Name.JavaScript, JS=String(f"app.launchURL('{target}')")),
        "getURL": Dictionary(S=Name.JavaScript, JS=String(f"this.getURL('{target}')")),
        "open action": Dictionary(S=Name.URI, URI=String(target)),
        "submit action": Dictionary(
            S=Name.SubmitForm, F=Dictionary(FS=Name.URL, F=String(target)), Fields=Array([]), Flags=4
        ),
    }
    url = await site.serve(red_pdf(OpenAction=actions[kind]), "application/pdf")
    page = await open_in_every_way(site, context, canary, url)
    await looks_red(page)
    assert set(canary.hits) == {"loaded", "last"}
    assert page.url == url


TAKEN = [case for case in CASES if not case.refused]


@pytest.mark.timeout(300)
async def test_what_is_taken_of_the_hostile_corpus_is_inert(
    site: Site, context: BrowserContext, canary: Canary
) -> None:
    """Every hostile file that is taken at all, as it is kept. They say `ran` by title or by dialog."""
    dialogs: list[str] = []
    context.on("dialog", lambda dialog: dialogs.append(dialog.message))
    # Of many nothing is kept but the same picture, or the same empty page.
    kept: dict[tuple[str, str, bytes], str] = {}
    for case in TAKEN:
        async with checked(case.content(), case.name, case.media_type) as (file, content):
            kept.setdefault((file.name, file.media_type, content), case.title)
    page = await context.new_page()
    for (name, media_type, content), title in kept.items():
        await open_page(page, await site.serve(content, media_type, name))
        assert await page.title() not in ("ran", "1"), title
    assert dialogs == []
    assert len(kept) >= 10


def _disguised(case: Case) -> bool:
    content = case.content()
    return len(content) < 100_000 and (HTML in content or SVG in content)


async def test_what_is_refused_of_it_would_be_inert_too(
    site: Site, context: BrowserContext, canary: Canary
) -> None:
    """Scripts in the clothes of pictures and PDFs, served as what they say they are."""
    disguised = [case for case in CASES if case not in TAKEN and _disguised(case)]
    page = await context.new_page()
    for case in disguised:
        await open_page(page, await site.serve(case.content(), case.media_type, "piece.pdf"))
        assert await page.title() not in ("ran", "1"), case.title
    assert disguised
