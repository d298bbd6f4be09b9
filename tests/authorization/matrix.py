"""The matrix: what each kind of caller is shown of each field, by every way that the schema has to it.

A look is one question of one kind of caller, and finds what is wrong with the answer. Tests take all looks of a kind;
test_policies.py deletes a policy, takes the looks that it had a part in, and wants one of them to find something.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_composite_type

from models.ids import decode, encode
from models.requests import OPEN_STATUSES
from tests.authorization.asking import Documents, take_apart
from tests.authorization.calling import SCHEMA, Callers, Reply
from tests.authorization.expectations import (
    BY_TICKET,
    QUERIES,
    REFUSED_FIELDS,
    Asked,
    may_see,
    permitted,
)
from tests.authorization.kinds import (
    ADMINISTRATORS,
    AGENTS,
    CITIZENS,
    EVERYONE,
    PARTNERS,
    RESTRICTED,
    TOLD,
    Kind,
)
from tests.authorization.world import ERASED, ERASED_ON, NO_NODES, Thing, row_of

DEPTHS = {"owner submitted": 3, "other submitted": 3, "held": 3, "other held": 3, "procedure": 4}
"""How far below itself an object is read, where that is more than `DEPTH`."""
DEPTH = 2
MISTAKEN = ("ServiceRequest", "StoredDocument", "Agent")
"""Types that a row is asked for under, besides its own."""
OF_ANY_HOLDER = ("heldUntil", "closedAt", "archivedAt", "problems", "path", "message")
"""Fields that the world's two holders have no occasion to see, and others who are given a ticket have."""

ARGUMENT = re.compile(r'(\w+): "([^"]*)"')

Find = Callable[[], Awaitable[list[str]]]


@dataclass(frozen=True, repr=False)
class Look:
    """`find` answers what is wrong, in sentences; nothing where all is as it should be."""

    name: str
    kind: Kind
    find: Find
    spoils: bool = False
    """Whether the world is another one afterwards."""


@dataclass(repr=False)
class Matrix:
    """All looks at what can be read. `seen` is what they have come to see: kind, type and field."""

    callers: Callers
    seen: set[tuple[Kind, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.documents = {
            kind: Documents(SCHEMA, [field for field, kinds in REFUSED_FIELDS.items() if kind in kinds])
            for kind in Kind
        }

    def looks(self, kind: Kind) -> Iterator[Look]:
        """All at what one kind of caller can read."""
        world = self.callers.world
        if kind in RESTRICTED:
            yield Look("what may not be asked", kind, partial(self.closed, kind))
            for name, query in QUERIES.items():
                for asked in query(world):
                    if kind in asked.reach:
                        yield Look(f"{name}{asked.arguments}", kind, partial(self.query, kind, name, asked))
            return
        yield Look("which ids exist", kind, partial(self.ids, kind))
        yield Look("ids of the wrong type", kind, partial(self.mistyped, kind))
        if kind in TOLD:
            yield Look("fields that are refused", kind, partial(self.refused, kind))
        yield Look("slots that are not free", kind, partial(self.calendar, kind))
        if kind in PARTNERS:
            yield Look("what has changed", kind, partial(self.changes, kind))
        if kind in CITIZENS | AGENTS:
            yield Look("how many there are", kind, partial(self.counts, kind))
        for thing in world.things.values():
            if kind in thing.reach and thing.type not in NO_NODES:
                yield Look(f"node {thing.name}", kind, partial(self.node, kind, thing))
        for name, query in QUERIES.items():
            for asked in query(world):
                yield Look(f"{name}{asked.arguments}", kind, partial(self.query, kind, name, asked))

    async def ids(self, kind: Kind) -> list[str]:
        """Every id of the world, all at once: those exist that may."""
        things = list(self.callers.world.things.values())
        reply = await self.callers.ask(kind, _nodes([thing.id for thing in things]))
        wrong = [
            f"{thing.name} {'exists' if found else 'does not exist'} for the {kind}"
            for thing, found in zip(things, _found(reply), strict=True)
            if found is not (kind in thing.reach and thing.type not in NO_NODES)
        ]
        return [*wrong, *self._wrong(reply)]

    async def closed(self, kind: Kind) -> list[str]:
        """Queries, for those to whom hardly any is open yet: told so, whatever else they ask for."""
        wrong = []
        things = [thing.id for thing in self.callers.world.things.values()]
        asked = [
            f"{name}{one.arguments}"
            for name, query in QUERIES.items()
            for one in query(self.callers.world)
            if kind not in one.reach
        ]
        for document in (
            *(f"{{ {one} {{ __typename }} }}" for one in asked),
            *(_nodes([id]) for id in things),
        ):
            reply = await self.callers.ask(kind, document)
            if reply.codes != ["FORBIDDEN"] or any(reply.data.values()):
                wrong.append(f"{document} answers {reply.codes} to the {kind}")
            wrong += reply.leaks
        return wrong

    async def mistyped(self, kind: Kind) -> list[str]:
        """The rows of the world under the names of other types: none exists."""
        ids = []
        for number, thing in enumerate(self.callers.world.things.values()):
            mistaken = MISTAKEN[number % len(MISTAKEN)]
            if thing.reach != EVERYONE and mistaken != thing.type:
                ids.append(encode(mistaken, row_of(thing)))
        reply = await self.callers.ask(kind, _nodes(ids))
        return [
            *(
                f"{decode(id)} exists for the {kind}"
                for id, found in zip(ids, _found(reply), strict=True)
                if found
            )
        ]

    async def refused(self, kind: Kind) -> list[str]:
        """Fields that answer an error to some, of what they see otherwise."""
        wrong = []
        for field_, kinds in REFUSED_FIELDS.items():
            asked = self._path_to(kind, *field_.split("."))
            if asked is not None:
                reply = await self.callers.ask(kind, f"{{ {asked} }}")
                if reply.codes != (["FORBIDDEN"] if kind in kinds else []):
                    wrong.append(f"{field_} answers {reply.codes} to the {kind}")
                wrong += reply.leaks
        return wrong

    def _path_to(self, kind: Kind, type_: str, name: str) -> str | None:
        """A field of something that this kind of caller sees."""
        named = SCHEMA.type_map[type_]
        assert isinstance(named, GraphQLObjectType)
        value = get_named_type(named.fields[name].type)
        asked = f"{name} {'{ __typename }' if is_composite_type(value) else ''}"
        if kind in PARTNERS:
            match type_:
                case "Partner":
                    return f"partner {{ {asked} }}"
                case "ServiceRequest":
                    return f"partner {{ changes {{ nodes {{ request {{ {asked} }} }} }} }}"
                case _:
                    return f"partner {{ changes {{ nodes {{ ... on {type_} {{ {asked} }} }} }} }}"
        seen = [thing for thing in self.callers.world.of_type(type_) if kind in thing.reach]
        return f'node(id: "{seen[0].id}") {{ ... on {type_} {{ {asked} }} }}' if seen else None

    async def calendar(self, kind: Kind) -> list[str]:
        """A closed slot stands in the calendar of agents only."""
        world = self.callers.world
        slots = f"slots{self.documents[kind].arguments['Schedule.slots'][0]} {{ id }}"
        schedule = world.things["schedule"].id
        reply = await self.callers.ask(
            kind, f'{{ node(id: "{schedule}") {{ ... on Schedule {{ {slots} }} }} }}'
        )
        told = [slot["id"] for slot in reply.data["node"]["slots"]]
        shown = world.things["closed slot"].id in told
        return [] if shown is (kind in AGENTS) else [f"a closed slot in the calendar of the {kind}: {shown}"]

    async def counts(self, kind: Kind) -> list[str]:
        """Numbers tell of what is not shown, too."""
        asked, expected = self._of_the_desk(kind) if kind in AGENTS else self._of_the_account(kind)
        reply = await self.callers.ask(kind, f"{{ {asked} }}")
        (told,) = reply.data.values()
        if "agents" in told:
            told["agents"].sort(key=lambda agent: [*self.callers.world.given].index(agent["id"]))
            told["figures"].sort(key=lambda figure: -figure["waiting"])
            told["erased"] = {each["procedure"]["slug"] for each in told["erased"] if each["weeks"]}
        return [
            f"the {kind} is told {told.get(name)} of {name}, not {value}"
            for name, value in expected.items()
            if told.get(name) != value
        ]

    def _of_the_account(self, kind: Kind) -> tuple[str, dict[str, Any]]:
        current = [
            f for f in self.callers.world.requests.values() if kind in f.reach and f.row.archived_at is None
        ]
        return "me { unreadExchangeCount requests { totalCount } }", {
            "unreadExchangeCount": self._unread(kind, "municipality"),
            "requests": {"totalCount": len(current)},
        }

    def _of_the_desk(self, kind: Kind) -> tuple[str, dict[str, Any]]:
        world = self.callers.world
        seen = [filed for filed in world.requests.values() if kind in filed.reach]
        open_ = [str(filed.row.procedure_id) for filed in seen if filed.row.status in OPEN_STATUSES]
        agents = [
            {"id": id, "active": active, "procedures": [{"slug": slug} for slug in slugs]}
            for id, (active, slugs) in world.given.items()
        ]
        asked = (
            "desk { unreadExchangeCount requests { totalCount } parkedMails { totalCount } "
            "securityEvents { totalCount } secondFactor { enabled recoveryCodesLeft } "
            f"figures{self.documents[kind].arguments['Desk.figures'][0]} {{ waiting }} "
            f'erased: figures(from: "{ERASED_ON}", to: "{ERASED_ON}") {{ procedure {{ slug }} weeks {{ start }} }} '
            "tokens: partnerTokens { __typename } hooks: webhooks { __typename } "
            "without: agentsWithoutSecondFactor { __typename } "
            "agents { id active procedures { slug } } }"
        )
        return asked, {
            "unreadExchangeCount": self._unread(kind, "citizen"),
            "requests": {"totalCount": len(seen)},
            "parkedMails": {"totalCount": self._how_many(kind, "ParkedMail")},
            "securityEvents": {"totalCount": self._how_many(kind, "SecurityEvent")},
            "secondFactor": {"enabled": True, "recoveryCodesLeft": world.recovery_codes(kind)},
            "figures": [{"waiting": count} for count in sorted(Counter(open_).values(), reverse=True)],
            "erased": {slug for slug, reach in ERASED.items() if kind in reach},
            "tokens": [{"__typename": "PartnerToken"}] * self._how_many(kind, "PartnerToken"),
            "hooks": [{"__typename": "DeskWebhook"}] * self._how_many(kind, "DeskWebhook"),
            # Who is still to enrol, and somebody else who was offered one.
            "without": [{"__typename": "Agent"}] * 2 if kind in ADMINISTRATORS else [],
            "agents": agents,
        }

    def _unread(self, kind: Kind, author: str) -> int:
        return sum(
            kind in thing.reach and thing.name.endswith(f"/{author} exchange")
            for thing in self.callers.world.of_type("Exchange")
        )

    def _how_many(self, kind: Kind, type_: str) -> int:
        return sum(kind in thing.reach for thing in self.callers.world.of_type(type_))

    async def changes(self, kind: Kind) -> list[str]:
        """What a partner reads of the log is what happened to the requests in its scope."""
        world = self.callers.world
        scope = {Kind.SCOPELESS: Kind.PARTNER}.get(kind, kind)
        events = [id for id in world.secrets.reach if _is_event(id) and scope in world.secrets.reach[id]]
        reply = await self.callers.ask(kind, "{ partner { changes(first: 100) { nodes { id } } } }")
        told = {node["id"] for node in reply.data["partner"]["changes"]["nodes"]}
        return [] if told == set(events) else [f"the {kind} reads {len(told)} changes, not {len(events)}"]

    async def node(self, kind: Kind, thing: Thing) -> list[str]:
        """All of one object."""
        selection = self.documents[kind].all_of(SCHEMA.type_map[thing.type], DEPTHS.get(thing.name, DEPTH))
        assert SCHEMA.query_type is not None
        node = SCHEMA.query_type.fields["node"]
        selection = f"{{ ... on {thing.type} {selection} }}"
        document, variables = with_variables(node, f'node(id: "{thing.id}")', selection)
        reply = await self.callers.ask(kind, document, variables)
        wrong = self._wrong(reply)
        row = reply.data["node"]
        if thing.type == "ServiceRequest":
            wrong += self._actions(kind, thing.name, row)
            if kind in AGENTS and row["assignee__0"] is None:
                wrong.append(f"the {kind} does not see who is in charge of {thing.name}")
            unread = int(
                self.callers.world.requests[thing.name].row.status in ("SUBMITTED", "AWAITING_CITIZEN")
            )
            if row["unreadExchangeCount__0"] != unread:
                wrong.append(f"the {kind} counts {row['unreadExchangeCount__0']} unread in {thing.name}")
        if thing.type == "StoredDocument":
            used = {request["id__0"] for request in row["usedBy__0"]}
            if used != self._users_of(kind, thing):
                wrong.append(f"{thing.name} is used by {len(used)} requests for the {kind}")
        if thing.type == "Attachment" and thing.request is not None:
            actions = permitted(kind, self.callers.world.requests[thing.request])
            if row["editable__0"] is not (kind in thing.owners and "ADD_ATTACHMENT" in actions):
                wrong.append(f"{thing.name} is editable for the {kind}: {row['editable__0']}")
        return wrong

    def _users_of(self, kind: Kind, document: Thing) -> set[str]:
        """The requests that hold a copy of a document, of those that its owner has."""
        world = self.callers.world
        return {
            world.things[filed.name].id
            for filed in world.requests.values()
            if document.name == f"document {kind}"
            and kind in filed.reach
            and f"{filed.name}/copy of the {kind}" in world.things
        }

    async def query(self, kind: Kind, name: str, asked: Asked) -> list[str]:
        """A root field, with all below it."""
        assert SCHEMA.query_type is not None
        asked_field = SCHEMA.query_type.fields[name]
        type_ = get_named_type(asked_field.type)
        # Where nothing is to come, what would be in it need not be asked.
        everything = self.documents[kind].all_of(type_, asked.depth)
        selection = everything if kind in asked.reach else "{ __typename }"
        document, variables = with_variables(asked_field, f"{name}{asked.arguments}", selection)
        reply = await self.callers.ask(kind, document, variables, opened=asked.opens)
        value = reply.data.get(name)
        wrong = self._wrong(reply, as_holder=asked.opens is not None)
        if (value is not None) is not (kind in asked.reach):
            wrong.append(f"{name}{asked.arguments} answers {str(value)[:200]} to the {kind}")
        if asked.opens is not None and kind in BY_TICKET and value is not None:
            wrong += self._actions(kind, asked.opens, value)
        return wrong

    def _wrong(self, reply: Reply, *, as_holder: bool = False) -> list[str]:
        """Leaks, errors, and fields that this kind of caller, or the holder of a ticket, is not shown."""
        shown = {(type_, name) for type_, name, value in take_apart(reply.data) if value}
        if not as_holder:
            self.seen |= {(reply.kind, *one) for one in shown}
        return [
            *reply.leaks,
            *(f"the {reply.kind} was answered {code}" for code in reply.codes),
            *(
                f"the {reply.kind} saw {type_}.{name}"
                for type_, name in sorted(shown)
                if reply.kind not in may_see(type_, name)
                and not (as_holder and Kind.HOLDER in may_see(type_, name))
                and not (as_holder and name in OF_ANY_HOLDER)
            ),
        ]

    def _actions(self, kind: Kind, request: str, row: dict[str, Any]) -> list[str]:
        """What may be done with a request, as the table of actions has it."""
        told = set(row["permittedActions__0"])
        expected = permitted(kind, self.callers.world.requests[request])
        return [] if told == expected else [f"the {kind} may {told ^ expected} with {request}"]


def with_variables(field: GraphQLField, asked: str, selection: str) -> tuple[str, dict[str, str]]:
    """A query whose arguments' texts are variables: the same document whatever they are, so that a server that has
    checked it once remembers it."""
    values = dict(ARGUMENT.findall(asked))
    declared = " ".join(f"${one}: {field.args[one].type}" for one in values)
    asked = ARGUMENT.sub(r"\1: $\1", asked)
    return f"query {f'({declared})' if values else ''} {{ {asked} {selection} }}", values


def _is_event(text: str) -> bool:
    known = decode(text)
    return known is not None and known[0] == "RequestEvent"


def _nodes(ids: list[str]) -> str:
    asked = (f'n{number}: node(id: "{id}") {{ __typename id }}' for number, id in enumerate(ids))
    return f"{{ {' '.join(asked)} }}"


def _found(reply: Reply) -> list[bool]:
    return [value is not None for value in reply.data.values()]
