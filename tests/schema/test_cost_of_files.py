"""Pieces are copies of documents, which are used by requests, which hold pieces: a circle that is not gone round."""

from __future__ import annotations

import pytest
from graphql import GraphQLSchema, parse

from models.attachments import ATTACHMENT_LIMIT, EXCHANGE_ATTACHMENT_LIMIT
from resolvers.reading.storage import USED_BY_LIMIT
from schema.build import build_schema
from schema.limits import _LONG_LISTS, Limits, find_excesses

AROUND = "attachments { copiedFrom { usedBy { %s } } }"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


def test_the_lists_that_people_fill_count_as_long_as_they_may_be() -> None:
    assert _LONG_LISTS["ServiceRequest.attachments"] == ATTACHMENT_LIMIT
    assert _LONG_LISTS["StoredDocument.usedBy"] == USED_BY_LIMIT
    assert _LONG_LISTS["Exchange.attachments"] == EXCHANGE_ATTACHMENT_LIMIT


@pytest.mark.parametrize(("times", "refused"), [(10, False), (11, True)])
@pytest.mark.parametrize(
    "field",
    [
        'addAttachment(input: { request: "x", source: { upload: $file } })',
        'replaceAttachment(input: { attachment: "x", source: { upload: $file } })',
        "addStoredDocument(input: { upload: $file })",
        'updateStoredDocument(input: { document: "x", upload: $file })',
    ],
)
def test_one_file_is_not_checked_over_and_over(
    schema: GraphQLSchema, field: str, times: int, refused: bool
) -> None:
    fields = " ".join(f"a{i}: {field} {{ __typename }}" for i in range(times))
    document = parse(f"mutation ($file: Upload!) {{ {fields} }}")
    excesses = find_excesses(schema, document, Limits())
    assert [error.message.startswith("The operation costs") for error in excesses] == [True] * refused


@pytest.mark.parametrize(
    ("below", "refused"),
    [
        (AROUND % "id status", False),
        (AROUND % "attachments { id }", True),
        (AROUND % AROUND % "id", True),
        ("exchanges(last: 20) { nodes { attachments { id title editable } } }", False),
        (f"exchanges(last: 20) {{ nodes {{ {AROUND % 'status'} }} }}", False),
        (f"exchanges(last: 20) {{ nodes {{ {AROUND % (AROUND % 'id')} }} }}", True),
    ],
)
def test_nobody_goes_round_twice(schema: GraphQLSchema, below: str, refused: bool) -> None:
    """Answering the third, of 20 requests with 20 copies each, takes PostgreSQL and Python more than a second."""
    document = parse(f'{{ request(id: "x") {{ {below} }} }}')
    excesses = find_excesses(schema, document, Limits())
    assert [error.message.startswith("The operation costs") for error in excesses] == [True] * refused
