"""Where a photo comes from (an address, an upload, an identifier) and all that can be wrong with it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from sandbox.images import read_image
from sandbox.model import Photo
from sandbox.rules import PHOTO_BY_ADDRESS_LIMIT, PHOTO_LIMIT, PHOTO_RATIO_LIMIT, PHOTO_SIDES_LIMIT, ApiError
from sandbox.telegram import Telegram
from sandbox.updates import Bot

REDIRECTS: Final = 5
_ATTACHED: Final = "attach://"
_WRONG_ADDRESS: Final = "wrong HTTP URL specified"
_FAILED: Final = "failed to get HTTP URL content"
_WRONG_TYPE: Final = "wrong type of the web page content"


class PhotoDesk:
    """Takes in photos; it asks loopback addresses only, whatever a bot gives."""

    def __init__(self, telegram: Telegram) -> None:
        self.telegram = telegram

    async def take(self, bot: Bot, given: str, uploads: Mapping[str, bytes], missing: str) -> Photo:
        """The photo an argument stands for; without any, the refusal has these words."""
        if not given:
            raise ApiError(400, missing)
        if given.startswith(_ATTACHED):
            data = uploads.get(given.removeprefix(_ATTACHED))
            if data is None:
                raise ApiError(400, missing)
            return self._keep(_uploaded(data))
        if "://" in given:
            return self._keep(await self._fetched(given))
        if "." in given:
            raise ApiError(400, "wrong file identifier/HTTP URL specified")
        return self.telegram.files.find(bot.user.id, given)

    def _keep(self, data: bytes) -> Photo:
        image = read_image(data)
        if image is None:
            raise ApiError(400, "IMAGE_PROCESS_FAILED")
        long, short = max(image.width, image.height), min(image.width, image.height)
        if long + short > PHOTO_SIDES_LIMIT or long > short * PHOTO_RATIO_LIMIT:
            raise ApiError(400, "PHOTO_INVALID_DIMENSIONS")
        return self.telegram.files.keep(data, image)

    async def _fetched(self, address: str) -> bytes:
        _check_address(address)
        try:
            async with asyncio.timeout(self.telegram.fetch_seconds), aiohttp.ClientSession(trust_env=False) as session:
                for _ in range(REDIRECTS + 1):
                    if not _is_loopback(address):
                        raise ApiError(400, _FAILED)
                    async with session.get(address, allow_redirects=False) as response:
                        if not 300 <= response.status < 400:
                            return await _content(response)
                        address = urljoin(address, response.headers.get("Location", ""))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise ApiError(400, _FAILED) from None
        raise ApiError(400, _FAILED)


def _uploaded(data: bytes) -> bytes:
    if not data:
        raise ApiError(400, "file must be non-empty")
    if len(data) > PHOTO_LIMIT:
        size = len(data)
        raise ApiError(
            400, f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes"
        )
    return data


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        good = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(letter.isspace() for letter in address):
        raise ApiError(400, _WRONG_ADDRESS)


def _is_loopback(address: str) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme.lower() not in {"http", "https"}:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _content(response: aiohttp.ClientResponse) -> bytes:
    if response.status != 200:
        raise ApiError(400, _FAILED)
    if not response.content_type.startswith("image/"):
        raise ApiError(400, _WRONG_TYPE)
    data = bytearray()
    async for piece in response.content.iter_chunked(1 << 16):
        data += piece
        if len(data) > PHOTO_BY_ADDRESS_LIMIT:
            raise ApiError(400, _FAILED)
    return bytes(data)
