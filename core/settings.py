"""Everything that is set from outside, read once from environment variables named `ESPACE_*`."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from contextlib import suppress
from difflib import get_close_matches
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.colors import LEAST_CONTRAST, contrast, is_color, tint

PREFIX = "ESPACE_"
NAMES_OF_CLIENTS = frozenset({"ESPACE_URL"})
"""Variables that the client examples read: no slip where they are set."""

SECRET_KEY_MINIMUM = 32

LEAST_RATE_LIMITS, MOST_RATE_LIMITS = 0.1, 10_000
"""Below the one, the largest operation would be more than its caller may have in a minute."""

NO_SCANNER = "none://"
"""What `clamd_url` is where an operator has decided to do without."""

REQUIRED_IN_PRODUCTION = {
    "secret_key": f"at least {SECRET_KEY_MINIMUM} random characters",
    "database_url": "postgresql://user:password@host:5432/database",
    "redis_url": "redis://:password@host:6379/0",
    "smtp_url": "smtp://user:password@host:587",
    "public_url": "https://the-address-people-see",
    "clamd_url": f"unix:///run/clamav/clamd.ctl or tcp://host:3310; {NO_SCANNER} takes files without a virus scan",
}

URL_SCHEMES = {
    "database_url": ("postgresql", "postgres"),
    "redis_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
    "public_url": ("http", "https"),
    "storage_url": ("s3", "file"),
    "clamd_url": ("unix", "tcp", "none"),
}


_ORIGIN = re.compile(r"https?://[^/?#\s@]+")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_ISSUER = re.compile(r"https?://[^?#\s@]+")
_PATH = re.compile(r"/|(?:/[A-Za-z0-9_-]+)+")
_BASE_ADDRESS = re.compile(r"https?://[^/?#\s@]+(/[\w.~-]+)*", re.ASCII)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SCANNER = re.compile(r"unix:///[^\s?#]+|tcp://([^/?#\s@:\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?/?|none://")


def is_webhook_secret(text: str) -> bool:
    """As https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md writes them."""
    prefix, separator, encoded = text.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return prefix == "whsec" and bool(separator) and 24 <= len(key) <= 64


class Settings(BaseSettings):
    """The settings of one process. Immutable: `model_copy(update=...)` makes a changed one.

    URLs may hold passwords: they are left out of `repr`. Durations are in seconds, sizes in bytes.
    Making one raises `pydantic.ValidationError`, which names every problem at once.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    mode: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    data: Path = Path(".data")
    """Where `dev` keeps its databases and mail, and the secret key of development. Absolute once read."""

    database_url: str | None = Field(default=None, repr=False)
    redis_url: str | None = Field(default=None, repr=False)
    smtp_url: str | None = Field(default=None, repr=False)
    mail_from: str = "Mairie <ne-pas-repondre@mairie.example>"
    public_url: str = ""
    """What links in mails start with, without a final slash. In development http://localhost:{port}."""
    secret_key: SecretStr = SecretStr("")
    """Every other key derives from it. In development it is kept in a private file under `data`."""
    captcha_fixed_code: str | None = Field(default=None, repr=False)
    """The answer of every captcha, for tests and demonstrations. Refused outside development."""
    captcha_audio_stock: int = Field(default=12, ge=0, le=1000)
    """Security codes that are read aloud beforehand, in French; in English a third as many. 0 keeps none."""
    allowed_origins: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Origins of other sites that may call the API from a browser, separated by commas."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses and networks whose X-Forwarded-* headers are believed, separated by commas."""
    outgoing_allowed_hosts: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Hosts, each with a port or without, that may be called although they are not on the public Internet, and over
    HTTP without TLS, separated by commas: `espace-famille.mairie.lan:8080`, `192.168.1.20`, `[fd00::1]:8443`."""

    sites: Path = Path(__file__).parent.parent / "client-examples"
    """Where the sites were built (`make sites`): they are served where they are there."""
    brand_color: str | None = None
    """The municipality's colour on its sites, like `#1f4e79`: dark enough to be read on a light tint of itself."""
    accent_color: str | None = None
    """Its second colour, for what adorns: no text is written in it."""
    logo: Path | None = None
    """The municipality's logo: an SVG or PNG file."""

    graphql_body_bytes: int = Field(default=256 * 1024, ge=1024)
    """The largest GraphQL request, and the largest message on its WebSocket."""

    storage_url: str | None = Field(default=None, repr=False)
    """Where files are kept: `s3://bucket/prefix?region=...&endpoint=...`, `file:///folder`; else a folder of `data`."""
    storage_keys: Annotated[list[SecretStr], NoDecode] = Field(default_factory=list)
    """Secrets that stored files are encrypted with, separated by commas: the first encrypts, all decrypt. Where there
    are none, and for what was stored then, `secret_key`."""
    storage_quota_bytes: int = Field(default=100 * 1024 * 1024, ge=1)
    """What the storage space of an account that is opened now may hold."""
    clamd_url: str | None = None
    """The virus scanner: `unix:///run/clamav/clamd.ctl`, `tcp://host:3310`, or NO_SCANNER."""
    files_origin: str | None = None
    """An origin of their own for files, such as https://fichiers.example.fr. By default, that of `public_url`."""
    upload_file_bytes: int = Field(default=20 * 1024 * 1024, ge=1024)
    upload_request_bytes: int = Field(default=50 * 1024 * 1024, ge=1024)
    """The largest GraphQL multipart request, all its files together."""
    upload_timeout_seconds: float = Field(default=300.0, gt=0)
    """How long the body of one request with files may take."""
    upload_bytes_a_second: int = Field(default=1024, ge=1)
    """The slowest that a body may come in, over any ten seconds."""
    uploads_at_once: int = Field(default=100, ge=1)
    """How many bodies with files one process takes in at the same time; what more comes is asked to come again."""

    appointment_hold_seconds: int = Field(default=900, ge=10)
    """How long a draft keeps the slot that was chosen."""
    reminder_hour: int = Field(default=18, ge=0, le=23)
    """Me notifier la veille: at this hour of the municipality's day."""
    account_grace_days: int = Field(default=30, ge=1, le=365)
    """How long a closed account can be restored, before its data are erased."""
    request_retention_months: int = Field(default=60, ge=1, le=1200)
    """How long requests are kept once they are closed, where their procedure does not say otherwise."""
    openid_issuer: str | None = None
    """The OpenID provider that citizens may log in with, such as FranceConnect. By default there is none."""
    openid_client_id: str | None = None
    openid_client_secret: SecretStr | None = None
    openid_name: str = "FranceConnect"
    """What citizens read on the button."""
    openid_algorithm: Literal["ES256", "RS256"] = "ES256"
    """What the provider signs with, as agreed with it: nothing else is taken."""
    openid_scopes: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["openid", "given_name", "family_name", "email", "birthdate"]
    )
    """What is asked of the provider, separated by spaces."""
    openid_acr_values: Annotated[list[str], NoDecode] = Field(default_factory=lambda: ["eidas1"])
    """The levels of assurance that will do, separated by spaces; a higher one of eIDAS does, too."""
    openid_return_paths: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["/", "/demarches", "/mon-espace"]
    )
    """Pages of the front end, with all below them, that a log-in may lead back to, separated by spaces."""
    openid_identity_path: str = "/identite"
    """The page of the front end where a new identity becomes an account, or is linked to one."""

    agents_second_factor: Literal["optional", "required"] = "optional"
    """Whether agents without a second factor may do anything but enrol one."""
    partner_secrets: Annotated[dict[str, SecretStr], NoDecode] = Field(default_factory=dict)
    """What this API and a partner system know each other by: `espace-famille=whsec_…`, separated by commas."""
    partner_addresses: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """Where partner systems are, other than the data files say, as for their test systems:
    `espace-famille=https://essai.famille.example/espace-citoyens`, separated by commas."""
    rate_limits: float = 1.0
    """What the amounts of core/limits/declared.py are multiplied by. 0 is none at all, in development only."""

    database_timeout_seconds: float = Field(default=1.5, gt=0)
    database_pool_size: int = Field(default=10, ge=2, le=200)
    shutdown_timeout_seconds: int = Field(default=5, ge=1)
    """How long requests under way may take to end once a process was told to stop."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"
    """`auto`: one JSON object a line in production, text for people in development."""

    @property
    def development(self) -> bool:
        return self.mode == "development"

    @field_validator("data")
    @classmethod
    def make_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()]
        return value

    @field_validator("outgoing_allowed_hosts", mode="before")
    @classmethod
    def split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return [host.strip().lower() for host in value.split(",") if host.strip()]
        return value

    @field_validator("outgoing_allowed_hosts")
    @classmethod
    def check_hosts(cls, value: list[str]) -> list[str]:
        wrong = [host for host in value if not _HOST.fullmatch(host)]
        if wrong:
            raise ValueError(f"has no hosts such as partner.lan or partner.lan:8080 in {', '.join(wrong)}")
        return value

    @field_validator("storage_keys", mode="before")
    @classmethod
    def split_keys(cls, value: object) -> object:
        if isinstance(value, str):
            return [key.strip() for key in value.split(",") if key.strip()]
        return value

    @field_validator("storage_keys")
    @classmethod
    def check_keys(cls, value: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < SECRET_KEY_MINIMUM for key in value):
            raise ValueError(f"must have at least {SECRET_KEY_MINIMUM} characters each")
        return value

    @field_validator("openid_scopes", "openid_acr_values", "openid_return_paths", mode="before")
    @classmethod
    def split_words(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("openid_scopes")
    @classmethod
    def check_scopes(cls, value: list[str]) -> list[str]:
        if "openid" not in value:
            raise ValueError("must have openid among them")
        return value

    @field_validator("openid_return_paths")
    @classmethod
    def check_paths(cls, value: list[str]) -> list[str]:
        wrong = [path for path in value if not _PATH.fullmatch(path)]
        if wrong or not value:
            raise ValueError(f"must be paths such as /mon-espace, not {' '.join(wrong) or 'none'}")
        return value

    @field_validator("openid_identity_path")
    @classmethod
    def check_path(cls, value: str) -> str:
        if not _PATH.fullmatch(value):
            raise ValueError("must be a path such as /identite")
        return value

    @field_validator("openid_issuer")
    @classmethod
    def check_issuer(cls, value: str | None) -> str | None:
        if value and not _ISSUER.fullmatch(value):
            raise ValueError("must be like https://fcp-low.sbx.dev-franceconnect.fr/api/v2, without a query")
        return value

    @field_validator("brand_color", "accent_color")
    @classmethod
    def check_color(cls, value: str | None) -> str | None:
        if value and not is_color(value):
            raise ValueError("must be like #1f4e79")
        return value

    @field_validator("brand_color")
    @classmethod
    def check_brand_color(cls, value: str | None) -> str | None:
        if value and contrast(value, tint(value)) < LEAST_CONTRAST:
            raise ValueError(
                f"is too light to be read on its own tint: its contrast must be {LEAST_CONTRAST} at least"
            )
        return value

    @field_validator("logo")
    @classmethod
    def check_logo(cls, value: Path | None) -> Path | None:
        if value and not (value.is_file() and value.suffix in {".svg", ".png"}):
            raise ValueError("must be an SVG or PNG file")
        return value

    @field_validator("partner_secrets", "partner_addresses", mode="before")
    @classmethod
    def split_by_partner(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
        if not all(_SLUG.fullmatch(slug) and rest for slug, _, rest in pairs):
            raise ValueError("must be like espace-famille=…,other-partner=…")
        if len({slug for slug, _, _ in pairs}) < len(pairs):
            raise ValueError("names a partner twice")
        return {slug: rest for slug, _, rest in pairs}

    @field_validator("partner_secrets")
    @classmethod
    def check_partner_secrets(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if not all(is_webhook_secret(secret.get_secret_value()) for secret in value.values()):
            raise ValueError("must have secrets like whsec_ and the base64 of 24 to 64 bytes")
        return value

    @field_validator("partner_addresses")
    @classmethod
    def check_partner_addresses(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [address for address in value.values() if not _BASE_ADDRESS.fullmatch(address)]
        if wrong:
            raise ValueError(f"has no addresses such as https://famille.example/api in {', '.join(wrong)}")
        return value

    @field_validator("files_origin")
    @classmethod
    def check_files_origin(cls, value: str | None) -> str | None:
        if value and not _ORIGIN.fullmatch(value.rstrip("/")):
            raise ValueError("must be an origin such as https://fichiers.example.fr")
        return value.rstrip("/") if value else None

    @field_validator("clamd_url")
    @classmethod
    def check_scanner(cls, value: str | None) -> str | None:
        if value and not _SCANNER.fullmatch(value):
            raise ValueError("must be like unix:///run/clamav/clamd.ctl, tcp://host:3310, or none://")
        return value

    @field_validator("rate_limits")
    @classmethod
    def check_rate_limits(cls, value: float) -> float:
        if value and not LEAST_RATE_LIMITS <= value <= MOST_RATE_LIMITS:
            raise ValueError(f"must be from {LEAST_RATE_LIMITS} to {MOST_RATE_LIMITS}, or 0 in development")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def check_origins(cls, value: list[str]) -> list[str]:
        wrong = [origin for origin in value if not _ORIGIN.fullmatch(origin)]
        if wrong:
            raise ValueError(f"has no origins such as https://example.fr in {', '.join(wrong)}")
        return value

    @field_validator("mail_from")
    @classmethod
    def check_mail_from(cls, value: str) -> str:
        local, _, domain = parseaddr(value)[1].rpartition("@")
        if not local or not domain or not value.isprintable():
            raise ValueError('must be an address such as "Mairie de Saint-Aubin" <mairie@example.fr>')
        return value

    @field_validator(*URL_SCHEMES)
    @classmethod
    def check_scheme(cls, value: str | None, info: Any) -> str | None:
        if not value:
            return value
        schemes = URL_SCHEMES[info.field_name]
        if value.partition("://")[0] not in schemes or "://" not in value:
            raise ValueError("must start with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return value.rstrip("/") if info.field_name == "public_url" else value

    @model_validator(mode="wrap")
    @classmethod
    def check_together(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Rules between settings, reported together with the mistakes inside each of them."""
        problems = [_problem(name, message) for name, message in _joint_problems(data)]
        try:
            settings = handler(data)
        except ValidationError as error:
            named = {problem["loc"] for problem in problems}
            problems += [
                _problem(str(detail["loc"][0]) if detail["loc"] else "", detail["msg"])
                for detail in error.errors(include_url=False, include_input=False)
                if detail["loc"] not in named
            ]
            raise ValidationError.from_exception_data(cls.__name__, problems, hide_input=True) from None
        except OSError as error:
            problems.append(_problem("data", describe_unusable_folder(error)))
            raise ValidationError.from_exception_data(cls.__name__, problems, hide_input=True) from error
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems, hide_input=True)
        return settings

    def model_post_init(self, _context: Any) -> None:
        if not self.public_url:
            object.__setattr__(self, "public_url", f"http://localhost:{self.port}")
        if not self.secret_key.get_secret_value() and self.development:
            object.__setattr__(self, "secret_key", SecretStr(_development_key(self.data)))


def _joint_problems(data: dict[str, Any]) -> list[tuple[str, str]]:
    def given(name: str) -> str:
        value = data.get(name)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")

    problems = []
    mode = given("mode") or "development"
    if mode == "production":
        problems += [
            (name, f"is required in production ({example})")
            for name, example in REQUIRED_IN_PRODUCTION.items()
            if not given(name)
        ]
    if given("secret_key") and len(given("secret_key")) < SECRET_KEY_MINIMUM:
        problems.append(("secret_key", f"must have at least {SECRET_KEY_MINIMUM} characters"))
    with suppress(ValueError):  # What is no number is a mistake of its own.
        if mode != "development" and given("rate_limits") and float(given("rate_limits")) == 0:
            problems.append(("rate_limits", "may only be 0 when ESPACE_MODE=development"))
    of_provider = ("openid_issuer", "openid_client_id", "openid_client_secret")
    if any(map(given, of_provider)):
        problems += [
            (
                name,
                f"is needed with {' and '.join(f'{PREFIX}{other.upper()}' for other in of_provider if given(other))}",
            )
            for name in of_provider
            if not given(name)
        ]
    if mode != "development" and given("openid_issuer").startswith("http:"):
        problems.append(("openid_issuer", "must start with https:// unless ESPACE_MODE=development"))
    if mode != "development" and _trusts_everybody(given("trusted_proxies")):
        problems.append(
            (
                "trusted_proxies",
                "must name the proxies (10.0.0.5, 10.1.0.0/16): callers would choose their own address",
            )
        )
    if given("captcha_fixed_code") and mode != "development":
        problems.append(("captcha_fixed_code", "is only allowed when ESPACE_MODE=development"))
    return problems


def _trusts_everybody(proxies: str) -> bool:
    """Whether callers themselves are believed, who then choose the address that limits count them by."""
    return any(proxy.strip() == "*" or proxy.strip().endswith("/0") for proxy in proxies.split(","))


def _problem(name: str, message: str) -> InitErrorDetails:
    message = message.removeprefix("Value error, ").replace("{", "{{").replace("}", "}}")
    return InitErrorDetails(type=PydanticCustomError("setting", message), loc=(name,), input=None)


def _development_key(data: Path) -> str:
    """The secret key of this data folder, made the first time. Processes that start together agree on one."""
    path = data / "secret-key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f"secret-key.{os.getpid()}-{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process was first: its key is the one that counts.
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def describe_unusable_folder(error: OSError) -> str:
    """What keeps `data` from being used, in the words that `describe_problems` uses."""
    return f"cannot be used as a folder ({error.filename}: {error.strerror})"


def describe_problems(error: ValidationError) -> list[str]:
    """One line a problem, under the name that the operator knows: `ESPACE_PORT: must be ...`."""
    return [
        f"{PREFIX}{str(detail['loc'][0]).upper()}: {detail['msg']}" if detail["loc"] else detail["msg"]
        for detail in error.errors(include_url=False, include_input=False)
    ]


def forget_unknown_names() -> list[str]:
    """One line for each variable `ESPACE_*` of the environment that is no setting: most likely a slip.

    It is taken out of the environment, so that child processes do not say it again.
    """
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    for name in unknown:
        del os.environ[name]
    return [
        f"{name}: there is no such setting, it is ignored; the nearest name is "
        f"{get_close_matches(name.upper(), known, n=1, cutoff=0)[0]}"
        for name in unknown
        if name not in NAMES_OF_CLIENTS
    ]


@cache
def get_settings() -> Settings:
    """The settings of this process, read from its environment the first time."""
    return Settings()
