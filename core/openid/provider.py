"""The provider that the operator has chosen: what it says of itself, its keys, and the three calls of a log-in.

What it says of itself and its keys are kept in the process for an hour; a token with a key that is not among them has
them asked for again, at most once in ten seconds. Nothing else is called, and nothing else trusted: addresses come from
its own document, over TLS.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from joserfc.jwk import KeySet

from core.openid.errors import OpenIdError
from core.openid.login import StartedLogin
from core.openid.tokens import Claims, UnknownKeyError, check_identity, read_keys, subject_of, verify
from core.outgoing import OutgoingError, call
from core.settings import Settings, get_settings

SECONDS = 3.0
"""The longest that a call may take; the door gives all calls of a log-in together no more (espace/openid.py)."""

KEPT_SECONDS = 3_600.0
KEYS_AGAIN_SECONDS = 10.0
LONGEST_VALUE = 300


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself (Discovery 1.0, 3), as far as it concerns us."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    takes_secret_in_form: bool
    tells_issuer: bool
    takes_claims: bool


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Who the provider says it is. Only `subject` is proved and stays the same; all else is what it has on file.

    `birth_date` is an ISO date. `id_token` is for logging out.
    """

    subject: str
    given_name: str | None
    family_name: str | None
    birth_date: str | None
    email: str | None
    acr: str | None
    amr: tuple[str, ...]
    id_token: str


class Provider:
    """One provider, for all log-ins of a process."""

    def __init__(self, settings: Settings) -> None:
        assert settings.openid_issuer
        assert settings.openid_client_id
        assert settings.openid_client_secret
        self.issuer = settings.openid_issuer
        self.name = settings.openid_name
        self._client_id = settings.openid_client_id
        self._client_secret = settings.openid_client_secret
        self._algorithm = settings.openid_algorithm
        self._scopes = settings.openid_scopes
        self._acr_values = settings.openid_acr_values
        self._redirect_uri = f"{settings.public_url}/openid/callback"
        self._logged_out_uri = f"{settings.public_url}/openid/logged-out"
        self._metadata: Metadata | None = None
        self._metadata_at = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._asking = asyncio.Lock()

    async def authorization_url(self, login: StartedLogin, *, language: str) -> str:
        """Where the browser goes to log in. Raises OpenIdError."""
        metadata = await self._read_metadata()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._scopes),
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": login.challenge,
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        if self._acr_values:
            asked["acr_values"] = " ".join(self._acr_values)
        if metadata.takes_claims:
            asked["claims"] = json.dumps({"id_token": {"amr": {"essential": True}}})
        return _with_query(metadata.authorization_endpoint, asked)

    async def identify(self, code: str, login: StartedLogin, *, issuer: str | None) -> Person:
        """Who has logged in, by the code of the answer. `issuer` is the answer's `iss`. Raises OpenIdError."""
        metadata = await self._read_metadata()
        if issuer is not None or metadata.tells_issuer:
            # Somebody else's answer, which would have us hand its code to our provider (RFC 9207).
            self._require(issuer == self.issuer, "the answer is of another provider")
        tokens = await self._exchange(metadata, code, login)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise OpenIdError("NOT_TRUSTED", "the answer lacks a token")
        claims = await self._verify(metadata, id_token)
        subject = check_identity(claims, nonce=login.nonce, acr_values=self._acr_values)
        known = await self._ask_who(metadata, access_token)
        self._require(
            hmac.compare_digest(subject_of(known).encode(), subject.encode()),
            "the claims are of somebody else",
        )
        amr = claims.get("amr")
        return Person(
            subject=subject,
            given_name=_text(known.get("given_name")),
            family_name=_text(known.get("family_name")),
            birth_date=_text(known.get("birthdate")),
            email=_text(known.get("email")),
            acr=_text(claims.get("acr")),
            amr=tuple(method for method in amr[:10] if _text(method)) if isinstance(amr, list) else (),
            id_token=id_token,
        )

    async def logout_url(self, id_token: str, *, state: str) -> str | None:
        """Where the browser goes to log out there, too, and from where it comes back; None where there is no such
        place. Raises OpenIdError.
        """
        metadata = await self._read_metadata()
        if metadata.end_session_endpoint is None:
            return None
        return _with_query(
            metadata.end_session_endpoint,
            {"id_token_hint": id_token, "post_logout_redirect_uri": self._logged_out_uri, "state": state},
        )

    async def _exchange(self, metadata: Metadata, code: str, login: StartedLogin) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": login.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = self._client_secret.get_secret_value()
        if metadata.takes_secret_in_form:
            form |= {"client_id": self._client_id, "client_secret": secret}
        else:
            headers["Authorization"] = _basic(self._client_id, secret)
        answer, _ = await self._call(
            "POST", metadata.token_endpoint, headers, urlencode(form).encode("ascii")
        )
        return _object(answer)

    async def _ask_who(self, metadata: Metadata, access_token: str) -> Claims:
        """As a signed token (FranceConnect), or as JSON, which TLS alone vouches for (Core 1.0, 5.3.2)."""
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/jwt, application/json"}
        answer, media_type = await self._call("GET", metadata.userinfo_endpoint, headers)
        if media_type == "application/jwt":
            return await self._verify(metadata, answer.decode("ascii", "replace").strip())
        return _object(answer)

    async def _verify(self, metadata: Metadata, token: str) -> Claims:
        keys = await self._read_keys(metadata)
        try:
            return self._verify_with(keys, token)
        except UnknownKeyError:
            again = await self._read_keys(metadata, newer_than=KEYS_AGAIN_SECONDS)
        try:
            return self._verify_with(again, token)
        except UnknownKeyError as error:
            raise OpenIdError(
                "NOT_TRUSTED", "the token is signed with none of the provider's keys"
            ) from error

    def _verify_with(self, keys: KeySet, token: str) -> Claims:
        return verify(token, keys, self._algorithm, issuer=self.issuer, audience=self._client_id)

    async def _read_metadata(self) -> Metadata:
        async with self._asking:
            if self._metadata is None or monotonic() - self._metadata_at > KEPT_SECONDS:
                url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
                answer, _ = await self._call("GET", url, {"Accept": "application/json"})
                self._metadata = self._read_document(_object(answer))
                self._metadata_at = monotonic()
            return self._metadata

    async def _read_keys(self, metadata: Metadata, newer_than: float = KEPT_SECONDS) -> KeySet:
        """Raises OpenIdError."""
        async with self._asking:
            if self._keys is None or monotonic() - self._keys_at > newer_than:
                answer, _ = await self._call("GET", metadata.jwks_uri, {"Accept": "application/json"})
                self._keys = read_keys(_object(answer), self._algorithm)
                self._keys_at = monotonic()
            return self._keys

    def _read_document(self, document: dict[str, Any]) -> Metadata:
        # Otherwise whoever serves the document could speak for others (Discovery 1.0, 4.3).
        self._require(document.get("issuer") == self.issuer, "the provider's document is of another issuer")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        logout = document.get("end_session_endpoint")
        return Metadata(
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._endpoint(document, "token_endpoint"),
            userinfo_endpoint=self._endpoint(document, "userinfo_endpoint"),
            jwks_uri=self._endpoint(document, "jwks_uri"),
            end_session_endpoint=self._endpoint(document, "end_session_endpoint") if logout else None,
            takes_secret_in_form="client_secret_post" in methods,
            tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            takes_claims=document.get("claims_parameter_supported") is True,
        )

    def _endpoint(self, document: dict[str, Any], name: str) -> str:
        """An address of the document: over TLS, unless the issuer itself is without (development)."""
        url = document.get(name)
        self._require(isinstance(url, str), f"the provider's document lacks {name}")
        assert isinstance(url, str)
        schemes = ("https",) if self.issuer.startswith("https:") else ("https", "http")
        self._require(urlsplit(url).scheme in schemes and bool(urlsplit(url).netloc), f"{name} is no address")
        return url

    async def _call(
        self, method: str, url: str, headers: dict[str, str], content: bytes = b""
    ) -> tuple[bytes, str]:
        """The body of a 200, and its media type. Raises OpenIdError."""
        try:
            answer = await call(
                method,
                url,
                headers=headers,
                content=content,
                seconds=SECONDS,
                also_allowed=(urlsplit(self.issuer).netloc,),
            )
        except OutgoingError as error:
            raise OpenIdError("PROVIDER_UNREACHABLE", f"{type(error).__name__}") from error
        if answer.status >= 500:
            raise OpenIdError("PROVIDER_UNREACHABLE", f"the provider answered {answer.status}")
        if answer.status != 200:
            # The code has expired or was used (RFC 6749, 5.2), or our own settings are wrong.
            expired = answer.status == 400 and b'"invalid_grant"' in answer.body
            raise OpenIdError(
                "EXPIRED" if expired else "PROVIDER_REFUSED", f"the provider answered {answer.status}"
            )
        return answer.body, answer.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise OpenIdError("NOT_TRUSTED", what)


_current: tuple[Settings, Provider] | None = None


def current_provider() -> Provider | None:
    """The provider of the settings, with what is kept of it; None where there is none."""
    global _current
    settings = get_settings()
    if not settings.openid_issuer:
        return None
    if _current is None or _current[0] is not settings:
        _current = (settings, Provider(settings))
    return _current[1]


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OpenIdError("NOT_TRUSTED", "the answer is no JSON") from error
    if not isinstance(read, dict):
        raise OpenIdError("NOT_TRUSTED", "the answer is no JSON object")
    return read


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return None
    return value.strip()[:LONGEST_VALUE]


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are form-encoded first."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"


def _with_query(url: str, values: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(values)}"
