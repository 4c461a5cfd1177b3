"""What the key seals only the key opens, unchanged; and nobody loses or overwrites a key by accident."""

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.keyring import SecretKeyring, keyring_from, load_keyring, new_secret, write_secret
from newsroom.errors import KeyProblem

SECRET, OTHER = new_secret(), new_secret()
KEYRING = keyring_from(SECRET)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "elchi.key"


@given(st.binary(max_size=200))
def test_what_was_sealed_can_be_opened(plain: bytes) -> None:
    assert KEYRING.unseal(KEYRING.seal(plain)) == plain


@given(st.binary(min_size=8, max_size=200))
def test_a_seal_shows_nothing_and_is_never_the_same_twice(plain: bytes) -> None:
    once, twice = KEYRING.seal(plain), KEYRING.seal(plain)
    assert once != twice
    assert plain not in once


def test_another_key_opens_nothing() -> None:
    with pytest.raises(KeyProblem, match="another key"):
        keyring_from(OTHER).unseal(KEYRING.seal(b"a tip"))


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(KEYRING.seal(b"a tip"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(KeyProblem):
        KEYRING.unseal(bytes(sealed))


@pytest.mark.parametrize("length", range(4 + 12 + len(b"a tip") + 16))
def test_a_seal_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(KeyProblem):
        KEYRING.unseal(KEYRING.seal(b"a tip")[:length])


@given(st.binary(max_size=60))
def test_what_was_never_sealed_is_noticed(noise: bytes) -> None:
    with pytest.raises(KeyProblem):
        KEYRING.unseal(noise)


def test_a_lookup_depends_on_the_key_and_on_nothing_else() -> None:
    assert KEYRING.lookup("order:1:2") == keyring_from(f" {SECRET}\n").lookup("order:1:2")
    assert KEYRING.lookup("order:1:2") not in (KEYRING.lookup("order:12:"), keyring_from(OTHER).lookup("order:1:2"))


def test_a_known_key_makes_known_hashes_for_ever() -> None:
    assert keyring_from("A" * 43).lookup("elchi") == (
        "989b9d7fb4e2169de62dc3501c592c6306755cf9f4afe311b21c3a79ccf28ac7"
    )
    assert keyring_from("A" * 43).key_id.hex() == "2116c695"


def test_the_two_derived_keys_are_not_each_other_nor_the_secret() -> None:
    assert len({KEYRING.sealing, KEYRING.lookup_key, SECRET.encode()}) == 3


@pytest.mark.parametrize("secret", ["", "short", "A" * 42, "A" * 44, "ключ" * 11, "A" * 43 + "B" * 43])
def test_what_is_not_a_key_is_not_read_as_one(secret: str) -> None:
    with pytest.raises(KeyProblem, match="elchi key new"):
        keyring_from(secret)


def test_a_new_key_file_is_for_its_owner_only(path: Path) -> None:
    write_secret(path, SECRET)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == SECRET + "\n"


def test_a_new_key_is_on_the_disk_before_anything_is_sealed_with_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[int, int]] = []

    def fsync(handle: int) -> None:
        about = os.fstat(handle)
        kept.append((about.st_ino, about.st_size if stat.S_ISREG(about.st_mode) else -1))

    monkeypatch.setattr(os, "fsync", fsync)
    write_secret(path, SECRET)
    assert kept == [(path.stat().st_ino, len(SECRET) + 1), (path.parent.stat().st_ino, -1)]


def test_a_disk_without_room_is_said_and_leaves_no_half_a_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(KeyProblem, match="cannot be written: No space left"):
        write_secret(path, SECRET)
    assert not path.exists()


def test_a_key_file_is_never_overwritten(path: Path) -> None:
    write_secret(path, SECRET)
    with pytest.raises(KeyProblem, match="cannot be made"):
        write_secret(path, OTHER)
    assert path.read_text() == SECRET + "\n"


def test_a_fresh_house_makes_its_key_once(path: Path) -> None:
    made = load_keyring(path, {}, may_make=True)
    assert load_keyring(path, {}, may_make=True) == load_keyring(path, {}, may_make=False) == made


def test_a_house_with_a_past_makes_no_new_key(path: Path) -> None:
    with pytest.raises(KeyProblem, match="put it back"):
        load_keyring(path, {}, may_make=False)
    assert not path.exists()


def test_a_key_that_cannot_be_read_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"\xff\xfe not a key")
    with pytest.raises(KeyProblem, match="cannot be read"):
        load_keyring(path, {}, may_make=True)
    assert path.read_bytes() == b"\xff\xfe not a key"


@pytest.mark.parametrize("written", ["", "half a k"])
def test_half_a_key_is_not_replaced(path: Path, written: str) -> None:
    path.write_text(written)
    with pytest.raises(KeyProblem):
        load_keyring(path, {}, may_make=True)
    assert path.read_text() == written


def test_a_folder_in_the_place_of_the_key_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(KeyProblem, match="cannot be read"):
        load_keyring(path, {}, may_make=True)


def test_the_environment_wins_over_the_file(path: Path) -> None:
    write_secret(path, SECRET)
    assert load_keyring(path, {"ELCHI_KEY": OTHER}, may_make=False) == keyring_from(OTHER)
    assert load_keyring(path, {"ELCHI_KEY": ""}, may_make=False) == KEYRING


def test_the_environment_needs_no_file(path: Path) -> None:
    load_keyring(path, {"ELCHI_KEY": SECRET}, may_make=True)
    assert not path.exists()


def test_a_keyring_does_not_show_its_keys() -> None:
    visible = SecretKeyring(b"sealing-key", b"lookup-key")
    assert not [said for said in (repr(visible), str(visible), f"{visible}") if "-key" in said]


@pytest.mark.parametrize("secret", [SECRET[:-3], SECRET + OTHER], ids=["too short", "too long"])
def test_a_problem_with_a_key_does_not_quote_it(path: Path, secret: str) -> None:
    path.write_text(secret)
    with pytest.raises(KeyProblem) as caught:
        load_keyring(path, {}, may_make=True)
    assert SECRET[:8] not in f"{caught.value}{caught.value.__cause__}"
