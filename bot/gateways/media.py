"""Pictures of the site that Telegram could not fetch itself: brought here by the guarded fetcher, to be uploaded."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.gateways.http import Fetcher, FetchFailed, NotModified

log = logging.getLogger(__name__)

MOST = 10 * 2**20  # bytes of an uploaded photo, Bot API sendPhoto
PATIENCE = 12.0  # seconds; waiting for the site to be done with its feed and its pages is among them
KEPT = 4  # pictures at a time: one article's picture goes to many chats in a row
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")


@dataclass(frozen=True, slots=True)
class Pictures:
    fetcher: Fetcher
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict)

    async def get(self, address: str) -> bytes | None:
        """The picture's bytes; None when it does not come, is no picture, or is too large to be uploaded."""
        if address in self._kept:
            self._kept.move_to_end(address)
            return self._kept[address]
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self.fetcher.get(address)
        except (FetchFailed, TimeoutError) as failure:
            log.warning("a picture does not come: %s", getattr(failure, "reason", f"not within {PATIENCE:g} s"))
            return None
        if isinstance(answer, NotModified) or not answer.body.startswith(SIGNATURES) or len(answer.body) > MOST:
            return None
        self._kept[address] = answer.body
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return answer.body
