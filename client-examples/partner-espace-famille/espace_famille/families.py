"""Families that have an account here, and the tries at their passwords."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from dataclasses import dataclass

from espace_famille.store import Store

MOST_WRONG_TRIES = 10
WITHIN_SECONDS = 15 * 60

DEMONSTRATION = (
    # The code, the password, the name, the children.
    ("204817", "Famille-2026", "Famille DELACOURT", "Lina et Noé"),
    ("118350", "Famille-2026", "Famille BERTHIER", "Inès"),
)


@dataclass(frozen=True, slots=True)
class Family:
    id: int
    code: str
    name: str
    children: str


class TooManyTriesError(Exception):
    """`seconds`: how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def add_demonstration(store: Store) -> None:
    """The families that are not there yet."""
    with store.transaction() as work:
        for code, password, name, children in DEMONSTRATION:
            if not work.execute("SELECT 1 FROM family WHERE code = ?", (code,)).fetchone():
                work.execute(
                    "INSERT INTO family (code, password_hash, name, children) VALUES (?, ?, ?, ?)",
                    (code, hash_password(password), name, children),
                )


def find_family(store: Store, code: str, password: str) -> Family | None:
    """The family of this code and password; None where one of them is wrong. Raises TooManyTriesError.

    Wrong tries are counted by code, whether or not there is such a family: they delay, and lock nobody out for good.
    Each is a wrong one until it was right, so that of any number at once no more are looked at.
    """
    with store.transaction() as work:
        _refuse_too_many(work, code)
        row = work.execute("SELECT * FROM family WHERE code = ?", (code,)).fetchone()
        counted = work.execute(
            "INSERT INTO wrong_try (code, at) VALUES (?, ?)", (code, time.time())
        ).lastrowid
    # Outside: checking takes its time, and the same whether or not there is such a family.
    if not (_is_right(row["password_hash"] if row else _NOBODYS, password) and row):
        return None
    with store.transaction() as work:
        work.execute("DELETE FROM wrong_try WHERE rowid = ?", (counted,))
    return Family(row["id"], row["code"], row["name"], row["children"])


def change_password(store: Store, family_id: int, password: str) -> None:
    """Links rest on the password: they have to be made anew, and the mairie is told."""
    with store.transaction() as work:
        work.execute("UPDATE family SET password_hash = ? WHERE id = ?", (hash_password(password), family_id))
        work.execute(
            "UPDATE link SET ended_at = ?, ended_as = 'EXPIRED', token_digest = NULL, to_be_told = 1 "
            "WHERE family_id = ? AND ended_at IS NULL",
            (time.time(), family_id),
        )


def hash_password(password: str) -> bytes:
    salt = secrets.token_bytes(16)
    return salt + _scrypt(password, salt)


def _is_right(kept: bytes, password: str) -> bool:
    return hmac.compare_digest(kept[16:], _scrypt(password, kept[:16]))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


_NOBODYS = hash_password("nobody has this password")


def _refuse_too_many(work: sqlite3.Connection, code: str) -> None:
    since = time.time() - WITHIN_SECONDS
    work.execute("DELETE FROM wrong_try WHERE at < ?", (since,))
    count, oldest = work.execute("SELECT count(*), min(at) FROM wrong_try WHERE code = ?", (code,)).fetchone()
    if count >= MOST_WRONG_TRIES:
        raise TooManyTriesError(max(1, round(oldest - since)))
