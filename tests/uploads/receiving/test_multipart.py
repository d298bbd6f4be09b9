"""The parts of a body, however it is cut, and what is no such body."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UnavailableError
from uploads.receiving import MalformedBodyError, Part, PartEnd, PartEvent, keep_file, multipart, read_parts

BOUNDARY = b"frontier"


async def cut(body: bytes, *places: int) -> AsyncIterator[bytes]:
    ends = [*sorted(place % (len(body) + 1) for place in places), len(body)]
    start = 0
    for end in ends:
        yield body[start:end]
        start = end


async def read(body: bytes, *places: int) -> list[tuple[Part, bytes]]:
    """The parts with their bytes; checks that each event is where it may be."""
    parts: list[tuple[Part, bytes]] = []
    open_part = False
    async for event in read_parts(cut(body, *places), BOUNDARY):
        match event:
            case Part():
                assert not open_part
                parts.append((event, b""))
                open_part = True
            case bytes():
                assert open_part
                assert 0 < len(event) <= multipart.PIECE_BYTES
                parts[-1] = (parts[-1][0], parts[-1][1] + event)
            case PartEnd():
                assert open_part
                open_part = False
    return parts


def body_of(*parts: tuple[bytes, bytes]) -> bytes:
    """`parts`: the headers of each, without the last line break, and its bytes."""
    return b"".join(
        b"--frontier\r\n" + headers + b"\r\n\r\n" + content + b"\r\n" for headers, content in parts
    ) + (b"--frontier--\r\n")


def named(name: bytes, rest: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"' + rest


async def test_parts_come_with_their_names_and_bytes() -> None:
    body = body_of(
        (named(b"operations"), b"{}"),
        (
            named(b"0", '; filename="pièce d’identité.pdf"'.encode())
            + b"\r\nContent-Type: Application/PDF; x=y",
            b"%PDF\r\n--frontie\r\n\0",
        ),
        (named(b"1", b'; filename=""'), b""),
    )
    assert await read(body) == [
        (Part("operations", None, "application/octet-stream"), b"{}"),
        (Part("0", "pièce d’identité.pdf", "application/pdf"), b"%PDF\r\n--frontie\r\n\0"),
        (Part("1", "", "application/octet-stream"), b""),
    ]


async def test_what_stands_around_the_parts_is_ignored() -> None:
    body = b"\r\n" + body_of((named(b"a"), b"1")) + b"epilogue"
    assert [content for _, content in await read(body)] == [b"1"]


async def test_no_parts_are_none() -> None:
    assert await read(b"--frontier--\r\n") == []


near_boundaries = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"-", b"--", b"\r\n--frontier", b"\r\n--frontie", b"frontier", b"x", b"\0"]
    ),
    max_size=8,
).map(b"".join)


@given(
    content=near_boundaries.filter(lambda content: b"\r\n--frontier" not in b"\r\n" + content),
    places=st.lists(st.integers(0, 1000), max_size=12),
)
def test_a_body_reads_the_same_however_it_is_cut(content: bytes, places: list[int]) -> None:
    body = body_of((named(b"a"), content), (named(b"b", b'; filename="b"'), content))
    assert [content for _, content in asyncio.run(read(body, *places))] == [content, content]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--frontier",
        b"--frontier\r\n",
        b"--other\r\n" + named(b"a") + b"\r\n\r\n1\r\n--other--",
        body_of((named(b"a"), b"1"))[:-4],
        body_of((b"X: y", b"1")),
        body_of((b"Content-Disposition: form-data", b"1")),
        body_of((b'Content-Disposition: attachment; name="a"', b"1")),
        body_of((named(b"a") + b"\r\n" + named(b"b"), b"1")),
        body_of((named(b"a\0"), b"1")),
        body_of((named(b"a") + b"\r\nContent-Transfer-Encoding: base64", b"1")),
        body_of((named(b"a") + b"\r\nno colon", b"1")),
        body_of((named(b"a" * 5000), b"1")),
        body_of((named(b"a") + b"".join(b"\r\nX-%d: y" % number for number in range(20)), b"1")),
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_what_is_no_such_body_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        await read(body)


async def test_names_that_are_not_utf8_are_read_as_well_as_can_be() -> None:
    [(part, _)] = await read(body_of((named(b"a", b'; filename="pi\xe8ce.pdf"'), b"1")))
    assert part.file_name == "pi�ce.pdf"


async def events_of(*pieces: bytes) -> AsyncIterator[PartEvent]:
    for piece in pieces:
        yield piece
    yield PartEnd()


@pytest.mark.parametrize(
    ("pieces", "size", "kept"),
    [
        ([], 0, b""),
        ([b"abc", b"def"], 6, b"abcdef"),
        ([b"abc", b"defg"], 7, b""),
        ([b"abc", b"defg", b"h"], 8, b""),
        ([b"abcdefgh"], 8, b""),
    ],
)
async def test_a_file_that_is_too_large_is_counted_and_not_kept(
    pieces: list[bytes], size: int, kept: bytes
) -> None:
    with ExitStack() as files:
        file = await keep_file(Part("0", "a.pdf", "application/pdf"), events_of(*pieces), files, 6)
        assert (file.name, file.media_type, file.size) == ("a.pdf", "application/pdf", size)
        assert file.content.read() == kept
        assert os.fstat(file.content.fileno()).st_size == len(kept)
    assert file.content.closed


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_full_disk_answers_that_the_service_is_unavailable(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full refuses each write as a full disk does: at once, or when what is in memory has to leave."""
    opened = []

    def full() -> object:
        opened.append(Path("/dev/full").open("wb"))  # noqa: SIM115 - what is tested closes it
        return opened[-1]

    monkeypatch.setattr(multipart, "scratch_file", full)
    with pytest.raises(UnavailableError), ExitStack() as files:
        await keep_file(Part("0", "a", "b"), events_of(b"x" * size), files, 10**6)
    assert opened[0].closed
