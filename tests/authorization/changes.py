"""Every mutation, tried by those whose it is not to make: what they are told, and that nothing has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from graphql import GraphQLInputObjectType, get_named_type, is_composite_type
from strawberry.utils.str_converters import to_camel_case

from models.database import execute, fetch
from schema.fields import ROOT_FIELDS, RootField
from tests.authorization.asking import Documents, take_apart
from tests.authorization.calling import SCHEMA, Callers, Reply
from tests.authorization.expectations import CHANGES, REFUSALS, SUBSCRIPTIONS, Change, Refusal, permitted
from tests.authorization.kinds import VISITORS, Kind
from tests.authorization.matrix import Look
from tests.authorization.world import Thing, row_of
from tests.schema.everything import smallest_operation

ENDING = {"logOut", "revokeOtherSessions"}
"""What leaves others, or the caller, without a session to go on with."""
NOISE = frozenset({"limit_count"})
"""Tables that change with whoever calls, whatever comes of it."""

SEEN = {"session": "last_seen_at", "partner_token": "last_used_at"}
"""Columns that say that somebody called, whatever they asked for."""

SHARED = frozenset({"municipality", "slot", "file", "tortoise_migrations", "captcha", "captcha_audio"})
"""Tables that are everybody's."""

Named = Mapping[str, Thing]


@dataclass(repr=False)
class Changes:
    callers: Callers

    shown: set[tuple[str, str]] = field(default_factory=set)
    """Types and fields that the successes of the changes had a value for."""

    def __post_init__(self) -> None:
        self.documents = Documents(SCHEMA)

    def looks(self, kind: Kind) -> Iterator[Look]:
        """Everything that one kind of caller may not change."""
        yield Look("what may not be called", kind, partial(self.closed, kind))
        for change in CHANGES:
            if change.by is None or change.by_ticket is not None or kind not in change.may:
                continue
            foreign = list(self.foreign(kind, change))
            if foreign:
                yield Look(
                    f"{change.mutation}{change.arguments} of others",
                    kind,
                    partial(self.refused, kind, change, foreign),
                )
            forbidden = list(self.forbidden(kind, change))
            if forbidden:
                yield Look(
                    f"{change.mutation}{change.arguments} too late",
                    kind,
                    partial(self.refused, kind, change, forbidden),
                )
        for refusal in REFUSALS:
            if refusal.kind is kind:
                yield Look(refusal.what, kind, partial(self.refusal, refusal))
        for change in CHANGES:
            if change.by is kind:
                name = f"{change.mutation}{change.arguments} of one's own"
                yield Look(name, kind, partial(self.made, change), spoils=True)

    def foreign(self, kind: Kind, change: Change) -> Iterator[tuple[Named, str]]:
        """One thing is not the caller's, and all else is, as far as they have any; what that answers."""
        for name, candidates in self._candidates(change).items():
            for thing in self._not_of(kind, change, name, candidates):
                others = {
                    other: self._of(kind, change, other, others)
                    for other, others in self._candidates(change).items()
                    if other != name
                }
                answers = change.seen_answers if kind in thing.reach else "NotFoundError"
                if kind in change.scope:
                    answers = "FORBIDDEN"
                yield {**others, name: thing}, answers

    def forbidden(self, kind: Kind, change: Change) -> Iterator[tuple[Named, str]]:
        """The caller's own requests, in a status in which this is not done."""
        if change.action is None:
            return
        for filed in self.callers.world.requests.values():
            actions = {change.action, change.in_drafts if filed.row.status == "DRAFT" else None}
            if kind not in filed.reach or actions & permitted(kind, filed):
                continue
            named: dict[str, Thing] = {}
            for name, candidates in self._candidates(change).items():
                own = [
                    thing
                    for thing in self.callers.world.of_type(candidates[0].type)
                    if thing.request == filed.name and kind in thing.owners and "old" not in thing.name
                ]
                if candidates[0].request is None:
                    named[name] = self._of(kind, change, name, candidates)
                elif own:
                    named[name] = own[0]
            if len(named) == len(change.on):
                yield named, "FORBIDDEN" if kind in change.scope else "NotAllowedError"

    async def closed(self, kind: Kind) -> list[str]:
        """Mutations and subscriptions that are not for this kind of caller at all: refused before anything else."""
        before, wrong = await digest(), []
        code = "UNAUTHENTICATED" if kind in VISITORS else "FORBIDDEN"
        for name, may in {**{change.mutation: change.may for change in CHANGES}, **SUBSCRIPTIONS}.items():
            if kind not in may:
                document = smallest_operation(ROOTS[name], SCHEMA)
                if name == "captchaAudio":  # One that there is not is FORBIDDEN, too.
                    document = document.replace("nonsense", self.callers.world.things["captcha"].id)
                reply = await self.callers.ask(kind, document)
                wrong += self._unlike(reply, name, code, {})
        return [*wrong, *await self._changed(before, f"the {kind} by what it may not call")]

    async def let_in(self, kind: Kind) -> list[str]:
        """Mutations that are for this kind of caller, with arguments that name nothing. What they may, they change."""
        wrong = []
        for name in {change.mutation for change in CHANGES if kind in change.may - change.scope} - ENDING:
            reply = await self.callers.ask(kind, smallest_operation(ROOTS[name], SCHEMA))
            if set(reply.codes) & {"UNAUTHENTICATED", "FORBIDDEN", "INTERNAL"}:
                wrong.append(f"{name} answers {reply.codes} to the {kind}")
            wrong += reply.leaks
        return wrong

    async def refused(self, kind: Kind, change: Change, calls: list[tuple[Named, str]]) -> list[str]:
        before, wrong = await digest(), []
        for named, expected in calls:
            reply = await self.callers.ask(kind, self.document(change, named))
            wrong += self._unlike(reply, change.mutation, expected, named)
        return [*wrong, *await self._changed(before, f"the {kind} by {change.mutation}")]

    async def refusal(self, refusal: Refusal) -> list[str]:
        before = await digest()
        things = self.callers.world.things
        text = re.sub(
            r"<([^>]*)>", partial(_replacement, things, refusal.values(self.callers.world)), refusal.document
        )
        selection = "" if "{ ..." in text else "{ __typename }"
        reply = await self.callers.ask(
            refusal.kind,
            f"mutation {{ {text} {selection} }}",
            opened=refusal.by_ticket,
            by_ticket=refusal.by_ticket,
        )
        name = text.partition("(")[0]
        return [
            *self._unlike(reply, name, refusal.answers, {}),
            *await self._changed(before, f"the {refusal.kind} by {name}"),
        ]

    async def made(self, change: Change) -> list[str]:
        """The call itself, by whom it is for. It does what it is to do, and to nobody else's."""
        assert change.by is not None
        named = {name: candidates[0] for name, candidates in self._candidates(change).items()}
        if change.after:
            await execute(change.after)
        before = await self.rows_of_others(change, named)
        document = self.document(change, named, whole=True)
        reply = await self.callers.ask(change.by, document, by_ticket=change.by_ticket)
        reply = self.callers.reply(change.shows or change.by, reply.response, change.opens)
        after = await self.rows_of_others(change, named)
        left = await fetch(
            "SELECT id FROM session WHERE id = ANY($1)", [self._row(name) for name in change.ends]
        )
        self.shown |= {(type_, name) for type_, name, value in take_apart(reply.data) if value}
        return [
            *self._unlike(reply, change.mutation, change.success, named),
            *(f"{change.mutation} has left the session {row['id']}" for row in left),
            *(
                f"{change.mutation} of the {change.by} changed a row of others in {table}"
                for table, id in before
                if after.get((table, id)) != before[table, id]
            ),
        ]

    def _row(self, name: str) -> UUID:
        return row_of(self.callers.world.things[name])

    async def rows_of_others(self, change: Change, named: Named) -> dict[tuple[str, str], str]:
        """Every row that the change is not about, as text: it names nothing that the change names, and nobody who makes
        it or is shown what comes of it."""
        things = self.callers.world.things
        owner = change.shows or change.by
        requests = {thing.request for thing in named.values()} | {change.opens}
        about = {*named.values(), *(things[name] for name in (*requests, *change.affects) if name in things)}
        about |= {
            things[name]
            for name in (f"account {owner}", f"agent {owner}", f"token {owner}")
            if name in things
        }
        ids = {str(row_of(thing)) for thing in about}
        of_theirs = await fetch(
            "SELECT c.id FROM credential c WHERE c.account_id::text = ANY($1) OR c.agent_id::text = ANY($1) "
            "UNION SELECT f.id FROM second_factor f WHERE f.agent_id::text = ANY($1)",
            list(ids),
        )
        ids |= {str(row["id"]) for row in of_theirs}
        rows = await fetch(
            " UNION ALL ".join(
                f"SELECT '{name}' AS name, t.id::text AS id, {_held(name)} AS held FROM \"{name}\" t"
                for name in await _tables()
                if name not in SHARED
            )
        )
        return {
            (row["name"], row["id"]): row["held"] for row in rows if not any(id in row["held"] for id in ids)
        }

    def document(self, change: Change, named: Named, *, whole: bool = False) -> str:
        arguments = re.sub(
            r"<([^>]*)>", partial(_replacement, named, change.values(self.callers.world)), change.arguments
        )
        assert SCHEMA.mutation_type is not None
        type_ = get_named_type(SCHEMA.mutation_type.fields[change.mutation].type)
        selection = "{ __typename }" if is_composite_type(type_) else ""
        if whole:
            selection = self.documents.all_of(type_, 2)
        return f"mutation {{ {change.mutation}{arguments} {selection} }}"

    @staticmethod
    def ids_taken(field: str) -> set[str]:
        """The arguments and input fields of a mutation that are ids, however deep."""
        assert SCHEMA.mutation_type is not None
        found: set[str] = set()
        left = list(SCHEMA.mutation_type.fields[field].args.items())
        while left:
            name, argument = left.pop()
            type_ = get_named_type(argument.type)
            if isinstance(type_, GraphQLInputObjectType):
                left += type_.fields.items()
            elif type_.name == "ID":
                found.add(name)
        return found

    def _candidates(self, change: Change) -> Mapping[str, list[Thing]]:
        things = self.callers.world.things
        return {name: [things[one] for one in names] for name, names in change.on.items()}

    def _not_of(self, kind: Kind, change: Change, name: str, candidates: list[Thing]) -> list[Thing]:
        found = [thing for thing in candidates if not _may_name(kind, change, name, thing)]
        elsewhere = (
            thing
            for thing in self.callers.world.of_type(candidates[0].type)
            if thing.reach and not _may_name(kind, change, name, thing)
        )
        return found or [*elsewhere][:1]

    def _of(self, kind: Kind, change: Change, name: str, candidates: list[Thing]) -> Thing:
        own = [
            thing
            for thing in (*candidates, *self.callers.world.of_type(candidates[0].type))
            if _may_name(kind, change, name, thing)
        ]
        return own[0] if own else candidates[0]

    def _unlike(self, reply: Reply, field: str, expected: str, named: Named) -> list[str]:
        value = reply.data.get(field)
        answers = value["__typename"] if isinstance(value, dict) else type(value).__name__ if value else ""
        told = [answers] if answers else reply.codes
        on = ", ".join(thing.name for thing in named.values())
        wrong = [*reply.leaks]
        if told != [_PLAIN.get(expected, expected)]:
            wrong.append(f"{field} on {on} answers {told}, not {expected}, to the {reply.kind}")
        return wrong

    async def _changed(self, before: Mapping[str, str], how: str) -> list[str]:
        after = await digest()
        return [f"{table} was changed by {how}" for table in before if before[table] != after[table]]


ROOTS: Mapping[str, RootField] = {
    root.field.graphql_name or to_camel_case(root.name): root
    for root in ROOT_FIELDS
    if root.operation != "query"
}
_PLAIN = {"Boolean": "bool"}


async def digest() -> dict[str, str]:
    """What each table holds."""
    each = " UNION ALL ".join(
        f"SELECT '{name}' AS name, "
        f"md5(coalesce(string_agg({_held(name)}, '|' ORDER BY {_held(name)}), '')) AS held "
        f'FROM "{name}" t'
        for name in await _tables()
    )
    return {row["name"]: row["held"] for row in await fetch(each)}


def _held(table: str) -> str:
    """A row `t` of it as text."""
    return f"(to_jsonb(t) - '{SEEN[table]}')::text" if table in SEEN else "t::text"


async def _tables() -> list[str]:
    tables = await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    names = [row["tablename"] for row in tables if row["tablename"] not in NOISE]
    assert len(names) > 20
    return names


def _may_name(kind: Kind, change: Change, name: str, thing: Thing) -> bool:
    return kind in (thing.reach if name in change.refers else thing.owners)


def _replacement(named: Mapping[str, Thing], values: Mapping[str, str], found: re.Match[str]) -> str:
    return values[found[1]] if found[1] in values else named[found[1]].id
