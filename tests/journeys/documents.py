"""The documents of client-examples/operations: one named operation a file, and what each says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from tests.stack import ROOT

OPERATIONS = ROOT / "client-examples" / "operations"

NEEDING_A_PROVIDER = frozenset(
    {
        "CreateAccountWithIdentity",
        "IdentityProviders",
        "LinkIdentity",
        "MyIdentities",
        "PendingIdentity",
        "UnlinkIdentity",
    }
)
"""Those that tests/openid runs, against an identity provider."""

_HEAD = re.compile(r"# statements: (\d+)\n# (.+)\n")


@dataclass(frozen=True, slots=True)
class Document:
    """`statements`: the most that one run of it may make, the caller's identification included."""

    name: str
    text: str
    statements: int
    purpose: str


@cache
def document(name: str) -> Document:
    """The document of this operation. Fails where its first two lines do not say what they should."""
    text = (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")
    head = _HEAD.match(text)
    assert head, f"{name} must start with its number of statements and a sentence"
    return Document(name, text, int(head[1]), head[2])


def documents() -> list[Document]:
    """All of them, in alphabetical order."""
    return [document(path.stem) for path in sorted(OPERATIONS.glob("*.graphql"))]
