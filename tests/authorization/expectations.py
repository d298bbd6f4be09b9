"""Who is shown what, and who may do what: the one place where the tests are told.

A new type, field, query, mutation or subscription makes test_expectations.py fail until it stands here. It says for

    FIELDS          each field of each type: which kinds of caller are shown a value
    QUERIES         each root field of Query: with which arguments it is asked, and who gets an answer
    CHANGES         each mutation: who may call it, a call that is sound in every way, and whose it is to make
    SUBSCRIPTIONS   each subscription: who may follow it
    ACTIONS         what may be done with a request in which status

Whom an object exists for is the world's to say (world.py), where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from core.clock import now
from tests.authorization.kinds import (
    ADMINISTRATORS,
    AGENTS,
    ANYBODY,
    APPLICANTS,
    CITIZENS,
    EVERYONE,
    HOLDERS,
    NOBODY,
    PARTIES,
    PARTNERS,
    PEOPLE,
    READERS,
    READING_PARTNERS,
    RESTRICTED,
    TOLD,
    VISITORS,
    Kind,
    Kinds,
)
from tests.authorization.world import KEY, Filed, World
from tests.factories import PASSWORD

_EVENT = "id cursor occurredAt actor request description"
_SCOPE_OF_CHANGES = "id procedure status version createdAt updatedAt submittedAt"
"""What a token that reads changes reads of a request."""
_QUESTION = "key label help required visibleWhen"

FIELDS: Mapping[str, Mapping[Kinds, str]] = {
    # The catalogue, for everybody.
    "Municipality": {
        ANYBODY: "name timezone contactEmail phone address links upload passwords partners "
        "identityProviders accountGraceDays"
    },
    "MunicipalityLink": {ANYBODY: "title url"},
    "IdentityProvider": {ANYBODY: "name logInUrl logOutUrl"},
    "PasswordRules": {
        ANYBODY: "advice shortest shortestWithoutSymbol fewestWords longest lowestScore common"
    },
    "PartnerSystem": {ANYBODY: "slug name credentialLabels"},
    "PartnerCredentialLabels": {ANYBODY: "code password"},
    "UploadLimits": {ANYBODY: "maxFileBytes maxRequestBytes acceptedMediaTypes resumableUrl"},
    "ProcedureCategory": {EVERYONE: "id slug title procedures"},
    "Procedure": {
        EVERYONE: "id slug title category summary keywords requiresAccount state version steps appointment schedules "
        "estimatedDays firstAvailableSlot retentionMonths ownRetentionMonths"
    },
    "ProcedureConnection": {EVERYONE: "edges nodes pageInfo totalCount"},
    "ProcedureEdge": {EVERYONE: "cursor node"},
    "PageInfo": {EVERYONE: "hasNextPage hasPreviousPage startCursor endCursor"},
    "Step": {EVERYONE: "kind title help body fields"},
    "TextField": {EVERYONE: f"{_QUESTION} multiline maxLength pattern"},
    "NumberField": {EVERYONE: f"{_QUESTION} minimum maximum integer"},
    "DateField": {EVERYONE: f"{_QUESTION} earliest latest"},
    "BooleanField": {EVERYONE: _QUESTION},
    "ChoiceField": {EVERYONE: f"{_QUESTION} options multiple"},
    "EmailField": {EVERYONE: _QUESTION},
    "PhoneField": {EVERYONE: _QUESTION},
    "AddressField": {EVERYONE: _QUESTION},
    "FileField": {EVERYONE: f"{_QUESTION} acceptedMediaTypes maxFiles"},
    "Condition": {EVERYONE: "field operator values"},
    "ChoiceOption": {EVERYONE: "value label"},
    "Schedule": {EVERYONE: "id title place address slots firstAvailableSlot"},
    "Slot": {EVERYONE: "id schedule start end capacity remaining closed", AGENTS: "appointments"},
    "Address": {ANYBODY: "lines postalCode city country"},
    "Captcha": {EVERYONE: "id prompt image audio proofOfWork expiresAt"},
    "CaptchaAudio": {EVERYONE: "state url"},
    # Requests, for those who see them.
    "ServiceRequest": {
        TOLD: _SCOPE_OF_CHANGES,
        READERS: "steps contact answers summary attachments appointments unreadExchangeCount claimed receipt exchanges "
        "history permittedActions",
        READERS - HOLDERS: "closedAt archivedAt",
        PARTIES: "ticket",
        CITIZENS: "problems",
        AGENTS: "assignee permittedAssignees permittedStatuses",
    },
    "Contact": {
        READERS: "civility firstName lastName birthDate email mobilePhone landlinePhone address preferredContactMethod"
    },
    "TextAnswer": {READERS: "field text"},
    "NumberAnswer": {READERS: "field number"},
    "BooleanAnswer": {READERS: "field boolean"},
    "DateAnswer": {READERS: "field date"},
    "ChoiceAnswer": {READERS: "field choices"},
    "AddressAnswer": {READERS: "field address"},
    "FieldError": {CITIZENS: "path message"},
    "SummarySection": {READERS: "step title lines"},
    "SummaryLine": {READERS: "label value field"},
    "Attachment": {READERS: "id title field file addedBy addedAt editable", CITIZENS: "copiedFrom"},
    "File": {READERS: "name mediaType size sha256 scan", PARTIES: "url preview"},
    "Appointment": {
        READERS: "id request slot state reminder suggestedReminderEmail calendarUrl",
        CITIZENS: "heldUntil",
    },
    "AppointmentReminder": {READERS: "email sendsAt sentAt"},
    "Exchange": {READERS: "id request author authorName body attachments postedAt readAt readState"},
    "ExchangeConnection": {READERS: "edges nodes pageInfo totalCount"},
    "ExchangeEdge": {READERS: "cursor node"},
    "RequestEventConnection": {TOLD: "edges nodes pageInfo"},
    "RequestEventEdge": {TOLD: "cursor node"},
    "RequestSubmitted": {TOLD: _EVENT, AGENTS: "agent"},
    "RequestStatusChanged": {TOLD: f"{_EVENT} previous status", READERS: "reason", AGENTS: "agent"},
    "RequestClaimed": {TOLD: _EVENT, AGENTS: "agent"},
    "RequestCancelled": {TOLD: _EVENT, READERS: "reason", AGENTS: "agent"},
    "RequestAssigned": {TOLD: _EVENT, AGENTS: "agent"},
    "ExchangePosted": {TOLD: _EVENT, READERS: "exchange", AGENTS: "agent"},
    "ExchangesRead": {TOLD: _EVENT, READERS: "upTo", AGENTS: "agent"},
    "AttachmentAdded": {TOLD: _EVENT, READERS: "attachment", AGENTS: "agent"},
    "AttachmentReplaced": {TOLD: _EVENT, READERS: "attachment", AGENTS: "agent"},
    "AttachmentRemoved": {TOLD: _EVENT, READERS: "title", AGENTS: "agent"},
    "AttachmentRejected": {TOLD: _EVENT, READERS: "attachment title", AGENTS: "agent"},
    "AppointmentBooked": {TOLD: _EVENT, READERS: "appointment", AGENTS: "agent"},
    "AppointmentMoved": {TOLD: f"{_EVENT} previousStart", READERS: "appointment", AGENTS: "agent"},
    "AppointmentCancelled": {TOLD: f"{_EVENT} start", READERS: "reason", AGENTS: "agent"},
    # A citizen's own.
    "Account": {
        CITIZENS: "id username profile createdAt emailConfirmedAt unreadExchangeCount storage partnerLinks sessions "
        "requests hasPassword identities dataExport"
    },
    "Identity": {CITIZENS: "id provider acr amr linkedAt lastUsedAt"},
    "DataExport": {CITIZENS: "state requestedAt readyAt expiresAt file"},
    "PartnerLink": {CITIZENS: "id system label state linkedAt"},
    "StorageSpace": {CITIZENS: "usedBytes quotaBytes documents"},
    "StoredDocumentConnection": {CITIZENS: "edges nodes pageInfo totalCount"},
    "StoredDocumentEdge": {CITIZENS: "cursor node"},
    "StoredDocument": {CITIZENS: "id title kind file storedAt updatedAt validUntil usedBy"},
    "Notification": {CITIZENS: "cursor event unreadExchangeCount"},
    "Session": {
        CITIZENS | AGENTS: "id createdAt lastSeenAt expiresAt userAgent current",
        CITIZENS: "identityProvider",
    },
    "PendingIdentity": {frozenset({Kind.ARRIVING}): "provider firstName lastName birthDate email expiresAt"},
    "ServiceRequestConnection": {CITIZENS | AGENTS: "edges nodes pageInfo totalCount"},
    "ServiceRequestEdge": {CITIZENS | AGENTS: "cursor node"},
    # The desk's.
    "Desk": {
        AGENTS: "agent unreadExchangeCount schedules agents eventCursor requests procedures parkedMails secondFactor "
        "figures securityEvents",
        ADMINISTRATORS: "partnerTokens webhooks agentsWithoutSecondFactor",
    },
    "Agent": {AGENTS: "id displayName role active procedures", ADMINISTRATORS: "username"},
    "SecondFactor": {AGENTS: "enabled required recoveryCodesLeft"},
    "SecurityEvent": {AGENTS: "id kind agent by createdAt"},
    "SecurityEventConnection": {AGENTS: "edges nodes pageInfo totalCount"},
    "SecurityEventEdge": {AGENTS: "cursor node"},
    "ProcedureFigures": {AGENTS: "procedure waiting weeks"},
    "WeekFigures": {AGENTS: "start received answered medianHours"},
    "PartnerToken": {ADMINISTRATORS: "id name scopes procedures createdAt expiresAt lastUsedAt"},
    "DeskWebhook": {
        ADMINISTRATORS: "id partnerToken host events state pausedAt failingSince lastDeliveryAt lastError waitingEvents"
    },
    "ParkedMail": {AGENTS: "id template recipient attempts lastError createdAt request"},
    "ParkedMailConnection": {AGENTS: "edges nodes pageInfo totalCount"},
    "ParkedMailEdge": {AGENTS: "cursor node"},
    # A partner system's.
    "Partner": {PARTNERS: "name scopes changes", READING_PARTNERS: "webhooks"},
    "Webhook": {READING_PARTNERS: "id url events state lastDeliveryAt lastError waitingRequests"},
}
"""By the kinds that are shown a value, the names of fields. To be shown one means: somewhere, in something that exists
for them, there is another value than null or the empty list; of whose things, the secrets of the world tell."""


def _refused_fields() -> Mapping[str, Kinds]:
    """Beside tickets, and what takes a scope of its own: whatever is no news, to a token that reads changes only."""
    tellers = ("RequestEventConnection", "RequestEventEdge")
    news = [name for name, fields in FIELDS.items() if TOLD in fields and name not in tellers]
    beyond = {
        f"{type_}.{name}": frozenset({Kind.SCOPELESS})
        for type_ in news
        for kinds, names in FIELDS[type_].items()
        if kinds != TOLD
        for name in names.split()
        if name not in ("closedAt", "archivedAt", "permittedActions")
    }
    return {**beyond, "ServiceRequest.ticket": PARTNERS, "Partner.webhooks": frozenset({Kind.SCOPELESS})}


REFUSED_FIELDS = _refused_fields()
"""What answers FORBIDDEN to some who see the object."""


@dataclass(frozen=True)
class Asked:
    """A root field's arguments, and who gets something else than null. `opens` is a request whose ticket is among them:
    whoever calls sees what its holder sees."""

    arguments: str
    reach: Kinds
    opens: str | None = None
    depth: int = 2


def _plainly(reach: Kinds, depth: int = 2) -> Callable[[World], Iterable[Asked]]:
    return lambda world: [Asked("", reach, depth=depth)]


def _by_ticket(world: World) -> Iterable[Asked]:
    return [
        Asked(
            f'(ticket: "{world.requests[name].ticket}")', world.requests[name].reach | BY_TICKET, opens=name
        )
        for name in ("owner draft", "owner submitted", "other submitted", "held")
    ]


BY_TICKET = VISITORS | APPLICANTS
"""Whoever needs nothing but a ticket to read a request."""

QUERIES: Mapping[str, Callable[[World], Iterable[Asked]]] = {
    "captcha": lambda world: [
        Asked(f'(id: "{thing.id}")', thing.reach) for thing in world.of_type("Captcha")
    ],
    "procedureCategories": _plainly(EVERYONE),
    "procedures": _plainly(EVERYONE),
    "procedure": lambda world: [Asked(f'(slug: "{slug}")', reach) for slug, reach in world.slugs.items()],
    "partner": _plainly(PARTNERS, depth=4),
    "pendingIdentity": _plainly(frozenset({Kind.ARRIVING})),
    "request": lambda world: [
        Asked(f'(id: "{thing.id}")', thing.reach, depth=1) for thing in world.of_type("ServiceRequest")
    ],
    "requestByTicket": _by_ticket,
    "me": _plainly(CITIZENS, depth=3),
    "desk": _plainly(AGENTS, depth=3),
    "municipality": _plainly(ANYBODY, depth=3),
}
"""`node` is asked for everything that the world has."""


@dataclass(frozen=True)
class Change:
    """A call of a mutation. In `arguments`, `<name>` is the id of something in the world, or what `values` has.

    `on` says what for each name: the first is what the call is made on by `by`, whose it is to make; all of them are
    what others try it on. What they do not see answers NotFoundError; what they see and may not change,
    `seen_answers`.
    `by` is None for what is not open yet. `action` is what RequestAction calls it.
    """

    mutation: str
    may: Kinds
    arguments: str
    by: Kind | None
    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Callable[[World], Mapping[str, str]] = lambda world: {}
    action: str | None = None
    in_drafts: str | None = None
    """The action that permits it in a draft as well."""
    scope: Kinds = frozenset()
    """Partners whose token has not the scope for it: they are answered FORBIDDEN."""
    seen_answers: str = "NotAllowedError"
    refers: tuple[str, ...] = ()
    """Names of what is only referred to: whoever sees it may name it."""
    answers: str = ""
    """The type of success, where it is not the mutation's own name and Success."""
    affects: tuple[str, ...] = ()
    """What changes besides what it names."""
    ends: tuple[str, ...] = ()
    """Sessions that are no more afterwards."""
    by_ticket: str | None = None
    """The request whose ticket it is called with, rather than the credentials of `by`."""
    shows: Kind | None = None
    """Whose things the success shows, where that is not `by`; and `opens`, a request that it shows by its ticket."""
    opens: str | None = None
    after: str | None = None
    """A statement that makes things as they are where it is made, which they are not in the world."""

    @property
    def success(self) -> str:
        return self.answers or f"{self.mutation[0].upper()}{self.mutation[1:]}Success"


_CONTACT = '{firstName: "Ada", lastName: "Martin", email: "ada@example.org", preferredContactMethod: EMAIL}'
_NEW_PASSWORD = "Chevaux-Violets-2049!"
_SUBMITTED = ("owner submitted", "other submitted")
_DRAFTS = ("owner draft", "other draft")
_PIECES = ("owner submitted/citizen attachment", "other submitted/citizen attachment")
_APPOINTMENTS = ("owner submitted/appointment", "other submitted/appointment")
_DOCUMENTS = ("spare document citizen", "spare document another citizen")
_WEBHOOKS = (f"webhook {Kind.PARTNER}", f"webhook {Kind.OTHER_PARTNER}")


def _in_a_month(world: World) -> Mapping[str, str]:
    return {"in a month": (now() + timedelta(days=30)).isoformat()}


_LINKS = ("link citizen", "link another citizen")
NOT_REACHED = "PartnerError"
"""What those are answered who may ask a partner: in the world of the tests there is none behind its address."""
_UPLOADS = ("upload citizen", "upload another citizen")

CHANGES: tuple[Change, ...] = (
    Change("createCaptcha", PEOPLE, "(purpose: SUBMIT_REQUEST)", Kind.VISITOR, answers="Captcha"),
    Change("requestCaptchaAudio", PEOPLE, '(captcha: "<captcha>")', Kind.VISITOR, {"captcha": ("captcha",)}),
    Change(
        "bookAppointment",
        PARTIES,
        '(input: {request: "<request>", slot: "<slot>"})',
        Kind.OWNER,
        {"request": ("owner elsewhere", "other submitted"), "slot": ("slot apart",)},
        action="BOOK_APPOINTMENT",
        in_drafts="MOVE_APPOINTMENT",
        refers=("slot",),
    ),
    Change(
        "moveAppointment",
        PARTIES,
        '(input: {appointment: "<appointment>", slot: "<slot>"})',
        Kind.OWNER,
        {"appointment": _APPOINTMENTS, "slot": ("slot later",)},
        action="MOVE_APPOINTMENT",
        refers=("slot",),
        answers="BookAppointmentSuccess",
    ),
    Change(
        "cancelAppointment",
        PARTIES,
        '(appointment: "<appointment>")',
        Kind.OWNER,
        {"appointment": _APPOINTMENTS},
        action="MOVE_APPOINTMENT",
    ),
    Change(
        "setAppointmentReminder",
        PARTIES,
        '(input: {appointment: "<appointment>", email: "ada@example.org"})',
        Kind.OWNER,
        {"appointment": _APPOINTMENTS},
        action="MOVE_APPOINTMENT",
        answers="BookAppointmentSuccess",
    ),
    Change(
        "saveSchedule",
        ADMINISTRATORS,
        '(input: {id: "<schedule>", title: "Guichet", place: "Mairie"})',
        Kind.ADMINISTRATOR,
        {"schedule": ("schedule",)},
    ),
    Change(
        "publishSlots",
        ADMINISTRATORS,
        '(input: {schedule: "<schedule>", from: "2049-01-04", to: "2049-01-08", minutes: 30, '
        'openings: [{weekdays: [MONDAY], start: "09:00", end: "10:00"}]})',
        Kind.ADMINISTRATOR,
        {"schedule": ("schedule",)},
    ),
    Change(
        "closeSlots",
        AGENTS,
        '(input: {slots: ["<slot>"]})',
        Kind.OTHER_HANDLER,
        {"slot": ("slot apart",)},
        seen_answers="NotFoundError",
    ),
    Change(
        "addStoredDocument",
        CITIZENS,
        '(input: {resumableUpload: "<upload>", title: "Pièce"})',
        Kind.OWNER,
        {"upload": _UPLOADS},
    ),
    Change(
        "updateStoredDocument",
        CITIZENS,
        '(input: {document: "<document>", title: "Pièce"})',
        Kind.OWNER,
        {"document": _DOCUMENTS},
    ),
    Change(
        "updateStoredDocument",
        CITIZENS,
        '(input: {document: "<document>", resumableUpload: "<upload>"})',
        Kind.OWNER,
        {"document": _DOCUMENTS, "upload": _UPLOADS},
    ),
    Change(
        "deleteStoredDocument",
        CITIZENS,
        '(document: "<document>")',
        Kind.OWNER,
        {"document": _DOCUMENTS},
    ),
    Change(
        "addAttachment",
        PARTIES,
        '(input: {request: "<request>", source: {storedDocument: "<document>"}})',
        Kind.OWNER,
        {"request": _SUBMITTED, "document": _DOCUMENTS},
        action="ADD_ATTACHMENT",
    ),
    Change(
        "addAttachment",
        PARTIES,
        '(input: {request: "<request>", source: {resumableUpload: "<upload>"}})',
        Kind.HOLDER,
        {"request": ("held", "other held"), "upload": ("upload holder of a ticket", *_UPLOADS)},
        action="ADD_ATTACHMENT",
    ),
    Change(
        "replaceAttachment",
        PARTIES,
        '(input: {attachment: "<attachment>", title: "Pièce"})',
        Kind.OWNER,
        {"attachment": _PIECES},
        action="ADD_ATTACHMENT",
    ),
    Change(
        "replaceAttachment",
        PARTIES,
        '(input: {attachment: "<attachment>", source: {storedDocument: "<document>"}})',
        Kind.OWNER,
        {"attachment": _PIECES, "document": _DOCUMENTS},
        action="ADD_ATTACHMENT",
    ),
    Change(
        "replaceAttachment",
        PARTIES,
        '(input: {attachment: "<attachment>", source: {resumableUpload: "<upload>"}})',
        Kind.OWNER,
        {"attachment": _PIECES, "upload": _UPLOADS},
        action="ADD_ATTACHMENT",
    ),
    Change(
        "removeAttachment",
        PARTIES,
        '(attachment: "<attachment>")',
        Kind.OWNER,
        {"attachment": _PIECES},
        action="ADD_ATTACHMENT",
    ),
    Change(
        "postExchange",
        PARTIES | PARTNERS,
        '(input: {request: "<request>", body: "Bonjour"})',
        Kind.OWNER,
        {"request": _SUBMITTED},
        action="POST_EXCHANGE",
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "postExchange",
        PARTIES | PARTNERS,
        '(input: {request: "<request>", body: "La réponse"})',
        Kind.PARTNER,
        {"request": _SUBMITTED},
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "postExchange",
        PARTIES | PARTNERS,
        f'(input: {{request: "<request>", body: "Encore", idempotencyKey: "{KEY}"}})',
        Kind.OTHER_CITIZEN,
        {"request": ("other submitted", "owner submitted")},
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "postExchange",
        PARTIES | PARTNERS,
        '(input: {request: "<request>", body: "Voici", attachments: ["<attachment>"]})',
        Kind.HANDLER,
        {"request": _SUBMITTED, "attachment": _PIECES},
        refers=("attachment",),
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "markExchangesRead",
        PARTIES,
        '(input: {request: "<request>", upTo: "<exchange>"})',
        Kind.OWNER,
        {
            "request": _SUBMITTED,
            "exchange": ("owner submitted/municipality exchange", "other submitted/municipality exchange"),
        },
    ),
    Change(
        "linkPartner",
        CITIZENS,
        '(input: {system: "famille", code: "1234", password: "secret"})',
        Kind.OWNER,
        answers=NOT_REACHED,
    ),
    Change(
        "updatePartnerCredentials",
        CITIZENS,
        '(input: {link: "<link>", code: "1234", password: "secret"})',
        Kind.OWNER,
        {"link": _LINKS},
        answers=NOT_REACHED,
    ),
    Change("unlinkPartner", CITIZENS, '(link: "<link>")', Kind.OWNER, {"link": _LINKS}),
    Change("openPartner", CITIZENS, '(link: "<link>")', Kind.OWNER, {"link": _LINKS}, answers=NOT_REACHED),
    Change(
        "createPartnerToken",
        ADMINISTRATORS,
        '(input: {name: "Nouveau", scopes: [READ_REQUESTS], procedures: ["demande"], expiresAt: "<in a month>"})',
        Kind.ADMINISTRATOR,
        values=_in_a_month,
    ),
    Change(
        "revokePartnerToken",
        ADMINISTRATORS,
        '(token: "<token>")',
        Kind.ADMINISTRATOR,
        {"token": (f"token {Kind.SCOPELESS}",)},
    ),
    Change(
        "saveWebhook",
        PARTNERS,
        '(input: {id: "<webhook>", url: "https://partner.example/hook", rotateSecret: true})',
        Kind.PARTNER,
        {"webhook": _WEBHOOKS},
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "deleteWebhook",
        PARTNERS,
        '(webhook: "<webhook>")',
        Kind.PARTNER,
        {"webhook": _WEBHOOKS},
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "resumeWebhook",
        ADMINISTRATORS,
        '(webhook: "<webhook>")',
        Kind.ADMINISTRATOR,
        {"webhook": (f"webhook {Kind.OTHER_PARTNER} at the desk",)},
    ),
    Change(
        "saveProcedure",
        ADMINISTRATORS,
        '(input: {id: "<procedure>", version: 1, slug: "demande", title: "Demande", category: "etat-civil", '
        'summary: "Résumé", body: "Bonjour.", appointment: OPTIONAL, schedules: ["<schedule>"], '
        'fields: [{key: "agreed", label: "D’accord ?", type: {boolean: true}}]})',
        Kind.ADMINISTRATOR,
        {"procedure": ("procedure",), "schedule": ("schedule",)},
    ),
    Change(
        "saveAgent",
        ADMINISTRATORS,
        '(input: {id: "<agent>", displayName: "Agent", role: HANDLER, procedures: ["demande"], active: true})',
        Kind.ADMINISTRATOR,
        {"agent": (f"agent {Kind.HANDLER}",)},
    ),
    Change(
        "saveAgent",
        ADMINISTRATORS,
        f'(input: {{id: "<agent>", displayName: "Agent", role: HANDLER, procedures: [], active: true, '
        f'username: "nouveau", password: "{_NEW_PASSWORD}"}})',
        Kind.ADMINISTRATOR,
        {"agent": (f"agent {Kind.OTHER_HANDLER}",)},
        ends=(f"session {Kind.OTHER_HANDLER}",),
    ),
    Change(
        "saveAgent",
        ADMINISTRATORS,
        '(input: {id: "<agent>", displayName: "Agent", role: HANDLER, procedures: [], active: false})',
        Kind.ADMINISTRATOR,
        {"agent": (f"agent {Kind.OTHER_HANDLER}",)},
        ends=(f"session {Kind.OTHER_HANDLER}",),
    ),
    Change(
        "resendMail",
        AGENTS,
        '(mail: "<mail>")',
        Kind.HANDLER,
        {"mail": ("mail", "other mail", "mail about an account", "mail that was sent")},
    ),
    Change(
        "changePassword",
        AGENTS,
        f'(input: {{currentPassword: "{PASSWORD}", password: "{_NEW_PASSWORD}"}})',
        Kind.HANDLER,
    ),
    Change(
        "enrolSecondFactor",
        AGENTS | {Kind.ENROLLING},
        f'(password: "{PASSWORD}")',
        Kind.ENROLLING,
    ),
    Change(
        "confirmSecondFactor",
        AGENTS | {Kind.ENROLLING},
        '(code: "<code>")',
        Kind.ENROLLING,
        values=lambda world: {"code": world.code_of(Kind.ENROLLING)},
    ),
    Change(
        "renewRecoveryCodes",
        AGENTS,
        f'(input: {{password: "{PASSWORD}", oneTimeCode: "<code>"}})',
        Kind.HANDLER,
        values=lambda world: {"code": world.code_of(Kind.HANDLER)},
    ),
    Change(  # In a mairie that requires one.
        "disableSecondFactor",
        AGENTS,
        f'(input: {{password: "{PASSWORD}", oneTimeCode: "<code>"}})',
        Kind.HANDLER,
        values=lambda world: {"code": world.code_of(Kind.HANDLER)},
        answers="NotAllowedError",
    ),
    Change(
        "resetSecondFactor",
        ADMINISTRATORS,
        f'(input: {{agent: "<agent>", password: "{PASSWORD}"}})',
        Kind.ADMINISTRATOR,
        {"agent": (f"agent {Kind.HANDLER}",)},
    ),
    Change("requestDataExport", CITIZENS, "", Kind.OWNER),
    Change("deleteAccount", CITIZENS, f'(input: {{password: "{PASSWORD}"}})', Kind.OTHER_CITIZEN),
    Change(
        "restoreAccount",
        ADMINISTRATORS,
        '(username: "<username>")',
        Kind.ADMINISTRATOR,
        values=lambda world: {"username": world.closed_username},
        affects=("closed account",),
    ),
    Change(
        "createAccountWithIdentity",
        VISITORS | HOLDERS,
        f"(input: {{profile: {_CONTACT}}})",
        Kind.ARRIVING,
        affects=("arrival",),
    ),
    Change(
        "linkIdentity",
        VISITORS | APPLICANTS,
        f'(input: {{username: "<username>", password: "{PASSWORD}"}})',
        Kind.ARRIVING,
        values=lambda world: {"username": world.usernames[Kind.OTHER_CITIZEN]},
        affects=("arrival",),
        shows=Kind.OTHER_CITIZEN,
    ),
    Change(
        "unlinkIdentity",
        CITIZENS,
        '(identity: "<identity>")',
        Kind.OWNER,
        {"identity": ("identity citizen", "identity another citizen")},
    ),
    Change(
        "startRequest",
        VISITORS | APPLICANTS,
        '(input: {procedure: "demande", idempotencyKey: "une clé de plus de 16"})',
        Kind.VISITOR,
    ),
    Change("startRequest", VISITORS | APPLICANTS, '(input: {procedure: "cadenas"})', Kind.OTHER_CITIZEN),
    Change(
        "updateRequest",
        APPLICANTS,
        f'(input: {{request: "<request>", version: 1, contact: {_CONTACT}, answers: []}})',
        Kind.OWNER,
        {"request": _DRAFTS},
        action="EDIT",
    ),
    Change(
        "submitRequest",
        APPLICANTS,
        '(input: {request: "<request>", version: 1, captcha: {captcha: "<captcha>", answer: "AZERTY"}})',
        Kind.OWNER,
        {"request": _DRAFTS, "captcha": ("captcha",)},
        action="SUBMIT",
    ),
    Change(
        "submitRequest",
        APPLICANTS,
        '(input: {request: "<request>", version: 1, captcha: {captcha: "<captcha>", answer: "AZERTY"}})',
        Kind.HOLDER,
        {"request": ("owner draft",), "captcha": ("captcha",)},
        refers=("captcha",),
        opens="owner draft",
        by_ticket="owner draft",
    ),
    Change(
        "cancelRequest",
        APPLICANTS,
        '(input: {request: "<request>"})',
        Kind.OWNER,
        {"request": (*_SUBMITTED, *_DRAFTS)},
        action="CANCEL",
    ),
    Change(
        "claimRequest",
        CITIZENS,
        '(ticket: "<ticket>")',
        Kind.OTHER_CITIZEN,
        values=lambda world: {"ticket": world.requests["held"].ticket},
        opens="held",
    ),
    Change(
        "logIn",
        PEOPLE,
        f'(input: {{username: "<username>", password: "{PASSWORD}", delivery: TOKEN}})',
        Kind.VISITOR,
        values=lambda world: {"username": world.usernames[Kind.OTHER_CITIZEN]},
        shows=Kind.OTHER_CITIZEN,
    ),
    Change(
        "logIn",
        PEOPLE,
        '(input: {username: "<username>", password: "<password>", delivery: TOKEN})',
        Kind.VISITOR,
        values=lambda world: {
            "username": world.usernames[Kind.OTHER_CITIZEN],
            "password": world.temporary_password,
        },
        shows=Kind.OTHER_CITIZEN,
    ),
    Change(
        "logOut",
        PEOPLE | RESTRICTED,
        "",
        Kind.OTHER_CITIZEN,
        answers="Boolean",
        ends=(f"session {Kind.OTHER_CITIZEN}",),
    ),
    Change(
        "logIn",
        PEOPLE,
        f'(input: {{username: "<username>", password: "{PASSWORD}", oneTimeCode: "<code>", delivery: TOKEN}})',
        Kind.VISITOR,
        values=lambda world: {
            "username": world.usernames[Kind.HANDLER],
            "code": world.code_of(Kind.HANDLER),
        },
        shows=Kind.HANDLER,
    ),
    Change(
        "revokeSession",
        CITIZENS | AGENTS,
        '(session: "<session>")',
        Kind.OWNER,
        {"session": ("other session citizen", "other session another citizen")},
    ),
    Change(
        "revokeOtherSessions",
        CITIZENS | AGENTS,
        "",
        Kind.OTHER_CITIZEN,
        answers="RevokeSessionSuccess",
    ),
    Change(
        "createAccount",
        VISITORS | HOLDERS,
        f'(input: {{username: "ada.martin", password: "Demonstration-2026!", profile: {_CONTACT}, '
        'captcha: {captcha: "<captcha>", answer: "AZERTY"}})',
        Kind.VISITOR,
        {"captcha": ("captcha for an account",)},
    ),
    Change(
        "confirmEmail",
        PEOPLE,
        '(token: "<token>")',
        Kind.OWNER,
        values=lambda world: {"token": world.confirmation[Kind.OWNER]},
    ),
    Change(
        "resendConfirmation",
        CITIZENS,
        "",
        Kind.OTHER_CITIZEN,
        after="UPDATE account SET email_confirmed_at = NULL",
    ),
    Change("updateProfile", CITIZENS, f"(input: {_CONTACT})", Kind.OTHER_CITIZEN),
    Change(
        "requestNewPassword",
        PEOPLE,
        '(input: {usernameOrEmail: "<username>", captcha: {captcha: "<captcha>", answer: "AZERTY"}})',
        Kind.VISITOR,
        {"captcha": ("captcha for a password",)},
        values=lambda world: {"username": world.usernames[Kind.OWNER]},
    ),
    Change(
        "changeCredentials",
        CITIZENS | {Kind.RESTRICTED},
        f'(input: {{currentPassword: "{PASSWORD}", password: "{_NEW_PASSWORD}"}})',
        Kind.OTHER_CITIZEN,
    ),
    Change(
        "changeCredentials",
        CITIZENS | {Kind.RESTRICTED},
        f'(input: {{currentPassword: "<mailed>", password: "{_NEW_PASSWORD}"}})',
        Kind.RESTRICTED,
        values=lambda world: {"mailed": world.mailed_password},
        shows=Kind.OWNER,
    ),
    Change(
        "changeRequestStatus",
        AGENTS | PARTNERS,
        '(input: {request: "<request>", version: 1, status: IN_PROGRESS})',
        Kind.HANDLER,
        {"request": (*_SUBMITTED, *_DRAFTS)},
        action="CHANGE_STATUS",
        scope=frozenset({Kind.SCOPELESS}),
    ),
    Change(
        "assignRequest",
        AGENTS,
        '(input: {request: "<request>", agent: "<agent>"})',
        Kind.HANDLER,
        {"request": (*_SUBMITTED, *_DRAFTS), "agent": ("agent administrator",)},
        action="ASSIGN",
    ),
)


@dataclass(frozen=True)
class Refusal:
    """A call by somebody who may make calls like it, but not this one, and what it answers: a type or a code."""

    what: str
    kind: Kind
    document: str
    answers: str
    values: Callable[[World], Mapping[str, str]] = lambda world: {}
    by_ticket: str | None = None
    """The request whose ticket they call with, instead of their own credentials."""


REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        "a temporary password opens its own account",
        Kind.VISITOR,
        'logIn(input: {username: "<username>", password: "<password>"})',
        "InvalidCredentialsError",
        lambda world: {
            "username": world.usernames[Kind.OWNER],
            "password": world.temporary_password,
        },
    ),
    Refusal(
        "an identity opens no agent's access",
        Kind.ARRIVING,
        f'linkIdentity(input: {{username: "<username>", password: "{PASSWORD}"}})',
        "InvalidCredentialsError",
        lambda world: {"username": world.usernames[Kind.HANDLER]},
    ),
    Refusal(
        "whoever has but a ticket passes a captcha to submit",
        Kind.HOLDER,
        'submitRequest(input: {request: "<owner draft>", version: 1})',
        "CaptchaError",
        by_ticket="owner draft",
    ),
    Refusal(
        "a procedure with the padlock takes an account",
        Kind.VISITOR,
        'startRequest(input: {procedure: "cadenas", idempotencyKey: "une clé de plus de 16"})',
        "AccountRequiredError",
    ),
    Refusal(
        "a decision is followed by what may follow it",
        Kind.HANDLER,
        'changeRequestStatus(input: {request: "<owner submitted>", version: 1, status: CANCELLED})',
        "NotAllowedError",
    ),
    Refusal(
        "a request that is closed for good is not decided on, whatever is known of it",
        Kind.HANDLER,
        'changeRequestStatus(input: {request: "<owner cancelled>", version: 99, status: IN_PROGRESS})',
        "NotAllowedError",
    ),
    Refusal(
        "a webhook whose token is over is not resumed",
        Kind.ADMINISTRATOR,
        'resumeWebhook(webhook: "<webhook of a token that is over>")',
        "NotAllowedError",
    ),
    Refusal(
        "an upload that was used elsewhere is not used again",
        Kind.OWNER,
        'addAttachment(input: {request: "<owner elsewhere>", field: "piece", '
        'source: {resumableUpload: "<used upload>"}})',
        "NotFoundError",
    ),
    Refusal(
        "a captcha that is over opens no account",
        Kind.VISITOR,
        f'createAccount(input: {{username: "ada.martin", password: "{_NEW_PASSWORD}", profile: {_CONTACT}, '
        'captcha: {captcha: "<captcha that is over>", answer: "AZERTY"}})',
        "CaptchaError",
    ),
    Refusal(
        "whoever has no account reads none with a mailed link",
        Kind.VISITOR,
        'confirmEmail(token: "<token>") { ... on ConfirmEmailSuccess { account { profile { lastName } } } }',
        "FORBIDDEN",
        lambda world: {"token": world.confirmation[Kind.OWNER]},
    ),
    Refusal(
        "a link that nobody mailed is nobody's",
        Kind.OWNER,
        'confirmEmail(token: "nonsense") { ... on ConfirmEmailSuccess { account { profile { lastName } } } }',
        "FORBIDDEN",
    ),
    Refusal(
        "a mailed password is changed by who has it, not by who knows the one before",
        Kind.RESTRICTED,
        f'changeCredentials(input: {{currentPassword: "{PASSWORD}", password: "{_NEW_PASSWORD}"}})',
        "InvalidCredentialsError",
    ),
    Refusal(
        "a password is changed by who knows it",
        Kind.OWNER,
        f'changeCredentials(input: {{currentPassword: "<mailed>", password: "{_NEW_PASSWORD}"}})',
        "InvalidCredentialsError",
        lambda world: {"mailed": world.mailed_password},
    ),
    Refusal(
        "a request that is somebody else's is not claimed",
        Kind.OTHER_CITIZEN,
        'claimRequest(ticket: "<ticket>")',
        "NotAllowedError",
        lambda world: {"ticket": world.requests["owner submitted"].ticket},
    ),
    Refusal(
        "whoever has a mailbox reads no account",
        Kind.OTHER_CITIZEN,
        'confirmEmail(token: "<token>") { ... on ConfirmEmailSuccess { account { profile { lastName } } } }',
        "FORBIDDEN",
        lambda world: {"token": world.confirmation[Kind.OWNER]},
    ),
    Refusal(
        "a procedure that is being written is started by nobody",
        Kind.OWNER,
        'startRequest(input: {procedure: "brouillon", idempotencyKey: "une clé de plus de 16"})',
        "NotFoundError",
    ),
    Refusal(
        "a request is not given to an agent who does not handle it",
        Kind.ADMINISTRATOR,
        'assignRequest(input: {request: "<owner submitted>", agent: "<agent handler of another procedure>"})',
        "ValidationError",
    ),
    Refusal(
        "appointments are taken in the procedure's own schedules",
        Kind.HANDLER,
        'moveAppointment(input: {appointment: "<owner submitted/appointment>", slot: "<slot apart>"})',
        "NotFoundError",
    ),
    Refusal(
        "a message names pieces of its own request",
        Kind.OWNER,
        'postExchange(input: {request: "<owner elsewhere>", body: "Ici", '
        'attachments: ["<owner submitted/citizen attachment>"]})',
        "NotFoundError",
    ),
    Refusal(
        "a mark is set at an exchange of the request itself",
        Kind.OWNER,
        'markExchangesRead(input: {request: "<owner elsewhere>", '
        'upTo: "<owner submitted/municipality exchange>"})',
        "NotFoundError",
    ),
)
"""Rules of who may do what that are about more than whose something is."""

SUBSCRIPTIONS: Mapping[str, Kinds] = {
    "captchaAudio": PEOPLE,
    "slotChanges": EVERYONE,
    "requestEvents": PARTIES,
    "notifications": CITIZENS,
    "deskEvents": AGENTS,
}

ACTIONS: Mapping[str, tuple[str, str]] = {
    "DRAFT": ("EDIT SUBMIT CANCEL ADD_ATTACHMENT *_APPOINTMENT", ""),
    "SUBMITTED": (
        "CANCEL POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT",
        "POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT CHANGE_STATUS ASSIGN",
    ),
    "IN_PROGRESS": (
        "CANCEL POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT",
        "POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT CHANGE_STATUS ASSIGN",
    ),
    "AWAITING_CITIZEN": (
        "CANCEL POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT",
        "POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT CHANGE_STATUS ASSIGN",
    ),
    "ACCEPTED": (
        "POST_EXCHANGE MOVE_APPOINTMENT",
        "POST_EXCHANGE ADD_ATTACHMENT *_APPOINTMENT CHANGE_STATUS ASSIGN",
    ),
    "CANCELLED": ("", ""),
}
"""By status: the citizen's side, and the mairie's. `*_APPOINTMENT` is MOVE where there is one, else BOOK."""


def may_see(type_: str, name: str) -> Kinds:
    """Who is shown a value at a field."""
    found = [kinds for kinds, names in FIELDS.get(type_, {}).items() if name in names.split()]
    return found[0] if found else NOBODY


def permitted(kind: Kind, filed: Filed) -> set[str]:
    """What this kind of caller may do with a request that it sees."""
    if kind in PARTNERS:
        answers = kind in READING_PARTNERS and filed.row.status not in ("DRAFT", "CANCELLED")
        return {"POST_EXCHANGE", "CHANGE_STATUS"} if answers else set()
    of_citizens, of_agents = ACTIONS[filed.row.status]
    actions = set((of_agents if kind in AGENTS else of_citizens).split())
    if "*_APPOINTMENT" in actions:
        actions = actions - {"*_APPOINTMENT"} | {f"{'MOVE' if filed.booked else 'BOOK'}_APPOINTMENT"}
    if (
        kind in CITIZENS and kind not in filed.reach
    ):  # Read by its ticket: claimed where nobody has it, or nothing.
        return {*actions, "CLAIM"} if filed.row.account_id is None else set()
    return actions
