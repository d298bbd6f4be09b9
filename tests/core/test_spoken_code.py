"""Codes read aloud: what comes back can be heard, says each letter, is never the same, and comes from elsewhere."""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys
from array import array
from itertools import groupby
from pathlib import Path

import miniaudio  # type: ignore[import-untyped]
import psutil
import pytest

from core.i18n import Language
from core.spoken_code import SpeechError, Standby, can_speak, phrases, program, running, speak

CODE = "RK47TX"
FRAME_SECONDS = 0.02
LONGEST_BREATH_SECONDS = 0.35
"""Between a letter and its word; the pauses between letters are longer."""


def levels(content: bytes) -> list[float]:
    """How loud each 20 ms are."""
    decoded = miniaudio.decode(content, nchannels=1, sample_rate=16_000)
    samples: array[int] = decoded.samples
    size = round(FRAME_SECONDS * 16_000)
    return [
        (sum(sample * sample for sample in samples[at : at + size]) / size) ** 0.5
        for at in range(0, len(samples) - size, size)
    ]


def bursts(content: bytes) -> int:
    """How many times somebody in front speaks: pieces far above the murmur, breaths left out."""
    measured = levels(content)
    loudness = [max(measured[max(0, at - 1) : at + 2]) for at in range(len(measured))]
    threshold = 0.35 * sorted(loudness)[round(0.9 * len(loudness))]
    speaking = [
        (is_loud, len(list(frames))) for is_loud, frames in groupby(loudness, lambda level: level > threshold)
    ]
    pauses = [frames for is_loud, frames in speaking[1:-1] if not is_loud]
    return 1 + sum(frames * FRAME_SECONDS > LONGEST_BREATH_SECONDS for frames in pauses)


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_code_is_some_ten_seconds_of_speech_in_about_twenty_kilobytes(language: Language) -> None:
    content = await speak(CODE, language)
    decoded = miniaudio.decode(content)
    assert 10 < decoded.duration < 12
    assert 20_000 < len(content) < 24_000
    assert max(levels(content)) > 1_000


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_each_character_is_said_with_a_pause_before_the_next(language: Language) -> None:
    # A soft letter or a loud murmur splits or joins two pieces now and then: half of them are off by one at most.
    for code in (CODE, CODE[:3]):
        found = sorted([bursts(await speak(code, language)) for _ in range(7)])
        assert abs(found[3] - len(code)) <= 1, found


async def test_a_longer_code_takes_longer() -> None:
    short, long = await speak("AB", "fr"), await speak("ABABABAB", "fr")
    assert miniaudio.decode(long).duration > 2.5 * miniaudio.decode(short).duration


async def test_the_same_code_is_never_said_the_same_way() -> None:
    said = [await speak(CODE, "fr") for _ in range(4)]
    assert len(set(said)) == 4


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_neither_how_long_nor_how_large_it_is_tells_the_letters(language: Language) -> None:
    """`Y comme Yvonne` takes a third longer than `T comme Thérèse`: without the pauses six of them would tell."""
    said = [await speak(code, language) for code in ("TTTTTT", "YYYYYY", "AAAAAA", "333333", "X4N9HM")]
    assert len({len(content) for content in said}) == 1
    assert len({miniaudio.decode(content).num_frames for content in said}) == 1


def test_voices_are_added_up_and_cut_off_where_a_sample_holds_no_more() -> None:
    chance = random.Random(7)
    for most in (1_000, 32_767):
        for count in range(1, 6):
            layers = [array("h", [chance.randint(-most, most) for _ in range(999)]) for _ in range(count)]
            layers[0][:2] = array("h", [-32_768, 32_767])
            expected = [max(-32_768, min(32_767, sum(samples))) for samples in zip(*layers, strict=True)]
            assert list(program._mixed(*layers)) == expected


def test_letters_come_with_their_word() -> None:
    assert phrases("b7", "fr") == [("B", "comme Berthe"), ("7", "en chiffre")]
    assert phrases("B7", "en") == [("B", "as in Bravo"), ("7", "the digit")]
    for language in ("fr", "en"):
        assert [letter for letter, _ in phrases("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", language)]


async def test_what_has_no_name_is_not_said() -> None:
    with pytest.raises(ValueError, match="letters A to Z"):
        await speak("é", "fr")


async def test_one_that_is_killed_is_told() -> None:
    speaking = asyncio.create_task(speak(CODE * 20, "fr"))
    me = psutil.Process()
    async with asyncio.timeout(10):
        while not (children := [c for c in me.children() if "spoken_code" in " ".join(c.cmdline())]):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    children[0].kill()
    with pytest.raises(SpeechError, match="ended with -9"):
        await speaking


def speakers() -> list[psutil.Process]:
    return [c for c in psutil.Process().children() if "spoken_code" in " ".join(c.cmdline())]


async def test_one_that_stands_by_says_the_next_code_and_no_other() -> None:
    standby = Standby()
    await standby.prepare()
    await standby.prepare()
    (waiting,) = speakers()
    first = asyncio.create_task(speak("AB", "fr", standby=standby))
    await asyncio.sleep(0)
    await asyncio.gather(first, speak("CD", "fr", standby=standby))
    assert waiting.pid not in [child.pid for child in speakers()], "it says one code"
    assert await speak("EF", "fr", standby=standby)
    await standby.prepare()
    assert len(speakers()) == 1
    await standby.close()
    assert speakers() == []


async def test_one_that_died_while_it_stood_by_is_replaced() -> None:
    standby = Standby()
    await standby.prepare()
    (waiting,) = speakers()
    waiting.kill()
    async with asyncio.timeout(10):
        while standby._child is not None and standby._child.returncode is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert await speak("AB", "fr", standby=standby)
    await standby.close()
    assert speakers() == []


async def test_one_that_is_late_is_ended() -> None:
    with pytest.raises(SpeechError, match="took longer"):
        await speak(CODE, "fr", limit_seconds=0.001)
    assert not [c for c in psutil.Process().children() if "spoken_code" in " ".join(c.cmdline())]


async def test_where_the_library_is_missing_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    source = running.PROGRAM.read_text(encoding="utf-8")
    program.write_text(source.replace("import espeakng_loader", "import espeakng_loader_of_nowhere"))
    assert await can_speak()
    monkeypatch.setattr(running, "PROGRAM", program)
    assert not await can_speak()
    with pytest.raises(SpeechError, match="cannot be loaded"):
        await speak(CODE, "fr")


def test_no_process_of_ours_holds_the_libraries() -> None:
    """The GPL's and the LGPL's code runs in the program that is started, and nowhere else."""
    look = (
        "import asyncio, sys; import espace.asgi, espace.cli, jobs.worker; from core.spoken_code import speak\n"
        "assert len(asyncio.run(speak('AB', 'fr'))) > 1000\n"
        "held = open('/proc/self/maps').read()\n"
        "print([name for name in ('espeakng_loader', 'lameenc') if name in sys.modules],"
        " [name for name in ('espeak', 'lame') if name in held])"
    )
    told = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == "[] []"


async def test_one_that_is_not_waited_for_any_more_is_ended() -> None:
    speaking = asyncio.create_task(speak(CODE * 20, "fr"))
    async with asyncio.timeout(10):
        while not [c for c in psutil.Process().children() if "spoken_code" in " ".join(c.cmdline())]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    gc.collect()  # A pipe that was left open would warn.
    assert not [c for c in psutil.Process().children() if "spoken_code" in " ".join(c.cmdline())]
