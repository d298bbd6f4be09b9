"""Says one code: an order as JSON on standard input, MP3 on standard output. Started by running.py, by its path and
without our environment: it imports nothing of the project, and nothing of the project imports it.

espeak-ng is under the GPL (version 3), LAME under the LGPL: both are loaded here and nowhere else.

    {"language": "fr", "phrases": [["B", "comme Berthe"], …], "others": [["C", "comme Célestin"], …]}

Without phrases it only says whether it could speak. It ends with CANNOT_SPEAK where a library is missing.
Each time it speaks otherwise: voice, pitch, pace and pauses of each letter are drawn anew, and two to three other
voices murmur other letters behind.
"""

from __future__ import annotations

import ctypes
import json
import operator
import os
import random
import signal
import sys
from array import array
from collections.abc import Iterable
from typing import Any

CANNOT_SPEAK = 3

VOICES = {
    "fr": ("fr", "fr-be", "fr-ch"),
    "en": ("en", "en-us", "en-gb-x-rp", "en-gb-scotland"),
}
VARIANTS = (
    "",
    "+m1",
    "+m2",
    "+m3",
    "+m4",
    "+m7",
    "+f1",
    "+f2",
    "+f3",
    "+f4",
    "+steph",
    "+linda",
    "+Andrea",
    "+max",
)
"""Of espeak-ng's, those that are easily understood."""

WORDS_A_MINUTE = (135, 175)
PITCH = (25, 75)
PITCH_RANGE = (30, 80)
PAUSE_SECONDS = (0.45, 0.75)
BREATH_SECONDS = (0.05, 0.14)
LEAD_SECONDS = (0.3, 0.6)

LOUDNESS = (85, 115)
MURMUR = (13, 20)
"""How loud those in front and those behind are, in hundredths of espeak-ng's own loudness: whose peaks are half of what
a sample can hold, so that they fit in together."""
MURMURING = (2, 3)
HISS = 40
HISS_SAMPLES = 4_001

KILOBITS_A_SECOND = 16
OUT_HERTZ = 16_000
MEMORY_BYTES = 512 * 1024**2
PROCESSOR_SECONDS = 10

PR_SET_PDEATHSIG = 1
RATE, VOLUME, PITCH_PARAMETER, RANGE_PARAMETER = 1, 2, 3, 4
SYNCHRONOUS = 2
CHARACTERS_UTF8 = 1

chance = random.SystemRandom()


class Speaker:
    """espeak-ng, asked for samples (speak_lib.h). Raises ImportError or OSError where it is missing."""

    def __init__(self) -> None:
        import espeakng_loader  # type: ignore[import-untyped]

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path()
        self.hertz: int = self._library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), 0)
        if self.hertz <= 0:
            raise OSError("espeak-ng does not start")
        self._heard = array("h")
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def use(self, voice: str, *, rate: int, loudness: int, pitch: int, pitch_range: int) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise OSError(f"espeak-ng has no voice {voice}")
        values = (
            (RATE, rate),
            (VOLUME, loudness),
            (PITCH_PARAMETER, pitch),
            (RANGE_PARAMETER, pitch_range),
        )
        for parameter, value in values:
            self._library.espeak_SetParameter(parameter, value, 0)

    def say(self, text: str) -> array[int]:
        self._heard = array("h")
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, CHARACTERS_UTF8, None, None)
        return self._heard

    def _hear(self, wave: int | None, count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._heard.frombytes(ctypes.string_at(wave, 2 * count))
        return 0


def main() -> None:
    limit()
    order = json.load(sys.stdin.buffer)
    # What libraries print on descriptor 1 is not to get between the bytes of the answer.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        import lameenc  # type: ignore[import-not-found]

        speaker = Speaker()
    except (ImportError, OSError, RuntimeError):
        sys.exit(CANNOT_SPEAK)
    if order["phrases"]:
        content = encode(lameenc, perform(speaker, order), speaker.hertz)
        with os.fdopen(answers, "wb") as target:
            target.write(content)
    sys.stdout.flush()
    # Libraries are left as they are: taking them down could only cost time, or crash.
    os._exit(0)


def perform(speaker: Speaker, order: dict[str, Any]) -> array[int]:
    """The phrases one after the other, over voices that say others."""
    front = array("h")
    for letter, word in order["phrases"]:
        front.extend(_silence(speaker, LEAD_SECONDS if not front else PAUSE_SECONDS))
        front.extend(_phrase(speaker, order["language"], letter, word, LOUDNESS))
    front.extend(_silence(speaker, LEAD_SECONDS))
    layers = [_murmur(speaker, order, len(front)) for _ in range(chance.randint(*MURMURING))]
    return _mixed(front, *layers, _hiss(len(front)))


def _murmur(speaker: Speaker, order: dict[str, Any], length: int) -> array[int]:
    """Somebody who says other letters all the while."""
    said = array("h", bytes(2 * chance.randrange(speaker.hertz)))
    while len(said) < length:
        letter, word = chance.choice(order["others"])
        said.extend(_phrase(speaker, order["language"], letter, word, MURMUR))
        said.extend(_silence(speaker, BREATH_SECONDS))
    return said[:length]


def _phrase(speaker: Speaker, language: str, letter: str, word: str, loudness: tuple[int, int]) -> array[int]:
    speaker.use(
        chance.choice(VOICES[language]) + chance.choice(VARIANTS),
        rate=chance.randint(*WORDS_A_MINUTE),
        loudness=chance.randint(*loudness),
        pitch=chance.randint(*PITCH),
        pitch_range=chance.randint(*PITCH_RANGE),
    )
    said = speaker.say(letter)
    said.extend(_silence(speaker, BREATH_SECONDS))
    said.extend(speaker.say(word))
    return said


def _silence(speaker: Speaker, seconds: tuple[float, float]) -> array[int]:
    return array("h", bytes(2 * round(speaker.hertz * chance.uniform(*seconds))))


def _hiss(length: int) -> array[int]:
    noise = random.Random(chance.getrandbits(64))  # noqa: S311 -- a hiss keeps no secret
    piece = array("h", [round(noise.gauss(0, HISS)) for _ in range(HISS_SAMPLES)])
    return (piece * (length // HISS_SAMPLES + 1))[:length]


def _mixed(*layers: array[int]) -> array[int]:
    """Their sum. Without a loop of ours: a quarter of a million samples would take it too long."""
    total: Iterable[int] = layers[0]
    for layer in layers[1:]:
        total = map(operator.add, total, layer)
    samples = list(total)
    try:
        return array("h", samples)
    except OverflowError:
        return array("h", [max(-32768, min(32767, sample)) for sample in samples])


def encode(lameenc: Any, samples: array[int], hertz: int) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(hertz)
    encoder.set_out_sample_rate(OUT_HERTZ)
    encoder.set_bit_rate(KILOBITS_A_SECOND)
    encoder.set_quality(5)
    if sys.byteorder != "little":
        samples.byteswap()
    return bytes(encoder.encode(samples.tobytes())) + bytes(encoder.flush())


def limit() -> None:
    """It may compute for some seconds, and write no file. It ends with whoever started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if sys.platform != "win32":
        import resource

        for which, most in (
            (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(which)
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(which, (least, least))


if __name__ == "__main__":
    main()
