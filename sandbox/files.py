"""The pictures Telegram keeps: each under identifiers that open it for one bot only, the oldest ones forgotten."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from typing import Final

from sandbox.images import EXTENSIONS, Image
from sandbox.model import Json, Photo
from sandbox.rules import ApiError

MEMORY: Final = 64 * 1024 * 1024
_SIZES: Final = (("s", 90), ("m", 320), ("x", 800), ("y", 1280), ("w", 2560))
_MAGIC: Final = b"\x02\x00\x02"
_FOREIGN: Final = "wrong remote file identifier specified: can't unserialize it"
_FORGOTTEN: Final = "wrong file identifier/HTTP URL specified"


class FileStore:
    """Pictures by content, at most `memory` bytes of them."""

    def __init__(self, memory: int = MEMORY) -> None:
        self.memory = memory
        self._kept: dict[str, tuple[Photo, bytes]] = {}
        self._size = 0

    def keep(self, data: bytes, image: Image) -> Photo:
        """Keep a picture as the newest one, and forget the oldest that no longer fit."""
        digest = hashlib.sha256(data).hexdigest()[:24]
        photo, _ = self._kept.pop(digest, (None, b""))
        if photo is None:
            photo = Photo(digest, image.width, image.height, len(data), EXTENSIONS[image.kind])
            self._size += len(data)
        self._kept[digest] = (photo, data)
        while self._size > self.memory and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            self._size -= self._kept.pop(oldest)[0].file_size
        return photo

    def data(self, digest: str) -> tuple[Photo, bytes] | None:
        """The picture and its bytes, while they are kept."""
        return self._kept.get(digest)

    def find(self, bot_id: int, file_id: str) -> Photo:
        """The picture this identifier opens for this bot."""
        try:
            raw = base64.b64decode(file_id + "=" * (-len(file_id) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise ApiError(400, _FOREIGN) from None
        body, check = raw[:-4], raw[-4:]
        if len(raw) != 28 or body[:3] != _MAGIC or zlib.crc32(body).to_bytes(4) != check:
            raise ApiError(400, _FOREIGN)
        if int.from_bytes(body[3:11]) != bot_id:
            raise ApiError(400, _FOREIGN)
        kept = self._kept.get(body[11:23].hex())
        if kept is None:
            raise ApiError(400, _FORGOTTEN)
        return kept[0]


def sizes(photo: Photo, bot_id: int) -> list[Json]:
    """The sizes a message offers, the largest last."""
    offered: list[Json] = []
    for letter, box in _SIZES:
        scale = min(1.0, box / max(photo.width, photo.height))
        size = {
            "file_id": _file_id(photo, bot_id, letter),
            "file_unique_id": _unique_id(photo, letter),
            "width": max(1, round(photo.width * scale)),
            "height": max(1, round(photo.height * scale)),
        }
        offered.append(size)
        if scale == 1.0:
            break
    offered[-1]["file_size"] = photo.file_size
    return offered


def file_of(photo: Photo, file_id: str) -> Json:
    """What getFile answers."""
    unique = _unique_id(photo, "w")
    path = f"photos/{photo.digest}.{photo.extension}"
    return {"file_id": file_id, "file_unique_id": unique, "file_size": photo.file_size, "file_path": path}


def _file_id(photo: Photo, bot_id: int, letter: str) -> str:
    body = _MAGIC + bot_id.to_bytes(8) + bytes.fromhex(photo.digest) + letter.encode()
    return base64.urlsafe_b64encode(body + zlib.crc32(body).to_bytes(4)).decode().rstrip("=")


def _unique_id(photo: Photo, letter: str) -> str:
    return base64.urlsafe_b64encode(b"\x01\x00\x03" + bytes.fromhex(photo.digest)[:9]).decode() + letter
