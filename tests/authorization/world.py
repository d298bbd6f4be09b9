"""A municipality where two of everybody have everything: what the matrix looks for at those whom it must not reach.

Every text that people wrote, every name, address, ticket and id is unique, and kept in `Secrets` with the kinds of
caller that it may reach. So a leak is found in the raw bytes of an answer, whatever field it came through.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson
import pyotp

from core.api_tokens import new_api_token
from core.clock import now
from core.keys import hmac_digest, new_token, seal, token_digest
from core.one_time_codes import new_secret
from core.tickets import new_ticket
from models.accounts import Account, Agent, Credential, Session, TemporaryPassword
from models.actors import AgentActor, AgentRole, CitizenActor, Party
from models.address import Address
from models.appointments import Schedule
from models.attachments import Attachment, ExchangeAttachment
from models.captcha import Captcha, CaptchaAudio
from models.contact import Civility, Contact, ContactMethod
from models.data_exports import DataExport
from models.database import execute
from models.email_confirmation import confirmation_token
from models.events import RequestEvent
from models.exchanges import Exchange
from models.figures import ErasedRequestFigure
from models.files import File
from models.identities import Identity, PendingIdentity
from models.ids import decode, encode, new_id
from models.mail import Mail
from models.partner_links import PartnerLink, PartnerSystem, seal_token
from models.partner_tokens import SCOPES, PartnerToken
from models.procedures import Procedure, ProcedureVersion
from models.requests import ServiceRequest
from models.second_factors import RecoveryCode, SecondFactor, SecurityEvent
from models.storage import StoredDocument
from models.temporary_password import temporary_password
from models.webhooks import SECRET_SEAL, URL_SEAL, Webhook
from resolvers import catalogue
from resolvers.captcha_audio import SEAL, made_with
from resolvers.new_passwords import CHANGE_LIFETIME
from tests.authorization.kinds import (
    ADMINISTRATORS,
    AGENTS,
    APPLICANTS,
    CITIZENS,
    EVERYONE,
    NOBODY,
    Kind,
    Kinds,
)
from tests.factories import (
    PASSWORD_HASH,
    holder_of,
    make_agent,
    make_appointment,
    make_category,
    make_procedure,
    make_request,
    make_schedule,
    make_session,
    make_slot,
)
from tests.file_rows import make_attachment, make_document, make_file, make_receipt, make_upload
from tests.files import a_pdf
from uploads.storing import blobs

_HELP = {"help": "Courage.", "visible_when": [{"field": "agreed", "operator": "EQUALS", "values": ["true"]}]}
FIELDS: list[dict[str, Any]] = [
    {"type": "boolean", "key": "agreed", "label": "D’accord ?"},
    {"type": "boolean", "key": "sure", "label": "Sûr ?", **_HELP},
    {
        "type": "text",
        "key": "name",
        "label": "Nom",
        "required": True,
        "max_length": 99,
        "pattern": ".*",
        **_HELP,
    },
    {"type": "number", "key": "count", "label": "Nombre", "minimum": 1, "maximum": 99, **_HELP},
    {
        "type": "date",
        "key": "day",
        "label": "Jour",
        "earliest": "2026-01-01",
        "latest": "2050-01-01",
        **_HELP,
    },
    {"type": "choice", "key": "kind", "label": "Sorte", "options": [{"value": "a", "label": "A"}], **_HELP},
    {"type": "email", "key": "mail", "label": "Courriel", **_HELP},
    {"type": "phone", "key": "phone", "label": "Téléphone", **_HELP},
    {"type": "address", "key": "place", "label": "Lieu", **_HELP},
    {
        "type": "file",
        "key": "piece",
        "label": "Pièce",
        "accepted_media_types": ["application/pdf"],
        "max_files": 9,
        **_HELP,
    },
]

KEY = "the key of a message"
ISSUER = "https://identite.invalid"
UPLOAD = "Upload"
"""A type that ids have and the schema has not: what is sent by tus."""
ERASED_ON = date(2015, 3, 2)
ERASED: dict[str, Kinds] = {
    "demande": ADMINISTRATORS | {Kind.HANDLER},
    "autre-demande": ADMINISTRATORS | {Kind.OTHER_HANDLER},
}
"""Procedures of which a request came and went on that day, and was erased; and who counts it."""
NO_NODES = (UPLOAD, "DataExport", "Identity", "PendingIdentity")
"""What has an id, or is named, and is not read by it."""


@dataclass(repr=False)
class Secrets:
    """Texts, whom each may reach, and the requests that they are read with by whoever has the ticket."""

    reach: dict[str, Kinds] = field(default_factory=dict)
    requests: dict[str, set[str]] = field(default_factory=dict)

    def keep(self, text: str, reach: Iterable[Kind], request: str | None = None) -> str:
        self.reach[text] = self.reach.get(text, frozenset()) | frozenset(reach)
        if request is not None:
            self.requests.setdefault(text, set()).add(request)
        return text

    def make(self, what: str, reach: Iterable[Kind], request: str | None = None) -> str:
        """A text that is nowhere else, and says what it is."""
        return self.keep(f"{what}-{secrets.token_hex(5)}", reach, request)

    def leaks(self, kind: Kind, content: bytes, opened: str | None = None) -> list[str]:
        """What stands in an answer to this kind of caller and must not; `opened` is a request that they gave the ticket
        of."""
        return [
            f"{text} reached the {kind}"
            for text, reach in self.reach.items()
            if kind not in reach
            and (opened is None or opened not in self.requests.get(text, ()))
            and text.encode() in content
        ]


@dataclass(frozen=True, repr=False)
class Thing:
    """Something with a global id. `reach` are those for whom it exists, `owners` those who may name it in a change;
    `request` is the request that it is of."""

    name: str
    type: str
    id: str
    reach: Kinds
    owners: Kinds
    request: str | None = None


@dataclass(frozen=True, repr=False)
class Filed:
    """A request of the world."""

    name: str
    row: ServiceRequest
    ticket: str
    reach: Kinds
    takes_appointments: bool
    booked: bool


@dataclass(repr=False)
class World:
    secrets: Secrets = field(default_factory=Secrets)
    things: dict[str, Thing] = field(default_factory=dict)
    requests: dict[str, Filed] = field(default_factory=dict)
    headers: dict[Kind, dict[str, str]] = field(default_factory=dict)
    """The credentials of each kind."""
    slugs: dict[str, Kinds] = field(default_factory=dict)
    emails: dict[Kind, str] = field(default_factory=dict)
    usernames: dict[Kind, str] = field(default_factory=dict)
    confirmation: dict[Kind, str] = field(default_factory=dict)
    mailed_password: str = ""
    closed_username: str = ""
    """Of an account that its citizen has closed."""
    given: dict[str, tuple[bool, tuple[str, ...]]] = field(default_factory=dict)
    """Of each agent, by their id, whether they can log in and the slugs of their procedures."""
    temporary_password: str = ""
    """Of another citizen, who has asked for a new one and not used it yet."""
    old_temporary_password: UUID = field(default_factory=new_id)
    """The id of one that a citizen has not used in time."""
    old_arrival: str = ""
    """The cookie of somebody who has proved who they are too long ago."""
    factor_secrets: dict[Kind, str] = field(default_factory=dict)
    """Of the authenticator programs of agents."""
    recording: str = ""
    old_tokens: dict[Kind, str] = field(default_factory=dict)
    """Of sessions that have ended."""
    old_recording: str = ""
    """Of a challenge that is over."""

    def add(
        self,
        name: str,
        type: str,
        id: UUID,
        reach: Kinds,
        *,
        owners: Kinds | None = None,
        request: str | None = None,
        secret: bool = True,
    ) -> Thing:
        thing = Thing(name, type, encode(type, id), reach, reach if owners is None else owners, request)
        self.things[name] = thing
        if secret and reach != EVERYONE:
            self.secrets.keep(thing.id, reach, request)
        return thing

    @staticmethod
    def recovery_codes(kind: Kind) -> int:
        """How many an agent has left."""
        return {Kind.HANDLER: 2, Kind.ENROLLING: 0}.get(kind, 1)

    def code_of(self, kind: Kind) -> str:
        """What the agent's authenticator program shows now."""
        return pyotp.TOTP(self.factor_secrets[kind]).now()

    def of_type(self, type: str) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.type == type]


async def make_world() -> World:
    """Two citizens, two procedures, two tickets, two handlers and an administrator, and all that they have."""
    world = World()
    builder = _Builder(world)
    await builder.municipality()
    await builder.agents()
    await builder.citizens()
    await builder.requests()
    await builder.mails()
    await builder.captchas()
    await builder.uploads()
    catalogue.forget()
    return world


class _Builder:
    def __init__(self, world: World) -> None:
        self.world = world
        self.secrets = world.secrets
        self.accounts: dict[Kind, CitizenActor] = {}
        self.staff: dict[Kind, AgentActor] = {}
        self._phones = iter(range(10_000_000, 99_999_999, 12_345))

    async def municipality(self) -> None:
        world = self.world
        self.category = await make_category("etat-civil")
        world.add("category", "ProcedureCategory", self.category.id, EVERYONE)
        self.shared = await make_schedule(title="Guichet commun")
        self.apart = await make_schedule(title="Guichet à part")
        for name, schedule in (("schedule", self.shared), ("schedule apart", self.apart)):
            world.add(name, "Schedule", schedule.id, EVERYONE, owners=ADMINISTRATORS)
        address = Address(("1 place de la Mairie",), "35000", "Rennes")
        await execute("UPDATE schedule SET address = $1::jsonb", _json(address))
        self.slots = {
            "slot": await make_slot(self.shared, hours=48, capacity=50),
            "slot later": await make_slot(self.shared, hours=72, capacity=50),
            "closed slot": await make_slot(self.shared, hours=96, closed=True),
            "slot apart": await make_slot(self.apart, hours=48, capacity=50),
        }
        for name, slot in self.slots.items():
            closers = AGENTS - ({Kind.HANDLER} if name == "slot apart" else set())
            world.add(name, "Slot", slot.id, EVERYONE, owners=closers)
        # Nobody listens there: it is not what the matrix asks.
        self.partner = PartnerSystem(
            slug="famille",
            name="Espace Famille",
            address="https://famille.invalid",
            code_label="Code",
            password_label="Mot de passe",
            position=1,
        )
        await self.partner.save(force_create=True)
        self.procedure = await self._procedure("demande", [self.shared])
        self.other_procedure = await self._procedure("autre-demande", [self.shared, self.apart])
        for erased in (self.procedure, self.other_procedure):
            figure = ErasedRequestFigure(
                procedure_id=erased.id,
                status="REFUSED",
                submitted_on=ERASED_ON,
                closed_on=ERASED_ON,
                requests=1,
            )
            await figure.save(force_create=True)
        padlocked = await self._procedure("cadenas", [], requires_account=True)
        world.add("padlocked procedure", "Procedure", padlocked.id, EVERYONE)
        hidden = await self._procedure("brouillon", [], state="DRAFT", reach=AGENTS)
        world.add("procedure", "Procedure", self.procedure.id, EVERYONE)
        world.add("other procedure", "Procedure", self.other_procedure.id, EVERYONE)
        world.add("draft procedure", "Procedure", hidden.id, AGENTS)
        await execute(
            "UPDATE municipality SET phone = '+33299123456', address = $1::jsonb, links = $2::jsonb, "
            "revision = revision + 1",
            _json(address),
            orjson.dumps([{"title": "Mentions", "url": "https://mairie.example/mentions"}]).decode(),
        )

    async def _procedure(
        self,
        slug: str,
        schedules: list[Schedule],
        *,
        state: str = "OPEN",
        requires_account: bool = False,
        reach: Kinds = EVERYONE,
    ) -> Procedure:
        title = self.secrets.make(f"procedure-{slug}", reach)
        procedure = await make_procedure(
            slug,
            title=title,
            fields=FIELDS,
            state=state,
            requires_account=requires_account,
            category=self.category,
            appointment="OPTIONAL",
            schedules=schedules,
        )
        version = await ProcedureVersion.get(procedure_id=procedure.id)
        version.estimated_days = 5
        version.definition = {**version.definition, "step_help": {"FORM": "Courage."}}
        await version.save(update_fields=["estimated_days", "definition"])
        procedure.retention_months = 24
        await procedure.save(update_fields=["retention_months"])
        self.world.slugs[slug] = reach
        return procedure

    async def agents(self) -> None:
        # The first credentials of all are nobody's here, and their password nobody knows: what finds any finds them.
        for enrolled in (True, False):
            former = await make_agent("HANDLER")
            await Credential.filter(agent_id=former.agent_id).update(
                password_hash="$argon2id$of another password"
            )
            await self._second_factor(None, former, enrolled=enrolled)
            self.world.given[encode("Agent", former.agent_id)] = True, ()
        gone = Agent(display_name=self.secrets.make("agent", AGENTS), role="HANDLER")
        await gone.save(force_create=True)
        self.world.given[encode("Agent", gone.id)] = False, ()
        given = {
            Kind.HANDLER: [self.procedure],
            Kind.OTHER_HANDLER: [self.other_procedure],
            Kind.ADMINISTRATOR: [],
            Kind.ENROLLING: [self.procedure],
        }
        for kind, procedures in given.items():
            role: AgentRole = "ADMINISTRATOR" if kind in ADMINISTRATORS else "HANDLER"
            username = self.secrets.make("username", {kind, Kind.ADMINISTRATOR})
            actor = await make_agent(role, procedures=procedures, username=username)
            self.world.usernames[kind] = username
            agent = await Agent.get(id=actor.agent_id)
            agent.display_name = self.secrets.make("agent", AGENTS)
            await agent.save(update_fields=["display_name"])
            self.staff[kind] = actor
            self.world.given[encode("Agent", actor.agent_id)] = True, tuple(one.slug for one in procedures)
            self.world.add(f"agent {kind}", "Agent", actor.agent_id, AGENTS)
            credential = await Credential.get(agent_id=actor.agent_id)
            await self._sessions(kind, credential.id)
            await self._second_factor(kind, actor, enrolled=kind in AGENTS)

    async def _second_factor(self, kind: Kind | None, actor: AgentActor, *, enrolled: bool) -> None:
        """Confirmed, or offered to who is still to enrol."""
        secret = new_secret()
        self.secrets.keep(secret, ())
        factor = SecondFactor(
            agent_id=actor.agent_id,
            secret=seal(f"second factor {actor.agent_id}", secret.encode()),
            last_step=1 if enrolled else 0,
            confirmed_at=now() if enrolled else None,
        )
        await factor.save(force_create=True)
        if kind is None:
            return
        self.world.factor_secrets[kind] = secret
        for number in range(self.world.recovery_codes(kind)):
            code = RecoveryCode(second_factor_id=factor.id, digest=f"{kind} {number}".encode())
            await code.save(force_create=True)
        event = SecurityEvent(
            kind="SECOND_FACTOR_RESET",
            agent_id=actor.agent_id,
            by_id=self.staff[Kind.HANDLER].agent_id,
        )
        await event.save(force_create=True)
        reach = (frozenset({kind}) | ADMINISTRATORS) & AGENTS
        self.world.add(f"security event {kind}", "SecurityEvent", event.id, reach)

    async def citizens(self) -> None:
        for kind in sorted(CITIZENS):
            contact = self._contact({kind})
            account = Account(profile=contact.to_json(), email=contact.email or "", email_confirmed_at=now())
            await account.save(force_create=True)
            credential = Credential(
                username=self._username(kind), password_hash=PASSWORD_HASH, account_id=account.id
            )
            await credential.save(force_create=True)
            self.world.emails[kind] = account.email
            self.world.usernames[kind] = credential.username
            self.world.confirmation[kind] = confirmation_token(
                account.id, account.email, now() + timedelta(days=1)
            )
            self.world.add(f"account {kind}", "Account", account.id, frozenset({kind}))
            session = await self._sessions(kind, credential.id)
            if kind is Kind.OWNER:
                await self._restricted(credential.id)
            for hours in (-0.01, 1):
                temporary = TemporaryPassword(
                    id=new_id(), credential_id=credential.id, expires_at=now() + timedelta(hours=hours)
                )
                await temporary.save(force_create=True)
                if kind is Kind.OWNER and hours < 0:
                    self.world.old_temporary_password = temporary.id
                if kind is Kind.OTHER_CITIZEN:
                    self.world.temporary_password = temporary_password(temporary.id)
            self.accounts[kind] = CitizenActor(account_id=account.id, session_id=session.id)
            await self._document(kind, "document")
            await self._document(kind, "spare document")
            await self._partner_link(kind, account.id)
            await self._export(kind, account.id)
            await self._identity(kind, account.id)
        await self._closed_account()
        await self._arriving()

    async def _export(self, kind: Kind, account_id: UUID) -> None:
        reach = frozenset({kind})
        content = self._content("export", reach)
        digest = sha256(content).digest()
        # One a day: whose was made yesterday may ask again.
        asked_at = now() - timedelta(days=2 if kind is Kind.OWNER else 0)
        export = DataExport(
            account_id=account_id,
            language="fr",
            state="READY",
            next_attempt_at=None,
            address=await blobs().write(io.BytesIO(content), digest),
            size=len(content),
            sha256=digest,
            requested_at=asked_at,
            ready_at=asked_at,
            expires_at=now() + timedelta(days=5),
        )
        await export.save(force_create=True)
        self.world.add(f"export {kind}", "DataExport", export.id, reach)

    async def _identity(self, kind: Kind, account_id: UUID) -> None:
        """One, and that another session was opened with it."""
        reach = frozenset({kind})
        identity = Identity(
            account_id=account_id,
            issuer=ISSUER,
            provider="FranceConnect",
            subject=hmac_digest("openid subject", f"{ISSUER}\0{kind}".encode()),
            acr=self.secrets.make("acr", reach),
            amr=["pwd"],
        )
        await identity.save(force_create=True)
        self.world.add(f"identity {kind}", "Identity", identity.id, reach)
        session = await Session.get(id=row_of(self.world.things[f"other session {kind}"]))
        session.identity_id = identity.id
        await session.save(update_fields=["identity_id"])

    async def _closed_account(self) -> None:
        for name in ("another closed account", "closed account"):
            account = Account(
                profile=self._contact(()).to_json(),
                email="closed@example.org",
                closed_at=now(),
                erasure_at=now() + timedelta(days=30),
            )
            await account.save(force_create=True)
            self.world.add(name, "Account", account.id, NOBODY)
            self.world.closed_username = self.secrets.make("username", ADMINISTRATORS)
            await Credential(
                username=self.world.closed_username, password_hash=PASSWORD_HASH, account_id=account.id
            ).save(force_create=True)

    async def _arriving(self) -> None:
        """Somebody has logged in at another provider, and has no account here."""
        token, old_token = (self.secrets.keep(new_token(), ()) for _ in range(2))
        reach = frozenset({Kind.ARRIVING})
        person = {
            "given_name": self.secrets.make("given-name", reach),
            "family_name": self.secrets.make("family-name", reach),
            "birth_date": "1990-01-01",
            "email": self.secrets.make("identity-email", reach) + "@example.org",
        }
        for one, hours in ((old_token, -0.01), (token, 1)):
            pending = PendingIdentity(
                token_digest=token_digest(one),
                issuer="https://autre-identite.invalid",
                provider="AutreIdentité",
                subject=hmac_digest("openid subject", one.encode()),
                acr="eidas1",
                amr=["pwd"],
                person=seal("openid person", orjson.dumps(person)),
                id_token=seal("openid id token", b"token"),
                expires_at=now() + timedelta(hours=hours),
            )
            await pending.save(force_create=True)
        self.world.add("arrival", "PendingIdentity", pending.id, reach)
        self.world.old_arrival = f"identity={old_token}"
        self.world.headers[Kind.ARRIVING] = {"Cookie": f"identity={token}", "X-Requested-With": "tests"}

    def _username(self, kind: Kind) -> str:
        return self.secrets.make("username", {kind})

    async def _sessions(self, kind: Kind, credential_id: UUID) -> Session:
        """The one that the matrix calls with, and another one."""
        token = new_token()
        self.secrets.keep(token, ())
        self.world.headers[kind] = {"Authorization": f"Bearer {token}"}
        for name, known in (("session", token), ("other session", None)):
            session = await make_session(credential_id, token=known)
            session.user_agent = self.secrets.make("user-agent", {kind})
            await session.save(update_fields=["user_agent"])
            self.world.add(f"{name} {kind}", "Session", session.id, frozenset({kind}))
            if known:
                first = session
        self.world.old_tokens[kind] = self.secrets.keep(new_token(), ())
        over = await make_session(credential_id, token=self.world.old_tokens[kind], days=-0.01)
        self.world.add(f"session that is over {kind}", "Session", over.id, NOBODY)
        return first

    async def _restricted(self, credential_id: UUID) -> None:
        """The session of somebody who has logged in with a mailed password, and has not chosen another one yet."""
        token = self.secrets.keep(new_token(), ())
        session = await make_session(credential_id, token=token, days=CHANGE_LIFETIME / timedelta(days=1))
        session.temporary_password_id = new_id()
        await session.save(update_fields=["temporary_password_id"])
        self.world.headers[Kind.RESTRICTED] = {"Authorization": f"Bearer {token}"}
        self.world.mailed_password = temporary_password(session.temporary_password_id)

    async def _document(self, kind: Kind, name: str) -> StoredDocument:
        reach = frozenset({kind})
        file = await make_file(self._content("stored-content", reach), preview=b"preview")
        document = await make_document(
            self.accounts.get(kind) or await self._account(kind),
            file,
            name=self.secrets.make("stored-name", reach) + ".pdf",
            title=self.secrets.make("stored-title", reach),
            valid_until=date(2049, 1, 1),
        )
        self.world.add(f"{name} {kind}", "StoredDocument", document.id, reach)
        return document

    async def _partner_link(self, kind: Kind, account_id: UUID) -> None:
        reach, reference = frozenset({kind}), uuid4()
        link = PartnerLink(
            system_id=self.partner.id,
            account_id=account_id,
            reference=reference,
            token_sealed=seal_token(reference, self.secrets.make("partner-token", ())),
            label=self.secrets.make("family", reach),
        )
        await link.save(force_create=True)
        self.world.add(f"link {kind}", "PartnerLink", link.id, reach)

    async def _account(self, kind: Kind) -> CitizenActor:
        account = await Account.get(email=self.world.emails[kind])
        return CitizenActor(account_id=account.id, session_id=account.id)

    async def requests(self) -> None:
        owner, other = Kind.OWNER, Kind.OTHER_CITIZEN
        for kind, of, whose in ((owner, self.procedure, "owner"), (other, self.other_procedure, "other")):
            for status in ("DRAFT", "SUBMITTED", "ACCEPTED", "CANCELLED"):
                await self._file(f"{whose} {status.lower()}", of, kind, status)
            await self._file(f"{whose} unready", of, kind, "DRAFT", ready=False)
        await self._file("owner elsewhere", self.other_procedure, owner, "IN_PROGRESS")
        for kind, of, name in (
            (Kind.HOLDER, self.procedure, "held"),
            (Kind.OTHER_HOLDER, self.other_procedure, "other held"),
        ):
            filed = await self._file(name, of, None, "AWAITING_CITIZEN", holder=kind)
            self.world.headers[kind] = {"Authorization": f"Ticket {filed.ticket}"}
        self.world.headers[Kind.VISITOR] = {}
        self.world.headers[Kind.STALE] = {"Cookie": f"session={new_token()}", "X-Requested-With": "tests"}
        await self._partners()

    async def _partners(self) -> None:
        """Two that may do all, each for its procedure, and one that only hears of changes."""
        for kind, scopes, procedure in (
            (Kind.PARTNER, SCOPES, self.procedure),
            (Kind.OTHER_PARTNER, SCOPES, self.other_procedure),
            (Kind.SCOPELESS, ("READ_CHANGES",), self.procedure),
        ):
            secret, reach = new_api_token(), frozenset({kind})
            self.secrets.keep(secret, ())
            token = PartnerToken(
                name=self.secrets.make("partner", reach | ADMINISTRATORS),
                token_digest=token_digest(secret),
                scopes=list(scopes),
                procedure_ids=[procedure.id],
                expires_at=now() + timedelta(days=30),
                last_used_at=now(),
            )
            await token.save(force_create=True)
            self.world.old_tokens[kind] = self.secrets.keep(new_api_token(), ())
            old = PartnerToken(
                name=token.name,
                token_digest=token_digest(self.world.old_tokens[kind]),
                scopes=list(scopes),
                procedure_ids=[procedure.id],
                expires_at=now() - timedelta(seconds=1),
            )
            await old.save(force_create=True)
            self.world.add(f"token that is over {kind}", "PartnerToken", old.id, ADMINISTRATORS)
            self.world.headers[kind] = {"Authorization": f"Bearer {secret}"}
            self.world.add(f"token {kind}", "PartnerToken", token.id, ADMINISTRATORS)
            webhook = self._webhook(token, reach)
            if kind is Kind.OTHER_PARTNER:
                webhook.state, webhook.failures, webhook.failing_since = "PAUSED", 1, now()
            await webhook.save(force_create=True)
            # Whose token lost the scope since has it still, and is not shown it.
            shown = reach if "MANAGE_WEBHOOKS" in scopes else NOBODY
            self.world.add(f"webhook {kind}", "Webhook", webhook.id, shown)
            self.world.add(f"webhook {kind} at the desk", "DeskWebhook", webhook.id, ADMINISTRATORS)
            if kind is Kind.PARTNER:
                webhook = self._webhook(old, frozenset())
                await webhook.save(force_create=True)
                self.world.add("webhook of a token that is over", "DeskWebhook", webhook.id, ADMINISTRATORS)

    def _webhook(self, token: PartnerToken, reach: Kinds) -> Webhook:
        return Webhook(
            token_id=token.id,
            number=1,
            url_sealed=seal(URL_SEAL, f"https://{self.secrets.make('hook', reach)}.example/".encode()),
            host=self.secrets.make("hook-host", ADMINISTRATORS),
            secret_sealed=seal(SECRET_SEAL, self.secrets.make("signing", ()).encode()),
            events=["RequestSubmitted"],
            position=0,
            last_delivery_at=now(),
            last_error={"fr": self.secrets.make("hook-error", reach | ADMINISTRATORS), "en": "…"},
        )

    async def _file(
        self,
        name: str,
        procedure: Procedure,
        citizen: Kind | None,
        status: str,
        *,
        holder: Kind | None = None,
        ready: bool = True,
    ) -> Filed:
        side = frozenset({citizen or holder}) - {None}
        handlers = (
            {Kind.HANDLER, Kind.PARTNER}
            if procedure is self.procedure
            else {Kind.OTHER_HANDLER, Kind.OTHER_PARTNER}
        )
        reach: Kinds = frozenset(
            side if status == "DRAFT" else {*side, *handlers, Kind.ADMINISTRATOR}  # type: ignore[arg-type]
        )
        # That it is there, and what happens to it, is all that one of the partners hears.
        told = reach | {Kind.SCOPELESS} if Kind.PARTNER in reach else reach
        ticket = self.secrets.keep(new_ticket(), reach, name)
        answers = {
            "agreed": True,
            "sure": True,
            "name": self.secrets.make("answer", reach, name),
            "count": 3,
            "day": "2026-12-01",
            "kind": ["a"],
            "mail": self.secrets.make("answer", reach, name) + "@example.org",
            "phone": self._phone(reach, name),
            "place": _address(self.secrets.make("answer-street", reach, name)).to_json(),
        }
        row = await make_request(
            procedure,
            citizen=self.accounts[citizen] if citizen else None,
            status=status,
            ticket=ticket,
            contact=self._contact(reach, name),
            answers=answers if ready else {"agreed": True},
        )
        agents = self.staff[Kind.HANDLER if procedure is self.procedure else Kind.OTHER_HANDLER]
        row.assignee_id = agents.agent_id if status != "DRAFT" else None
        await row.save(update_fields=["assignee_id"])
        thing = self.world.add(name, "ServiceRequest", row.id, reach, request=name)
        self.secrets.keep(thing.id, told, name)
        booked = ready and name != "owner elsewhere"
        filed = Filed(name, row, ticket, reach, takes_appointments=True, booked=booked)
        self.world.requests[name] = filed
        await self._fill(filed, citizen)
        return filed

    async def _fill(self, filed: Filed, citizen: Kind | None) -> None:
        pieces = [await self._piece(filed, "CITIZEN")]
        await self._appointments(filed)
        if filed.row.status not in ("SUBMITTED", "AWAITING_CITIZEN"):
            return
        # What two requests of each side have of everything, the others need not have as well.
        pieces.append(await self._piece(filed, "MUNICIPALITY"))
        if citizen:
            pieces.append(await self._copy(filed, citizen))
        if filed.name == "owner submitted":
            # Filed by somebody else, who had joined a document of theirs, and claimed by its ticket.
            pieces.append(await self._copy(filed, Kind.OTHER_CITIZEN))
        exchanges = [
            await self._exchange(filed, author, read=read)
            for author in ("CITIZEN", "MUNICIPALITY")
            for read in (True, False)
        ]
        for exchange in exchanges:
            link = ExchangeAttachment(exchange_id=exchange.id, attachment_id=pieces[0].id)
            await link.save(force_create=True)
        receipt = await make_file(self._content("receipt", filed.reach, filed.name), preview=b"drawn")
        await make_receipt(filed.row, receipt)
        await self._history(filed, exchanges[0], pieces[0])

    async def _piece(self, filed: Filed, party: Party) -> Attachment:
        file = await make_file(self._content("content", filed.reach, filed.name), preview=b"preview")
        attachment = await make_attachment(
            filed.row,
            file,
            name=self._of(filed, "name") + ".pdf",
            title=self._of(filed, "title"),
            added_by=party,
            field="piece" if party == "CITIZEN" else None,
        )
        side = {"CITIZEN": APPLICANTS, "MUNICIPALITY": AGENTS}[party]
        self.world.add(
            f"{filed.name}/{party.lower()} attachment",
            "Attachment",
            attachment.id,
            filed.reach,
            owners=filed.reach & side,
            request=filed.name,
        )
        return attachment

    async def _copy(self, filed: Filed, citizen: Kind) -> Attachment:
        known = row_of(self.world.things[f"document {citizen}"])
        document = await StoredDocument.get(id=known)
        file = await File.get(id=document.file_id)
        self.secrets.keep(bytes(file.sha256).hex(), filed.reach, filed.name)
        attachment = Attachment(
            request_id=filed.row.id,
            file_id=document.file_id,
            title=self._of(filed, "title"),
            name=self._of(filed, "name") + ".pdf",
            # The form may not have the field any more that a piece answers.
            field="former-piece",
            added_by="CITIZEN",
            copied_from_id=document.id,
        )
        await attachment.save(force_create=True)
        name = f"{filed.name}/copy of the {citizen}"
        owners = filed.reach & APPLICANTS
        self.world.add(name, "Attachment", attachment.id, filed.reach, owners=owners, request=filed.name)
        return attachment

    async def _exchange(self, filed: Filed, author: Party, *, read: bool) -> Exchange:
        filed.row.exchange_count += 1
        exchange = Exchange(
            request_id=filed.row.id,
            number=filed.row.exchange_count,
            author=author,
            author_name=self._of(filed, "author"),
            body=self._of(filed, "body"),
            read_at=now() if read else None,
            # Two who write with the same key wrote two messages.
            idempotency_digest=hmac_digest("idempotency", f"CITIZEN/{KEY}".encode())
            if (filed.name, author, read) == ("owner submitted", "CITIZEN", False)
            else None,
        )
        await exchange.save(force_create=True)
        await filed.row.save(update_fields=["exchange_count"])
        name = f"{filed.name}/{author.lower()} exchange{' read' if read else ''}"
        self.world.add(name, "Exchange", exchange.id, filed.reach, request=filed.name)
        return exchange

    async def _appointments(self, filed: Filed) -> None:
        # One that is cancelled has kept its appointment: nobody may change it all the same.
        state = "HELD" if filed.row.status == "DRAFT" else "CONFIRMED"
        for name, wanted in (("appointment", filed.booked), ("old appointment", True)):
            if not wanted:
                continue
            old = name.startswith("old")
            appointment = await make_appointment(
                filed.row, self.slots["slot later" if old else "slot"], state="CANCELLED" if old else state
            )
            appointment.reminder_email = self._of(filed, "reminder") + "@example.org"
            appointment.reminder_at = appointment.reminder_sent_at = now()
            await appointment.save(update_fields=["reminder_email", "reminder_at", "reminder_sent_at"])
            self.world.add(
                f"{filed.name}/{name}", "Appointment", appointment.id, filed.reach, request=filed.name
            )

    async def _history(self, filed: Filed, exchange: Exchange, piece: Attachment) -> None:
        booked = next(thing for thing in self.world.of_type("Appointment") if thing.request == filed.name)
        appointment = row_of(booked)
        at = now().isoformat()
        reason = self._of(filed, "reason")
        about_piece = {"attachment": str(piece.id), "title": piece.title}
        about_slot = {"appointment": str(appointment), "start": at, "previous_start": at, "reason": reason}
        happened: list[tuple[str, dict[str, Any], UUID | None]] = [
            ("RequestSubmitted", {}, None),
            (
                "RequestStatusChanged",
                {"previous": "SUBMITTED", "status": "IN_PROGRESS", "reason": reason},
                None,
            ),
            ("RequestClaimed", {}, None),
            ("RequestCancelled", {"previous": "SUBMITTED", "status": "CANCELLED", "reason": reason}, None),
            ("RequestAssigned", {"agent": None}, None),
            ("ExchangePosted", {}, exchange.id),
            ("ExchangesRead", {}, exchange.id),
            ("AttachmentAdded", about_piece, None),
            ("AttachmentReplaced", about_piece, None),
            ("AttachmentRemoved", {"title": self._of(filed, "removed")}, None),
            ("AttachmentRejected", about_piece, None),
            ("AppointmentBooked", about_slot, None),
            ("AppointmentMoved", about_slot, None),
            ("AppointmentCancelled", about_slot, None),
        ]
        agent_id = filed.row.assignee_id
        for kind, data, exchange_id in happened:
            event = RequestEvent(
                kind=kind,
                request_id=filed.row.id,
                actor="MUNICIPALITY",
                agent_id=agent_id,
                data=data,
                exchange_id=exchange_id,
            )
            await event.save(force_create=True)
            told = {Kind.SCOPELESS} if Kind.PARTNER in filed.reach else set()
            self.secrets.keep(encode("RequestEvent", event.id), filed.reach | told, filed.name)

    async def mails(self) -> None:
        for name, request, account, reach in (
            ("mail", "owner submitted", None, {Kind.HANDLER, Kind.ADMINISTRATOR}),
            ("other mail", "other submitted", None, {Kind.OTHER_HANDLER, Kind.ADMINISTRATOR}),
            ("mail about an account", None, Kind.OWNER, ADMINISTRATORS),
            ("mail that was sent", "owner submitted", None, set()),
        ):
            sent = "sent" in name
            mail = Mail(
                template="email_confirmation" if account else "acknowledgement",
                recipient=self.secrets.make("recipient", reach) + "@example.org",
                language="fr",
                request_id=self.world.requests[request].row.id if request else None,
                account_id=self.accounts[account].account_id if account else None,
                state="SENT" if sent else "PARKED",
                sent_at=now() if sent else None,
                attempts=3,
                last_error=self.secrets.make("mail-error", reach),
                message_id=f"<{new_id()}@example.org>",
            )
            await mail.save(force_create=True)
            thing = self.world.add(
                name, "ParkedMail", mail.id, frozenset(reach), request=request, secret=False
            )
            # Its request's ticket opens the request, not what is mailed about it.
            self.secrets.keep(thing.id, reach)

    async def captchas(self) -> None:
        for name, purpose in (
            ("captcha for an account", "CREATE_ACCOUNT"),
            ("captcha for a password", "REQUEST_PASSWORD"),
            ("captcha", "SUBMIT_REQUEST"),
        ):
            captcha = Captcha(purpose=purpose, expires_at=now() + timedelta(hours=1))
            await captcha.save(force_create=True)
            # Whoever knows a challenge may look at it: its id is what nobody else has.
            self.world.add(name, "Captcha", captcha.id, EVERYONE)
        self.world.recording = await self._recording(captcha)
        over = Captcha(purpose="CREATE_ACCOUNT", expires_at=now() - timedelta(seconds=1))
        await over.save(force_create=True)
        self.world.add("captcha that is over", "Captcha", over.id, NOBODY)
        self.world.old_recording = await self._recording(over)

    async def _recording(self, captcha: Captcha) -> str:
        audio = CaptchaAudio(
            captcha_id=captcha.id,
            language="fr",
            content=seal(SEAL, b"ID3 spoken"),
            made_with=made_with(),
            taken_at=now(),
            expires_at=captcha.expires_at,
        )
        await audio.save(force_create=True)
        return f"/captcha/{audio.id}.mp3"

    async def uploads(self) -> None:
        holders = [(Kind.HOLDER, "held"), (Kind.OTHER_HOLDER, "other held")]
        actors: list[tuple[Kind, Any]] = [
            *self.accounts.items(),
            *((kind, actor) for kind, actor in self.staff.items() if kind in AGENTS),
            *((kind, holder_of(self.world.requests[name].row)) for kind, name in holders),
        ]
        # The same bytes of everybody: they are one file, and each one's own all the same.
        content = a_pdf()
        for kind, actor in actors:
            reach = frozenset({kind})
            name = self.secrets.make("upload", reach) + ".pdf"
            id = await make_upload(actor, content, name=name)
            self.secrets.keep(id, reach)
            self.world.things[f"upload {kind}"] = Thing(f"upload {kind}", UPLOAD, id, reach, reach)
        id = await make_upload(self.accounts[Kind.OWNER], a_pdf())
        used = Thing("used upload", UPLOAD, id, frozenset({Kind.OWNER}), frozenset({Kind.OWNER}))
        self.world.things[used.name] = used
        await execute(
            "UPDATE upload SET became_id = $2 WHERE id = $1",
            row_of(used),
            row_of(self.world.things["owner submitted/citizen attachment"]),
        )

    def _of(self, filed: Filed, what: str) -> str:
        return self.secrets.make(what, filed.reach, filed.name)

    def _content(self, what: str, reach: Iterable[Kind], request: str | None = None) -> bytes:
        """What is kept of a file; its SHA-256 is as telling as a name."""
        content = b"%PDF-1.7 " + self.secrets.make(what, reach, request).encode()
        self.secrets.keep(sha256(content).hexdigest(), reach, request)
        return content

    def _contact(self, reach: Iterable[Kind], request: str | None = None) -> Contact:
        def make(what: str) -> str:
            return self.secrets.make(what, reach, request)

        return Contact(
            civility=Civility.MADAME,
            first_name=make("first"),
            last_name=make("last"),
            birth_date=date(1990, 1, 1),
            email=make("email") + "@example.org",
            mobile_phone=self._phone(reach, request),
            landline_phone=self._phone(reach, request),
            address=_address(make("street")),
            preferred_contact_method=ContactMethod.EMAIL,
        )

    def _phone(self, reach: Iterable[Kind], request: str | None = None) -> str:
        return self.secrets.keep(f"+336{next(self._phones)}", reach, request)


def row_of(thing: Thing) -> UUID:
    """The id of its row."""
    known = decode(thing.id)
    assert known is not None
    return known[1]


def _address(street: str) -> Address:
    return Address((street,), "35000", "Rennes")


def _json(address: Address) -> str:
    return orjson.dumps(address.to_json()).decode()
