"""What the history says of a piece that the scanner has put aside, to whoever reads it."""

from __future__ import annotations

import pytest

from core.clock import now
from core.selection import Selection
from models.ids import encode
from resolvers.requests import read_request
from resolvers.scans import record_verdict
from tests.factories import make_agent, make_citizen, make_procedure, make_request
from tests.jobs.files import add_file, attach
from uploads.scanning import Verdict

HISTORY = Selection.of(
    history=Selection.of(
        nodes=Selection.of(
            "__typename",
            "actor",
            "title",
            "description",
            attachment=Selection.of("id", file=Selection.of("scan", "url")),
        )
    )
)


@pytest.mark.usefixtures("municipality")
async def test_both_sides_read_that_a_piece_was_put_aside_and_nobody_can_open_it() -> None:
    citizen, agent = await make_citizen(), await make_agent()
    request = await make_request(await make_procedure(), citizen=citizen)
    file_id = await add_file(next_scan_at=now())
    attachment_id = await attach(file_id, request, title="Passeport")

    assert await record_verdict(file_id, Verdict("INFECTED", "Some.Virus"))

    for reader in (citizen, agent):
        row = await read_request(reader, request.id, HISTORY)
        assert row is not None
        (event,) = row["history"]["nodes"]
        assert (event["__typename"], event["actor"], event["title"]) == (
            "AttachmentRejected",
            "SYSTEM",
            "Passeport",
        )
        assert event["attachment"]["id"] == encode("Attachment", attachment_id)
        assert event["attachment"]["file"]["scan"] == "INFECTED"
        assert event["attachment"]["file"]["url"] is None
        assert event["description"].startswith("La pièce « Passeport » a été écartée")
