"""Where a blob is: `ab/cdef…-0123…`, the same for folders and stores.

The first part is an HMAC of the content's SHA-256, cut to 128 bits: whoever has the secret key can tell a content's
blobs, whoever reads the disk cannot tell the content. The second is random: no two writes share an address, so what
one of them throws away is never what the other has just written.
"""

from __future__ import annotations

import re
import secrets

from core.keys import hmac_digest

SHARD = re.compile(r"[0-9a-f]{2}")
_ADDRESS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}-[0-9a-f]{32}")


def new_address(sha256: bytes) -> str:
    digest = hmac_digest("address of a stored file", sha256)[:16].hex()
    return f"{digest[:2]}/{digest[2:]}-{secrets.token_hex(16)}"


def is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None
