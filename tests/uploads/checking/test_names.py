"""Names of files: safe anywhere, and still what the citizen called them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uploads.checking.names import LONGEST, normalise_name, split_extension, with_extension


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Justificatif de domicile – été 2026.pdf", "Justificatif de domicile – été 2026.pdf"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("Œuvre d’Élise & Noël (1).PDF", "Œuvre d’Élise & Noël (1).PDF"),
        ("証明書.pdf", "証明書.pdf"),
        ("", "document"),
        (" .. ", "document"),
        ("\u202e\u200b", "document"),
        ("\u3164\u2800", "document"),
        ("a\u00a0b\u3000c.pdf", "a b c.pdf"),
        ("a\tb\n c.pdf", "a b c.pdf"),
        ("a\x1b[31m\x7f.pdf", "a[31m.pdf"),
        ("a\ud800.pdf", "a.pdf"),
        ("../../x.pdf", "x.pdf"),
        ("..\\..\\x.pdf", "x.pdf"),
        ("x.pdf/", "x.pdf"),
        ("/", "document"),
        ("x.pdf.", "x.pdf"),
        ("x.pdf . .", "x.pdf"),
        ("x .pdf", "x.pdf"),
        ("...x.pdf", "x.pdf"),
        ("nul", "_nul"),
        ("NUL.tar.pdf", "_NUL.tar.pdf"),
        ("com1 .pdf", "_com1.pdf"),
        ("LPT²", "_LPT²"),
        ("contrat.pdf", "contrat.pdf"),
        ('a<b>c:d"e|f?g*h.pdf', "a_b_c_d_e_f_g_h.pdf"),
        ("a" * 300 + ".jpeg", "a" * 195 + ".jpeg"),
        ("a" * 194 + " " * 9 + "b.jpeg", "a" * 194 + ".jpeg"),
    ],
)  # fmt: skip
def test_names_are_normalised(given: str, kept: str) -> None:
    assert normalise_name(given) == kept


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.b.PDF", ("a.b", "PDF")),
        ("a", ("a", "")),
        ("pdf", ("pdf", "")),
        ("a.p df", ("a.p df", "")),
        ("a.été", ("a.été", "")),
        ("a.abcdefghijk", ("a.abcdefghijk", "")),
    ],
)
def test_extensions_are_ascii_letters_and_digits(name: str, parts: tuple[str, str]) -> None:
    assert split_extension(name) == parts


def test_an_extension_is_replaced() -> None:
    assert with_extension("IMG_1.HEIC", "jpg") == "IMG_1.jpg"
    assert with_extension("a" * LONGEST, "jpg") == "a" * (LONGEST - 4) + ".jpg"


@given(st.text(st.characters(), max_size=260) | st.text("ab.\\/ \u202e\u0301é:CON1", max_size=260))
@example("a" * 199 + "e\u0301" + ".pdf")
@example("CON\u200b.pdf")
@example("C\u200dON")
@example("e\u200d\u0301.pdf")
def test_whatever_comes_is_safe_and_stays_as_it_is(name: str) -> None:
    kept = normalise_name(name)
    assert 1 <= len(kept) <= LONGEST
    assert normalise_name(kept) == kept
    assert unicodedata.normalize("NFC", kept) == kept
    assert kept.encode("utf-8").decode("utf-8") == kept
    assert not set(kept) & set('/\\<>:"|?*\0')
    assert not any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in kept)
    assert kept == kept.strip(" .")
    assert kept.split(".")[0].rstrip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT1"}
    stem, extension = split_extension(kept)
    assert normalise_name(with_extension(kept, "jpg")).endswith(".jpg")
    assert (f"{stem}.{extension}" if extension else stem) == kept
