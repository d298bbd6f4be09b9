"""OpenID Connect as relying party: FranceConnect, or a provider like it. It knows protocols, and nothing of accounts.

    login = start(now)                  state, nonce and PKCE verifier, kept by the browser in a sealed cookie
    url = await provider.authorization_url(login, ...)
    person = await provider.identify(code, login, ...)
    url = await provider.logout_url(id_token, ...)

Sources: OpenID Connect Core 1.0, Discovery 1.0 and RP-Initiated Logout 1.0; RFC 7636 (PKCE), RFC 9207 (issuer in the
answer), RFC 9700 (security of OAuth 2.0); and FranceConnect's documentation for service providers (version 2).
"""

from core.openid.errors import OpenIdError, Reason
from core.openid.login import COOKIE_LIFETIME, StartedLogin, read_login, seal_login, start
from core.openid.provider import Person, Provider, current_provider

__all__ = [
    "COOKIE_LIFETIME",
    "OpenIdError",
    "Person",
    "Provider",
    "Reason",
    "StartedLogin",
    "current_provider",
    "read_login",
    "seal_login",
    "start",
]
