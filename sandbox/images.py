"""What a picture says about itself in its first bytes: its kind and its size; nothing is ever decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["png", "jpeg", "gif", "webp"]

MIME_TYPES: Final[dict[Kind, str]] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
EXTENSIONS: Final[dict[Kind, str]] = {"png": "png", "jpeg": "jpg", "gif": "gif", "webp": "webp"}
_NO_FRAME: Final = frozenset({0xC4, 0xC8, 0xCC})
_NO_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class Image:
    """The kind of a picture and its sides in pixels."""

    kind: Kind
    width: int
    height: int


def read_image(data: bytes) -> Image | None:
    """What these bytes are, or None when they are no picture."""
    for reader in (_png, _gif, _webp, _jpeg):
        image = reader(data)
        if image is not None:
            return image if image.width and image.height else None
    return None


def _png(data: bytes) -> Image | None:
    if len(data) < 24 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    return Image("png", int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))


def _gif(data: bytes) -> Image | None:
    if len(data) < 10 or data[:6] not in {b"GIF87a", b"GIF89a"}:
        return None
    return Image("gif", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))


def _webp(data: bytes) -> Image | None:
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8X":
            return Image("webp", _little(data[24:27]) + 1, _little(data[27:30]) + 1)
        case b"VP8L" if data[20] == 0x2F:
            bits = _little(data[21:25])
            return Image("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            return Image("webp", _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF)
    return None


def _little(piece: bytes) -> int:
    return int.from_bytes(piece, "little")


def _jpeg(data: bytes) -> Image | None:
    """Walk from segment to segment until the one that describes the frame."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _NO_LENGTH:
            at += 1 if marker == 0xFF else 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return Image("jpeg", int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        elif marker in {0xD9, 0xDA}:
            return None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
