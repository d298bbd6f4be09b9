"""Comptes citoyens."""

from datetime import datetime

import strawberry

import resolvers.accounts
import resolvers.closing
import resolvers.credentials
import resolvers.new_passwords
from core.limits.declared import CREATE_ACCOUNT, NEW_PASSWORD, PASSWORD
from models.actors import Visitor
from schema.callers import ADMINISTRATORS, CITIZENS, EVERYONE, PEOPLE, Caller
from schema.captcha import CaptchaAnswer, captcha_answer_of
from schema.connections import Node
from schema.contact import Contact, ContactInput, contact_of
from schema.counting import Counted, name_key
from schema.data_exports import DataExport
from schema.declare import input_object, output
from schema.errors import (
    CaptchaError,
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    PartnerError,
    UsernameTakenError,
    ValidationError,
)
from schema.fields import Info, describe_refusal, kept, mutation, query, selection_of
from schema.partner_links import PartnerCredentialsInput, PartnerLink, wanted_link_of
from schema.requests import ServiceRequestConnection
from schema.rows import Row
from schema.sessions import Session
from schema.storage import StorageSpace


@output
class Identity:
    """An identity of a provider that opens the account without its password."""

    id: strawberry.ID
    provider: str
    """`FranceConnect`."""
    acr: str | None
    """How sure the provider was the last time: `eidas1`."""
    amr: list[str]
    """By which methods (RFC 8176), where it tells."""
    linked_at: datetime
    last_used_at: datetime


@output
class Account(Node):
    """A citizen's account (compte citoyen)."""

    username: str
    profile: Contact
    created_at: datetime
    email_confirmed_at: datetime | None
    unread_exchange_count: int
    """Over all its requests."""
    storage: StorageSpace
    has_password: bool
    """False where it was opened with an identity and has never got a password."""
    identities: list[Identity]
    """What else opens it."""
    partner_links: list[PartnerLink]
    sessions: list[Session]
    """Where it is logged in, the latest seen first."""
    data_export: DataExport | None
    """The last one that was asked for (`requestDataExport`); null where there was none."""

    @kept(ServiceRequestConnection)
    def requests(
        self, archived: bool | None = False, first: int | None = 20, after: str | None = None
    ) -> None:
        """Mes demandes, the latest started first. Archived ones only with `archived: true` (Voir les demandes
        archivées).
        """


@input_object()
class CreateAccountInput:
    username: str
    password: str
    profile: ContactInput
    """Its e-mail is required here: the confirmation goes there."""
    captcha: CaptchaAnswer
    partner: PartnerCredentialsInput | None = strawberry.UNSET
    """Espace Famille code and password, where the mairie has one."""


@input_object()
class RequestNewPasswordInput:
    username_or_email: str
    """As it was typed."""
    captcha: CaptchaAnswer | None = strawberry.UNSET
    """Required: of a challenge for REQUEST_PASSWORD."""


@input_object()
class ChangeCredentialsInput:
    """What is left out stays as it is."""

    current_password: str
    """After logging in with a temporary password, that one."""
    username: str | None = strawberry.UNSET
    password: str | None = strawberry.UNSET


@input_object()
class DeleteAccountInput:
    password: str


@output
class CreateAccountSuccess:
    account: Account
    partner_problem: PartnerError | None
    """Set where the partner refused the credentials: the account stands, the link does not."""


@output
class ConfirmEmailSuccess:
    account: Account


@output
class ResendConfirmationSuccess:
    account: Account


@output
class RequestNewPasswordSuccess:
    message: str
    """What to tell the person, in their language."""


@output
class ChangeCredentialsSuccess:
    account: Account


@output
class UpdateProfileSuccess:
    account: Account


@output
class DeleteAccountSuccess:
    erased_at: datetime
    """When the data will be erased; until then support can undo it."""


@output
class RestoreAccountSuccess:
    username: str


@query(Account | None, callers=EVERYONE)
async def me(info: Info) -> Row | None:
    """Mon espace citoyen. Null for anyone but a citizen who is logged in."""
    return await resolvers.accounts.me(info.context.actor, selection=selection_of(info))


@mutation(
    CreateAccountSuccess,
    refusals=(ValidationError, UsernameTakenError, CaptchaError),
    callers=frozenset({Caller.VISITOR, Caller.TICKET_HOLDER}),
    limits=(Counted(CREATE_ACCOUNT),),
)
async def create_account(info: Info, input: CreateAccountInput) -> Row:
    """Opens an account, and sends the confirmation to its e-mail. It can log in at once."""
    created = await resolvers.accounts.create_account(
        info.context.actor,
        username=input.username,
        password=input.password,
        profile=contact_of(input.profile),
        captcha=captcha_answer_of(input.captcha, info.context),
        partner=wanted_link_of(input.partner, info.context) if input.partner else None,
        selection=selection_of(info, "account"),
    )
    problem = created.partner_problem
    return {
        "account": created.account,
        "partner_problem": describe_refusal(problem, info.context) if problem else None,
    }


@mutation(ConfirmEmailSuccess, refusals=(NotFoundError,), callers=PEOPLE)
async def confirm_email(info: Info, token: str) -> Row:
    """Confirms an address with the token that was mailed to it."""
    account = await resolvers.accounts.confirm_email(
        info.context.actor, token=token, selection=selection_of(info, "account")
    )
    return {"account": account}


@mutation(ResendConfirmationSuccess, refusals=(NotAllowedError,), callers=CITIZENS)
async def resend_confirmation(info: Info) -> Row:
    """Mails the link for `confirmEmail` to the account's address again, five times an hour; those before stay good.
    NotAllowedError once it is confirmed.
    """
    account = await resolvers.accounts.resend_confirmation(
        info.context.actor, selection=selection_of(info, "account")
    )
    return {"account": account}


@mutation(UpdateProfileSuccess, refusals=(ValidationError,), callers=CITIZENS)
async def update_profile(info: Info, input: ContactInput) -> Row:
    """Mes informations, as a whole. Requests that were filed keep what they were filed with."""
    account = await resolvers.accounts.update_profile(
        info.context.actor, profile=contact_of(input), selection=selection_of(info, "account")
    )
    return {"account": account}


@mutation(
    RequestNewPasswordSuccess,
    refusals=(CaptchaError,),
    callers=PEOPLE,
    limits=(Counted(NEW_PASSWORD, subject=lambda given: name_key(given["input"].username_or_email)),),
)
async def request_new_password(info: Info, input: RequestNewPasswordInput) -> Row:
    """Mot de passe oublié ? Always the same answer, whether or not the account exists. The mail brings a temporary
    password, good for ten minutes and one use; until it is used, the one before goes on working.
    """
    answer = await resolvers.new_passwords.request_new_password(
        info.context.actor,
        username_or_email=input.username_or_email,
        captcha=captcha_answer_of(input.captcha, info.context) if input.captcha else None,
    )
    return {"message": answer.in_(info.context.language)}


@mutation(
    ChangeCredentialsSuccess,
    refusals=(ValidationError, InvalidCredentialsError, UsernameTakenError),
    callers=CITIZENS | {Caller.MUST_CHANGE_PASSWORD},
    limits=(Counted(PASSWORD),),
)
async def change_credentials(info: Info, input: ChangeCredentialsInput) -> Row:
    """Modifier les identifiants de mon compte citoyen. Ends all other sessions; a mail says that it was done."""
    account = await resolvers.credentials.change_credentials(
        info.context.actor,
        current_password=input.current_password,
        username=_given(input.username),
        password=_given(input.password),
        selection=selection_of(info, "account"),
    )
    return {"account": account}


@mutation(
    DeleteAccountSuccess,
    refusals=(InvalidCredentialsError, NotAllowedError),
    callers=CITIZENS,
    limits=(Counted(PASSWORD),),
)
async def delete_account(info: Info, input: DeleteAccountInput) -> Row:
    """Closes the account: all its sessions end at once, and logging in answers NotAllowedError. Its username stays
    taken until its data are erased. Requests that were sent go on, and open by their tickets. A mail confirms it.
    An account without a password (`hasPassword`) is closed within 15 minutes of a log-in with its identity, or answers
    NotAllowedError.
    """
    erased_at = await resolvers.closing.delete_account(info.context.actor, password=input.password)
    # What else the operation asks for is no longer this citizen's to ask.
    info.context.actor = Visitor(language=info.context.language)
    info.context.forget_session()
    return {"erased_at": erased_at}


@mutation(RestoreAccountSuccess, refusals=(NotFoundError,), callers=ADMINISTRATORS)
async def restore_account(info: Info, username: str) -> Row:
    """Opens a closed account again before its data are erased, for a citizen whom the mairie has recognised. They log
    in as before; a mail tells them.
    """
    restored = await resolvers.closing.restore_account(info.context.actor, username=username)
    return {"username": restored}


def _given(value: str | None) -> str | None:
    """What was left out is None."""
    return value if isinstance(value, str) else None
