"""The secrets of stored files, as the settings name them."""

from __future__ import annotations

from core.settings import get_settings
from tests.conftest import SECRET_KEY
from tests.uploads.storing.conftest import Use
from uploads.storing.keys import KEY_ID_BYTES, storage_key, storage_keys

FIRST, SECOND = (
    "the first secret of the storage: long enough",
    "the second secret of the storage: long enough",
)


def test_without_any_the_secret_key_is_the_one() -> None:
    assert storage_keys(get_settings()) == (storage_key(SECRET_KEY),)


def test_they_come_in_their_order_and_the_secret_key_last(use: Use) -> None:
    use(storage_keys=f"{FIRST}, {SECOND}")
    assert [key.secret.decode() for key in storage_keys(get_settings())] == [FIRST, SECOND, SECRET_KEY]


def test_one_named_twice_counts_once_where_it_comes_first(use: Use) -> None:
    use(storage_keys=f"{SECOND},{FIRST},{SECOND}", secret_key=FIRST)
    assert [key.secret.decode() for key in storage_keys(get_settings())] == [SECOND, FIRST]


def test_the_name_of_a_key_tells_nothing_of_it() -> None:
    key = storage_key(FIRST)
    assert len(key.id) == KEY_ID_BYTES
    assert FIRST not in repr(key)
    assert key.derive(bytes(32), b"a file")[:KEY_ID_BYTES] != key.id
    assert key.derive(bytes(32), b"a file") != key.derive(bytes(32), b"another")
