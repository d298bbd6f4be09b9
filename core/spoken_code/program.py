"""Says one code: an order as JSON on standard input, MP3 on standard output. Started by running.py, by its path and
without our environment: it imports nothing of the project, and nothing of the project imports it.

espeak-ng is under the GPL (version 3), LAME under the LGPL: both are loaded here and nowhere else.

    {"language": "fr", "phrases": [["B", "comme Berthe"], …], "others": [["C", "comme Célestin"], …]}

Without phrases it only says whether it could speak. It ends with CANNOT_SPEAK where a library is missing.
Each time it speaks otherwise: voice, pitch, pace and pauses of each letter are drawn anew, and two to three other
voices murmur other letters behind. Codes of one length take one time, and so one size, whatever their letters are.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
from array import array
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
SECONDS_A_PHRASE = 1.9
"""What all phrases take together, divided by how many they are. The pauses make up for how long their words are."""
LEAST_PAUSE_SECONDS = 0.45
LEAST_LEAD_SECONDS = 0.25
BREATH_SECONDS = (0.05, 0.14)
MOST_TAKES = 20
"""How often slow voices have it said again, to fit."""

LOUDNESS = (85, 115)
MURMUR = (13, 20)
"""How loud those in front and those behind are, in hundredths of espeak-ng's own loudness."""
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

LOW, HIGH = (0, 1) if sys.byteorder == "little" else (1, 0)
"""Where the two bytes of a sample are."""
FLIPPED = bytes(byte ^ 0x80 for byte in range(256))
"""What makes of the upper byte of a sample that of the sample plus 32,768, and the other way round."""

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
    # What libraries print on descriptor 1 is not to get between the bytes of the answer.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        import lameenc  # type: ignore[import-not-found]

        speaker = Speaker()
    except (ImportError, OSError, RuntimeError):
        sys.exit(CANNOT_SPEAK)
    # Perhaps nobody wants anything said yet: all that could be done before is done.
    order = json.load(sys.stdin.buffer)
    if order["phrases"]:
        content = encode(lameenc, perform(speaker, order), speaker.hertz)
        with os.fdopen(answers, "wb") as target:
            target.write(content)
    sys.stdout.flush()
    # Libraries are left as they are: taking them down could only cost time, or crash.
    os._exit(0)


def perform(speaker: Speaker, order: dict[str, Any]) -> array[int]:
    """The phrases one after the other, over voices that say others."""
    length = round(speaker.hertz * SECONDS_A_PHRASE * len(order["phrases"]))
    front = _spread(_take(speaker, order, length), speaker.hertz, length)
    layers = [_murmur(speaker, order, length) for _ in range(chance.randint(*MURMURING))]
    return _mixed(front, *layers, _hiss(length))


def _take(speaker: Speaker, order: dict[str, Any], length: int) -> list[array[int]]:
    """The phrases, said so fast that they fit in with their pauses."""
    pauses = speaker.hertz * (LEAST_PAUSE_SECONDS * (len(order["phrases"]) - 1) + 2 * LEAST_LEAD_SECONDS)
    for _ in range(MOST_TAKES):
        said = [
            _phrase(speaker, order["language"], letter, word, LOUDNESS) for letter, word in order["phrases"]
        ]
        if sum(map(len, said)) + pauses <= length:
            return said
    raise OSError("espeak-ng speaks too slowly")


def _spread(said: list[array[int]], hertz: int, length: int) -> array[int]:
    """The phrases with silence before, between and behind them: as much as `length` leaves, shared out by chance."""
    least = [LEAST_LEAD_SECONDS, *([LEAST_PAUSE_SECONDS] * (len(said) - 1)), LEAST_LEAD_SECONDS]
    shares = [chance.uniform(0.5, 1.5) for _ in least]
    spare = length / hertz - sum(map(len, said)) / hertz - sum(least)
    front = array("h")
    for phrase, pause, share in zip(said, least, shares, strict=False):
        front.extend(_silence(hertz, pause + spare * share / sum(shares)))
        front.extend(phrase)
    front.extend(array("h", bytes(2 * (length - len(front)))))
    return front


def _murmur(speaker: Speaker, order: dict[str, Any], length: int) -> array[int]:
    """Somebody who says other letters all the while."""
    said = array("h", bytes(2 * chance.randrange(speaker.hertz)))
    while len(said) < length:
        letter, word = chance.choice(order["others"])
        said.extend(_phrase(speaker, order["language"], letter, word, MURMUR))
        said.extend(_silence(speaker.hertz, chance.uniform(*BREATH_SECONDS)))
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
    said.extend(_silence(speaker.hertz, chance.uniform(*BREATH_SECONDS)))
    said.extend(speaker.say(word))
    return said


def _silence(hertz: int, seconds: float) -> array[int]:
    return array("h", bytes(2 * int(hertz * seconds)))


def _hiss(length: int) -> array[int]:
    noise = random.Random(chance.getrandbits(64))  # noqa: S311 -- a hiss keeps no secret
    piece = array("h", [round(noise.gauss(0, HISS)) for _ in range(HISS_SAMPLES)])
    return (piece * (length // HISS_SAMPLES + 1))[:length]


def _mixed(*layers: array[int]) -> array[int]:
    """Their sum, cut off where a sample holds no more.

    A loop of ours over a quarter of a million samples would take a fifth of a second. Made positive, and with 32 bits
    for each sample, a layer is one number: the sum of these has the sums of all samples, and in the upper halves
    whether they fit.
    """
    count, most = len(layers[0]), len(layers)
    # So that what is in range has `most` in its upper half, and nothing is borrowed from a neighbour.
    raised = int.from_bytes(((most + 1) * 0x8000).to_bytes(4, "little") * count, "little")
    total = raised + sum(int.from_bytes(_with_room(layer), "little") for layer in layers)
    summed = total.to_bytes(4 * count, "little")
    samples = bytearray(2 * count)
    samples[LOW::2], samples[HIGH::2] = summed[0::4], summed[1::4].translate(FLIPPED)
    mixed = array("h", bytes(samples))
    carried = summed[2::4]
    if carried.count(most) != count:
        for place, upper in enumerate(carried):
            if upper != most:
                mixed[place] = 32_767 if upper > most else -32_768
    return mixed


def _with_room(layer: array[int]) -> bytearray:
    """Each sample, 32,768 added, in the lower half of 32 bits."""
    samples, wide = layer.tobytes(), bytearray(4 * len(layer))
    wide[0::4], wide[1::4] = samples[LOW::2], samples[HIGH::2].translate(FLIPPED)
    return wide


def encode(lameenc: Any, samples: array[int], hertz: int) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(hertz)
    encoder.set_out_sample_rate(OUT_HERTZ)
    encoder.set_bit_rate(KILOBITS_A_SECOND)
    encoder.set_quality(7)
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
