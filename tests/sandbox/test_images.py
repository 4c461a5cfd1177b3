"""What the first bytes of a picture say, and the pictures painted in code."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.images import Image, Kind, read_image
from sandbox.pictures import landscape

HEADERS: list[tuple[str, str, Image | None]] = [
    ("png", "89504e470d0a1a0a0000000d494844520000007b0000002d", Image("png", 123, 45)),
    ("gif", "4749463839617b002d00", Image("gif", 123, 45)),
    ("webp, lossy", "524946463e000000574542505650382032000000f003009d012a7b002d003e6d", Image("webp", 123, 45)),
    ("webp, lossless", "5249464626000000574542505650384c1a0000002f7a000b00075081540820000a", Image("webp", 123, 45)),
    ("webp, extended", "524946466800000057454250565038580a000000100000007a00002c0000", Image("webp", 123, 45)),
    ("jpeg, progressive, after a comment", "ffd8fffe0004786dffc2000b08002d007b01011100", Image("jpeg", 123, 45)),
    ("jpeg, with filling", "ffd8ffffffc0000b08002d007b01011100", Image("jpeg", 123, 45)),
    ("jpeg without a frame", "ffd8ffe000046161ffda000401020000", None),
    ("jpeg cut in a segment", "ffd8ffe0ffff6161", None),
    ("png without a header", "89504e470d0a1a0a0000000d4944415400000000", None),
    ("no sides", "474946383961000000000000", None),
    ("a page", "3c21646f63747970652068746d6c3e3c68746d6c3e3c2f68746d6c3e", None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("name", "head", "expected"), HEADERS, ids=[row[0] for row in HEADERS])
def test_a_picture_is_known_by_its_first_bytes(name: str, head: str, expected: Image | None) -> None:
    assert read_image(bytes.fromhex(head)) == expected


@given(
    st.sampled_from(
        [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPVP8 "]
    ),
    st.binary(max_size=60),
)
def test_no_bytes_break_the_reader(head: bytes, tail: bytes) -> None:
    image = read_image(head + tail)
    assert image is None or (image.width > 0 and image.height > 0)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("sides", [(640, 360), (33, 17), (1, 1)])
def test_painted_pictures_are_what_they_say(kind: Kind, sides: tuple[int, int]) -> None:
    picture = landscape(3, *sides, kind=kind)
    assert read_image(picture.data) == Image(kind, *sides)
    assert picture.mime == f"image/{kind}"


def test_a_painted_png_holds_every_pixel() -> None:
    data = landscape(1, 20, 10, kind="png").data
    begin = data.index(b"IDAT")
    length = int.from_bytes(data[begin - 4 : begin])
    rows = zlib.decompress(data[begin + 4 : begin + 4 + length])
    assert len(rows) == 10 * (1 + 20 * 3)
    assert rows[1:4] != rows[-3:], "the sky is not the ground"


def test_pictures_differ() -> None:
    assert len({landscape(number).data for number in range(6)}) == 6
