"""The one secret outside the database, and the two keys derived from it: one seals, one looks up."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from newsroom.errors import KeyProblem

SECRET_BYTES = 32
NONCE = 12
KEY_ID = 4


@dataclass(frozen=True, slots=True, repr=False)
class SecretKeyring:
    """Seals with AES-256-GCM; every ciphertext begins with the id of its key."""

    sealing: bytes
    lookup_key: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(b"elchi key id" + self.sealing).digest()[:KEY_ID]

    def seal(self, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        return self.key_id + nonce + AESGCM(self.sealing).encrypt(nonce, plain, None)

    def unseal(self, sealed: bytes) -> bytes:
        """Raises KeyProblem when another key sealed it, or when it was changed."""
        key_id, nonce, body = sealed[:KEY_ID], sealed[KEY_ID : KEY_ID + NONCE], sealed[KEY_ID + NONCE :]
        if key_id != self.key_id:
            raise KeyProblem("this was sealed with another key")
        try:
            return AESGCM(self.sealing).decrypt(nonce, body, None)
        except (InvalidTag, ValueError) as error:  # ValueError: cut off before its nonce ended
            raise KeyProblem("this was sealed, then changed") from error

    def lookup(self, value: str) -> str:
        return hmac.new(self.lookup_key, value.encode(), hashlib.sha256).hexdigest()


def keyring_from(secret: str) -> SecretKeyring:
    """Both keys from the written form of the secret. Raises KeyProblem when it is not one."""
    try:
        raw = base64.urlsafe_b64decode(secret.strip() + "==")
    except ValueError as error:
        raise KeyProblem("the key is not readable: make one with `elchi key new`") from error
    if len(raw) != SECRET_BYTES:
        raise KeyProblem("the key is not readable: make one with `elchi key new`")

    def derive(purpose: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"elchi " + purpose).derive(raw)

    return SecretKeyring(derive(b"sealing"), derive(b"lookup"))


def new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def write_secret(path: Path, secret: str) -> None:
    """A new file that only its owner can read. Raises KeyProblem when it exists or cannot be written."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyProblem(f"the key file {path} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(handle)
        _keep_names_of(path.parent)
    except OSError as error:
        path.unlink()
        raise KeyProblem(f"the key file {path} cannot be written: {error.strerror}") from error


def _keep_names_of(folder: Path) -> None:
    """A power cut must not lose a new file's name: the database may already hold what its key sealed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_keyring(path: Path, environ: Mapping[str, str], *, may_make: bool) -> SecretKeyring:
    """ELCHI_KEY, else the file, else (for a fresh database only) a new file."""
    if environ.get("ELCHI_KEY"):
        return keyring_from(environ["ELCHI_KEY"])
    if path.exists():
        try:
            return keyring_from(path.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise KeyProblem(f"the key file {path} cannot be read") from error
    if not may_make:
        raise KeyProblem(
            f"the key file {path} is missing, and the database holds what it sealed: put it back, or set ELCHI_KEY"
        )
    write_secret(path, new_secret())
    return keyring_from(path.read_text())
