"""From Telegram to the inbox: a long poll whose updates are stored before they are acknowledged."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from bot.doors.updates import ALLOWED, incoming_of, update_id_of
from newsroom.errors import StorageBusy, TokenRefused
from newsroom.ports import Clock
from services.outgoing import Outgoing
from storage.database import Storage

log = logging.getLogger(__name__)

POLL = 25.0
CONFLICT_PAUSE = 15.0
CONFLICT_OVER = 600.0  # after so long without one, the next conflict is news again
TROUBLE_PAUSE = 1.0


class Reply(Protocol):
    """An answer of the Bot API."""

    @property
    def status(self) -> int: ...

    @property
    def result(self) -> Any: ...

    @property
    def words(self) -> str: ...


class Api(Protocol):
    """What the poller needs of the Telegram gateway."""

    @property
    def bot_id(self) -> int: ...

    @property
    def speed(self) -> float: ...

    async def call(self, method: str, parameters: Mapping[str, Any], *, timeout: float) -> Reply:  # noqa: ASYNC109 - aiohttp takes it so
        ...


@dataclass(slots=True)
class Poller:
    """getUpdates by our own call: one update that cannot be decoded must not stall the rest."""

    api: Api
    storage: Storage
    outgoing: Outgoing
    clock: Clock
    arrived: asyncio.Event
    _offset: int | None = None
    _conflict_at: float = float("-inf")
    _webhook_deleted: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop`. Raises TokenRefused when Telegram no longer knows the token."""
        while not stop.is_set():
            poll = asyncio.create_task(self._once())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({poll, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not poll.done():
                poll.cancel()  # nothing is lost: what was not acknowledged comes again
            try:
                pause = await poll
            except asyncio.CancelledError:
                return
            except StorageBusy as error:
                log.error("incoming updates wait for the database: %s", error)
                pause = TROUBLE_PAUSE
            if pause:
                await _rest(stop, pause / self.api.speed)

    async def _once(self) -> float:
        """One request; returns how long to rest before the next."""
        parameters: dict[str, Any] = {"timeout": int(POLL), "allowed_updates": ALLOWED}
        if self._offset is not None:
            parameters["offset"] = self._offset
        try:
            reply = await self.api.call("getUpdates", parameters, timeout=POLL + 15)
            if reply.status == 409:
                return await self._conflict(reply.words)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("Telegram cannot be reached: %s", type(error).__name__)
            return TROUBLE_PAUSE
        if reply.status in (401, 404):
            raise TokenRefused
        if not isinstance(reply.result, list):
            log.warning("getUpdates: %s", reply.words)
            return TROUBLE_PAUSE
        return await self._store(reply.result)

    async def _store(self, batch: list[object]) -> float:
        numbers = [number for raw in batch if (number := update_id_of(raw)) is not None]
        if len(numbers) < len(batch):
            log.error(
                "getUpdates: %d of %d have no number to acknowledge them by", len(batch) - len(numbers), len(batch)
            )
        if not numbers:
            return TROUBLE_PAUSE if batch else 0.0
        updates = [incoming_of(raw, self.api.bot_id, self.storage) for raw in batch if update_id_of(raw) is not None]
        async with self.storage.transaction() as tx:
            await tx.inbox.add(updates, self.clock())
        self._offset = max(numbers) + 1
        self.arrived.set()
        return 0.0

    async def _conflict(self, words: str) -> float:
        """Our updates go elsewhere: a forgotten webhook is deleted, a stranger with our token is one alarm."""
        if "webhook" in words.lower() and not self._webhook_deleted:
            log.warning("a webhook is set for this bot: it is deleted, because updates are fetched from here")
            reply = await self.api.call("deleteWebhook", {}, timeout=POLL)
            self._webhook_deleted = bool(reply.result)
            return 0.0 if self._webhook_deleted else TROUBLE_PAUSE
        log.error("another program uses this bot token; polling again in %d s", CONFLICT_PAUSE)
        now = time.monotonic()
        if now - self._conflict_at > CONFLICT_OVER / self.api.speed:
            async with self.storage.transaction() as tx:
                await self.outgoing.alarm(tx, "alarm-conflict")
        self._conflict_at = now
        return CONFLICT_PAUSE


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
