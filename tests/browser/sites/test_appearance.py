"""The municipality's colours and logo, as people see them."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.stack import Stack

WIDE_LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100" viewBox="0 0 300 100">
<rect width="300" height="100" fill="#8a1c4a"/></svg>"""


async def test_both_sites_stand_in_the_colours_and_under_the_logo_of_the_settings(
    arrive: Arrive, stack: Stack, tmp_path: Path
) -> None:
    """The lightest colour that is allowed can be read, and a logo that is three times as wide as high stays so."""
    logo = tmp_path / "logo.svg"
    logo.write_text(WIDE_LOGO)
    api = await stack.start_api(
        ESPACE_BRAND_COLOR="#ad5400", ESPACE_ACCENT_COLOR="#7fb800", ESPACE_LOGO=str(logo)
    )
    somebody = await arrive(width=320, site=api.url.replace("127.0.0.1", "localhost"))
    page = somebody.page
    for path in ("/", "/mairie/"):
        await somebody.open(path)
        await expect(page.locator(".hero")).to_have_css("background-color", "rgb(173, 84, 0)")
        await expect(page.get_by_role("button", name="Se connecter")).to_have_css(
            "background-color", "rgb(173, 84, 0)"
        )
        shown = await page.locator(".brand img").bounding_box()
        assert shown is not None
        assert abs(shown["width"] / shown["height"] - 3) < 0.1
        await examine(page)
