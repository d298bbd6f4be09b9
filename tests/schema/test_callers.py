"""Every root field says who may call it, and refuses the others before anything else happens."""

from io import BytesIO
from uuid import uuid4

import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
)
from starlette.datastructures import UploadFile

from core.errors import ForbiddenError, UnauthenticatedError
from models.actors import (
    Actor,
    AgentActor,
    CitizenActor,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)
from schema.build import build_schema
from schema.callers import ANYBODY, EVERYONE, RESTRICTED, Caller, caller, refuse_others
from schema.fields import ROOT_FIELDS, RootField
from schema.masking import describe_call_error
from tests.schema.conftest import Calls
from tests.schema.everything import smallest_operation

ID = uuid4()
HANDLER = AgentActor(agent_id=ID, session_id=ID, role="HANDLER", display_name="Agent")
ACTORS: dict[Caller, Actor] = {
    Caller.VISITOR: Visitor(),
    Caller.TICKET_HOLDER: TicketHolder(request_id=ID),
    Caller.CITIZEN: CitizenActor(account_id=ID, session_id=ID),
    Caller.AGENT: HANDLER,
    Caller.ADMINISTRATOR: AgentActor(agent_id=ID, session_id=ID, role="ADMINISTRATOR", display_name="Admin"),
    Caller.PARTNER: PartnerActor(token_id=ID, scopes=frozenset(), procedure_ids=frozenset()),
    Caller.MUST_CHANGE_PASSWORD: RestrictedActor(
        who=CitizenActor(account_id=ID, session_id=ID), duty="CHANGE_PASSWORD"
    ),
    Caller.MUST_ENROL: RestrictedActor(who=HANDLER, duty="ENROL_SECOND_FACTOR"),
}


def root_fields(schema: GraphQLSchema) -> dict[str, GraphQLField]:
    roots: list[GraphQLObjectType | None] = [
        schema.query_type,
        schema.mutation_type,
        schema.subscription_type,
    ]
    return {f"{root.name}.{name}": field for root in roots if root for name, field in root.fields.items()}


def test_every_root_field_says_who_may_call_it() -> None:
    built = root_fields(build_schema()._schema)
    declared = {root.field: root for root in ROOT_FIELDS}

    assert len(built) == len(ROOT_FIELDS) > 50
    for name, field in built.items():
        root = declared[field.extensions["strawberry-definition"]]
        assert root.callers, name
        assert field.description is not None
        told = field.description.splitlines()[-1]
        assert told == f"Callers: {', '.join(kind for kind in Caller if kind in root.callers)}."


def test_queries_are_open_to_everyone_and_changes_are_not_open_to_partners_by_accident() -> None:
    assert all(root.callers >= EVERYONE for root in ROOT_FIELDS if root.operation == "query")
    assert {
        root.name for root in ROOT_FIELDS if Caller.PARTNER in root.callers and root.operation != "query"
    } == {
        "change_request_status",
        "post_exchange",
        "save_webhook",
        "delete_webhook",
        "slot_changes",
    }


def test_who_has_a_duty_first_may_do_that_and_leave() -> None:
    """And read whose site it is. Nothing else: a field is closed to them unless it names them."""
    assert {kind: {root.name for root in ROOT_FIELDS if kind in root.callers} for kind in RESTRICTED} == {
        Caller.MUST_CHANGE_PASSWORD: {"change_credentials", "log_out", "municipality"},
        Caller.MUST_ENROL: {"enrol_second_factor", "confirm_second_factor", "log_out", "municipality"},
    }


@pytest.mark.parametrize(
    ("kind", "duty"),
    [
        (Caller.MUST_CHANGE_PASSWORD, "CHANGE_PASSWORD"),
        (Caller.MUST_ENROL, "ENROL_SECOND_FACTOR"),
    ],
)
def test_who_has_a_duty_first_is_told_which(kind: Caller, duty: str) -> None:
    with pytest.raises(ForbiddenError) as raised:
        refuse_others(ACTORS[kind], EVERYONE)
    assert raised.value.duty == duty
    assert describe_call_error(raised.value, "fr")["extensions"] == {"code": "FORBIDDEN", "duty": duty}


@pytest.mark.parametrize("kind", Caller)
def test_an_actor_is_one_kind_of_caller(kind: Caller) -> None:
    assert caller(ACTORS[kind]) is kind


@pytest.mark.parametrize("kind", Caller)
def test_others_are_refused(kind: Caller) -> None:
    refuse_others(ACTORS[kind], {kind})
    with pytest.raises(UnauthenticatedError if kind is Caller.VISITOR else ForbiddenError):
        refuse_others(ACTORS[kind], ANYBODY - {kind})


@pytest.mark.parametrize(
    ("root", "kind"),
    [(root, kind) for root in ROOT_FIELDS for kind in Caller if kind not in root.callers],
    ids=lambda value: value.name.lower(),
)
async def test_who_is_refused_is_told_so_before_anything_else(root: RootField, kind: Caller) -> None:
    """Nothing is initialised here: whatever got as far as a resolver would fail otherwise."""
    calls = Calls()
    document = smallest_operation(root, calls.schema._schema)
    upload = {"upload": UploadFile(BytesIO(b"x"))} if "$upload" in document else {}

    answer = await calls.first_answer(document, ACTORS[kind], **upload)

    refused = "UNAUTHENTICATED" if kind is Caller.VISITOR else "FORBIDDEN"
    assert [error["extensions"]["code"] for error in answer.errors] == [refused]
    assert not any((answer.data or {}).values())
