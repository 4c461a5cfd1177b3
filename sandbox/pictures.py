"""Small pictures painted in code: coloured landscapes as PNG and JPEG, valid to the last byte."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sandbox.images import EXTENSIONS, MIME_TYPES, Kind

Colour = tuple[int, int, int]

_PALETTE: Final[tuple[tuple[Colour, Colour], ...]] = (
    ((244, 190, 120), (122, 74, 46)),
    ((150, 200, 230), (58, 110, 70)),
    ((232, 150, 140), (88, 62, 110)),
    ((250, 224, 150), (170, 110, 50)),
    ((170, 220, 210), (40, 90, 110)),
    ((200, 180, 230), (70, 70, 130)),
)
_BLOCK: Final = 8
# One code for each size of a difference (0 to 11), and a single code in the other table: the block ends.
_DC_COUNTS: Final = bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
_DC_SIZES: Final = bytes(range(12))
_AC_COUNTS: Final = bytes([1] + [0] * 15)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready to be served."""

    kind: Kind
    width: int
    height: int
    data: bytes

    @property
    def mime(self) -> str:
        return MIME_TYPES[self.kind]

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.kind]


@lru_cache(maxsize=64)
def landscape(number: int, width: int = 640, height: int = 360, kind: Kind = "jpeg") -> Picture:
    """A sky over a plain, in colours that depend on the number."""
    sky, ground = _PALETTE[number % len(_PALETTE)]
    horizon = 4 + number // len(_PALETTE) % 4
    colours = [_mix(sky, ground, row / 9 * 0.4 + (0.6 if row >= horizon else 0.0)) for row in range(10)]
    paint = png if kind == "png" else jpeg
    return Picture("png" if kind == "png" else "jpeg", width, height, paint(width, height, colours))


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def png(width: int, height: int, colours: list[Colour]) -> bytes:
    """Horizontal stripes of these colours."""
    rows = (b"\0" + bytes(colours[row * len(colours) // height]) * width for row in range(height))
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(row) for row in rows), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def jpeg(width: int, height: int, colours: list[Colour]) -> bytes:
    """The same stripes, each block of 8 by 8 in one colour: only mean values are coded."""
    tables = _segment(0xDB, b"\0" + bytes([_BLOCK] * 64))
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"".join(bytes([part, 0x11, 0]) for part in (1, 2, 3))
    huffman = b"\x00" + _DC_COUNTS + _DC_SIZES + b"\x10" + _AC_COUNTS + b"\0"
    scan = b"\x03" + b"".join(bytes([part, 0]) for part in (1, 2, 3)) + b"\0\x3f\0"
    head = b"\xff\xd8" + _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0") + tables
    body = _segment(0xC0, frame) + _segment(0xC4, huffman) + _segment(0xDA, scan)
    return head + body + _coded(width, height, colours) + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _coded(width: int, height: int, colours: list[Colour]) -> bytes:
    codes = _codes()
    across, down = -(-width // _BLOCK), -(-height // _BLOCK)
    bits: list[str] = []
    before = [0, 0, 0]
    for row in range(down):
        levels = _levels(colours[row * len(colours) // down])
        bits.extend(_difference(codes, level - last) for level, last in zip(levels, before, strict=True))
        still = _difference(codes, 0) * 3
        bits.append(still * (across - 1))
        before = levels
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    return int(stream, 2).to_bytes(len(stream) // 8).replace(b"\xff", b"\xff\0")


def _codes() -> list[str]:
    codes, value, symbols = [""] * len(_DC_SIZES), 0, iter(_DC_SIZES)
    for length, count in enumerate(_DC_COUNTS, 1):
        for _ in range(count):
            codes[next(symbols)] = f"{value:0{length}b}"
            value += 1
        value <<= 1
    return codes


def _difference(codes: list[str], value: int) -> str:
    """One block: the difference of its mean from the block before, and the end of the block."""
    size = abs(value).bit_length()
    low = value if value > 0 else value + (1 << size) - 1
    return codes[size] + (f"{low:0{size}b}" if size else "") + "0"


def _levels(colour: Colour) -> list[int]:
    """Brightness and the two colour differences, around zero."""
    red, green, blue = colour
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    return [round(bright - 128), round((blue - bright) * 0.564), round((red - bright) * 0.713)]
