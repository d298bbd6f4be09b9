"""What an operator has to mend is said in a sentence."""

from __future__ import annotations

import pytest

from core.settings import get_settings
from espace.cli import main


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://bucket?regio=eu", "there is no option 'regio'"),
        ("s3://?region=eu", "no bucket"),
        ("file://host/folder", "three slashes"),
    ],
)
def test_a_wrong_address_of_the_store_is_told_before_anything_starts(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESPACE_STORAGE_URL", url)
    get_settings.cache_clear()
    try:
        assert main(["worker"]) == 1
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    told = capsys.readouterr().err
    assert "ESPACE_STORAGE_URL: " in told
    assert said in told
    assert "Traceback" not in told
