from __future__ import annotations

import io
from collections import Counter
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from core import captcha_image
from core.captcha_image import ALPHABET, HEIGHT, LENGTH, WIDTH, code_for, render, same_code
from core.settings import get_settings


@pytest.fixture(autouse=True)
def _derived_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = get_settings().model_copy(update={"captcha_fixed_code": None})
    monkeypatch.setattr(captcha_image, "get_settings", lambda: settings)


def _opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


def test_a_captcha_has_one_code_and_another_captcha_another() -> None:
    captcha_id = uuid4()
    assert code_for(captcha_id) == code_for(captcha_id)
    assert code_for(captcha_id) != code_for(uuid4())


def test_codes_use_every_letter_about_equally() -> None:
    counts = Counter("".join(code_for(uuid4()) for _ in range(4_000)))
    expected = 4_000 * LENGTH / len(ALPHABET)
    assert set(counts) == set(ALPHABET)
    assert all(0.8 < count / expected < 1.2 for count in counts.values())


def test_no_letter_looks_like_another() -> None:
    for group in ("0OQ", "1IL", "2Z", "5S", "6G", "8B", "UV", "W"):
        assert not set(group) & set(ALPHABET)


def test_a_fixed_code_is_that_of_every_captcha(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = get_settings().model_copy(update={"captcha_fixed_code": "DEMO"})
    monkeypatch.setattr(captcha_image, "get_settings", lambda: settings)
    assert code_for(uuid4()) == code_for(uuid4()) == "DEMO"


def test_the_picture_is_a_png_of_the_promised_size() -> None:
    picture = _opened(render("K7RMX3"))
    assert picture.format == "PNG"
    assert picture.size == (WIDTH, HEIGHT)
    assert not picture.info


def test_the_number_of_bytes_is_that_of_any_other() -> None:
    assert len({len(render(code_for(uuid4()))) for _ in range(40)}) == 1


def test_drawing_again_gives_the_same_picture() -> None:
    assert render("K7RMX3") == render("K7RMX3")


def test_another_code_gives_another_picture_all_over() -> None:
    one, other = _opened(render("K7RMX3")), _opened(render("K7RMX4"))
    difference = ImageChops.difference(one, other).convert("L")
    for column in range(0, WIDTH - 55, 55):
        assert ImageStat.Stat(difference.crop((column, 0, column + 55, HEIGHT))).mean[0] > 3


@pytest.mark.parametrize("letter", sorted(ALPHABET))
def test_every_letter_leaves_its_ink(letter: str) -> None:
    blank, written = (
        ImageStat.Stat(_opened(render(code)).convert("L")).mean[0] for code in ("", letter * LENGTH)
    )
    assert written < blank - 8


def test_a_code_of_any_length_is_drawn() -> None:
    for code in ("", "7", "DEMONSTRATION", "été 2026"):
        assert _opened(render(code)).size == (WIDTH, HEIGHT)


@given(st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH), st.data())
def test_case_and_spaces_are_forgiven(code: str, data: st.DataObject) -> None:
    typed = "".join(
        data.draw(st.sampled_from(["", " ", "\u00a0", "\t"])) + data.draw(st.sampled_from([c, c.lower()]))
        for c in code
    )
    assert same_code(typed, code)


@given(st.text(max_size=200))
def test_anything_else_is_wrong(typed: str) -> None:
    assert not same_code(typed + "0", "K7RMX3")
