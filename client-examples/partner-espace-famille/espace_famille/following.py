"""Has the mairie tell us of requests: one call to its GraphQL API, with a token that an administrator gave us."""

from __future__ import annotations

import httpx

from espace_famille.settings import Settings
from espace_famille.store import Store

SECRET = "webhook secret"  # noqa: S105 - the name under which it is kept
SAVE = """
mutation Follow($url: URL!) {
  saveWebhook(input: { url: $url }) {
    __typename
    ... on SaveWebhookSuccess { secret }
    ... on Error { message }
  }
}
"""


class NotFollowedError(Exception):
    """Why not, in the mairie's words."""


def follow(settings: Settings, token: str) -> str:
    """The address that the mairie calls from now on. Its secret is kept: the mairie shows it this once.

    Raises NotFollowedError, httpx.HTTPError.
    """
    url = f"{settings.address}/webhooks"
    response = httpx.post(
        f"{settings.mairie}/graphql",
        json={"query": SAVE, "variables": {"url": url}},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
        trust_env=False,
    )
    answer = response.json()
    if answer.get("errors"):
        raise NotFollowedError(answer["errors"][0]["message"])
    saved = answer["data"]["saveWebhook"]
    if saved["__typename"] != "SaveWebhookSuccess":
        raise NotFollowedError(saved["message"])
    with Store(settings.store).transaction() as work:
        work.execute(
            "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (SECRET, saved["secret"]),
        )
    return url


def webhook_secret(store: Store) -> str | None:
    """What the mairie signs with, where it was asked to."""
    with store.transaction() as work:
        row = work.execute("SELECT value FROM kept WHERE name = ?", (SECRET,)).fetchone()
    return row["value"] if row else None
