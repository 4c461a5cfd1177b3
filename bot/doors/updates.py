"""From Telegram to a handler: long poll, inbox, acknowledgement, dispatcher, in that order."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import aiohttp
from aiogram import Bot, Dispatcher
from aiogram.types import Update
from pydantic import ValidationError

from newsroom.errors import AlreadyDone, ElchiError, KeyProblem, StorageBusy, TokenRefused
from newsroom.ports import Clock
from services.outgoing import Outgoing
from storage.database import Storage
from storage.inbox import Incoming, Waiting

log = logging.getLogger(__name__)

ALLOWED = ["message", "callback_query", "my_chat_member"]
POLL = 25.0
AT_ONCE = 8
RETRIES = (1, 5, 30)
GRACE = 6.0  # seconds for handlers in hand at the end
CONFLICT_PAUSE = 15.0
TROUBLE_PAUSE = 1.0


def incoming_of(raw: Mapping[str, Any], bot_id: int, storage: Storage) -> Incoming:
    """An update as it is stored: sealed, and findable only by keyed hash."""
    kind = next((key for key in raw if key != "update_id"), "empty")
    body = raw.get(kind)
    body = body if isinstance(body, dict) else {}
    holder = body.get("message") if kind == "callback_query" else body
    chat = (holder.get("chat") or {}).get("id", 0) if isinstance(holder, dict) else 0
    user = (body.get("from") or {}).get("id", 0) if isinstance(body.get("from"), dict) else 0
    poll = str(body.get("id")) if kind == "poll" else None
    return Incoming(
        bot_id=bot_id,
        update_id=int(raw["update_id"]),
        kind=kind[:40],
        order_key=storage.keyring.lookup(f"order:{chat}:{user}"),
        payload=storage.keyring.seal(json.dumps(raw, ensure_ascii=False).encode()),
        poll_id=poll,
    )


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
    _conflict: bool = False

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
        parameters: dict[str, Any] = {"timeout": int(POLL), "allowed_updates": ALLOWED}
        if self._offset is not None:
            parameters["offset"] = self._offset
        try:
            reply = await self.api.call("getUpdates", parameters, timeout=POLL + 15)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("Telegram cannot be reached: %s", type(error).__name__)
            return TROUBLE_PAUSE
        if reply.status in (401, 404):
            raise TokenRefused
        if reply.status == 409:
            await self._somebody_else()
            return CONFLICT_PAUSE
        if not isinstance(reply.result, list):
            log.warning("getUpdates: %s", reply.words)
            return TROUBLE_PAUSE
        self._conflict = False
        await self._store(reply.result)
        return 0.0

    async def _store(self, batch: list[dict[str, Any]]) -> None:
        if not batch:
            return
        async with self.storage.transaction() as tx:
            await tx.inbox.add([incoming_of(raw, self.api.bot_id, self.storage) for raw in batch], self.clock())
        self._offset = max(int(raw["update_id"]) for raw in batch) + 1
        self.arrived.set()

    async def _somebody_else(self) -> None:
        """A stranger polls with our token: one alarm, then patience."""
        log.error("another program uses this bot token; polling again in %d s", CONFLICT_PAUSE)
        if not self._conflict:
            self._conflict = True
            async with self.storage.transaction() as tx:
                await self.outgoing.alarm(tx, "alarm-conflict")


@dataclass(slots=True)
class Desk:
    """Hands each waiting update to the dispatcher: one person's in order, different people's side by side."""

    storage: Storage
    outgoing: Outgoing
    dispatcher: Dispatcher
    bot: Bot
    clock: Clock
    arrived: asyncio.Event
    speed: float = 1.0
    _busy: set[str] = field(default_factory=set)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                self.arrived.clear()
                try:
                    async with self.storage.reading() as tx:
                        waiting = await tx.inbox.next(self.clock(), self._busy, AT_ONCE - len(self._busy))
                except StorageBusy as error:
                    log.error("the inbox waits for the database: %s", error)
                    waiting = ()
                for one in waiting:
                    self._busy.add(one.order_key)
                    task = group.create_task(self._work(one))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)
                if not waiting or len(self._busy) >= AT_ONCE:
                    await _either(stop, self.arrived, 0.5)
            if self._under_way:
                _, late = await asyncio.wait(self._under_way, timeout=GRACE)
                for task in late:
                    task.cancel()  # it is not done, so it is handled again at the next start

    async def _work(self, one: Waiting) -> None:
        try:
            await self._handle(one)
        except StorageBusy as error:
            log.error("an update waits for the database: %s", error)
            await asyncio.sleep(TROUBLE_PAUSE)
        finally:
            self._busy.discard(one.order_key)
            self.arrived.set()

    async def _handle(self, one: Waiting) -> None:
        try:
            raw = json.loads(self.storage.keyring.unseal(one.payload))
            update = Update.model_validate(raw, context={"bot": self.bot})
        except (KeyProblem, ValueError, ValidationError) as error:
            await self._put_aside(one, f"cannot be decoded: {type(error).__name__}")
            return
        try:
            await self.dispatcher.feed_update(self.bot, update, cause=one.arrived)
        except AlreadyDone:
            return
        except StorageBusy:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler did wrong must not stand in the next one's way
            await self._try_again(one, error)
            return
        await self._mark_done(one)

    async def _mark_done(self, one: Waiting) -> None:
        """A handler without a verb leaves this to the door."""
        async with self.storage.transaction() as tx:
            if not await tx.inbox.is_done(one.arrived):
                await tx.inbox.done(one.arrived, self.clock())

    async def _try_again(self, one: Waiting, error: Exception) -> None:
        # Only the kind of the error: its text may quote what somebody wrote.
        log.error("update %d (%s) failed: %s", one.arrived, one.kind, _place(error))
        if one.tries >= len(RETRIES):
            await self._put_aside(one, type(error).__name__)
            return
        async with self.storage.transaction() as tx:
            pause = timedelta(seconds=RETRIES[one.tries] / self.speed)
            await tx.inbox.try_later(one.arrived, self.clock() + pause)

    async def _put_aside(self, one: Waiting, why: str) -> None:
        log.error("update %d (%s) put aside: %s", one.arrived, one.kind, why)
        async with self.storage.transaction() as tx:
            if not await tx.inbox.is_done(one.arrived):
                await tx.inbox.put_aside(one.arrived, why, self.clock())
                await self.outgoing.alarm(tx, "alarm-put-aside", kind=one.kind, why=why)


def _place(error: Exception) -> str:
    """Where it broke, without a word of what anybody said."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}" + (f": {error}" if isinstance(error, ElchiError) else "")


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _either(stop: asyncio.Event, arrived: asyncio.Event, seconds: float) -> None:
    waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(arrived.wait())}
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
