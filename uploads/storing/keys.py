"""The secrets that stored files are encrypted with: those of `storage_keys` in their order, then `secret_key`.

The first encrypts, all decrypt. A new secret is put in front; the old one stays until all was encrypted again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.settings import Settings

KEY_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A secret, and the 8 bytes that name it in what it encrypts: derived, they tell nothing of it."""

    id: bytes
    secret: bytes = field(repr=False)

    def derive(self, salt: bytes, purpose: bytes) -> bytes:
        """32 bytes by HKDF-SHA256 (RFC 5869): the key of one blob."""
        return _derive(self.secret, 32, salt, purpose)


def storage_keys(settings: Settings) -> tuple[StorageKey, ...]:
    """At least one; a secret that is named twice counts where it comes first."""
    keys: dict[bytes, StorageKey] = {}
    for secret in [*settings.storage_keys, settings.secret_key]:
        key = storage_key(secret.get_secret_value())
        keys.setdefault(key.id, key)
    return tuple(keys.values())


def storage_key(secret: str) -> StorageKey:
    return StorageKey(
        _derive(secret.encode(), KEY_ID_BYTES, None, b"the name of a key of stored files"), secret.encode()
    )


def _derive(secret: bytes, length: int, salt: bytes | None, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=purpose).derive(secret)
