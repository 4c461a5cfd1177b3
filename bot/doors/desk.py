"""From the inbox to a handler: one person's updates in order, different people's side by side."""

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import aiohttp
from aiogram import Bot, Dispatcher
from aiogram.exceptions import ClientDecodeError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.types import Update

from newsroom.errors import AlreadyDone, ElchiError, KeyProblem, StorageBusy, Unanswered
from newsroom.ids import ChatId
from newsroom.pacing import Wait
from newsroom.ports import Clock
from services.housekeeping import Housekeeping
from storage.database import Storage
from storage.inbox import Waiting

log = logging.getLogger(__name__)

AT_ONCE = 8
RESTING = 100  # so many more whose answer rests until its own chat may be written to
LATELY = 3.0  # seconds during which whoever had a turn lets the others go first
LOOK_AGAIN = 0.5
RETRIES = (1, 5, 30)
GRACE = 6.0  # seconds for handlers in hand at the end
TROUBLE_PAUSE = 1.0
AWAY_PAUSES = (timedelta(seconds=5), timedelta(seconds=60))  # at least and at most, while Telegram is away

# Telegram or the way to it is not there: no fault of the update's, which is not given up for it.
AWAY = (
    aiohttp.ClientError,
    TimeoutError,
    ConnectionError,
    Unanswered,
    TelegramNetworkError,
    TelegramServerError,
    TelegramRetryAfter,
    ClientDecodeError,  # a gateway's page instead of JSON
)


class Answers(Protocol):
    """What the desk asks of the rate gate before somebody is answered."""

    @property
    def resting(self) -> int:
        """How many handlers only wait until they may write to their own chat."""
        ...

    def permit(self, chat: ChatId) -> Wait | None:
        """None when the next answer to this chat may go at once, else how long it has to wait."""
        ...

    def withdraw(self, chat: ChatId) -> None:
        """The update is dealt with: a permit that was not needed lapses."""
        ...


@dataclass(slots=True)
class Desk:
    """Hands each waiting update to the dispatcher when its answer may go.

    The permit is asked for before the handler runs. Handled first, the fact would be on disk and the answer in memory:
    a restart would lose it. And whoever writes faster than they may be answered, or whose chat Telegram told to wait,
    waits in the inbox, where nobody stands behind them.
    """

    storage: Storage
    housekeeping: Housekeeping
    dispatcher: Dispatcher
    bot: Bot
    answers: Answers
    clock: Clock
    arrived: asyncio.Event
    speed: float = 1.0
    _busy: set[str] = field(default_factory=set)
    _lately: dict[str, float] = field(default_factory=dict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def at_rest(self) -> bool:
        """Nobody's update is being handled, and no answer is on its way."""
        return not self._busy

    async def run(self, stop: asyncio.Event) -> None:
        """Hand out until `stop`; then give what is under way a moment to end."""
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                self.arrived.clear()
                waiting = await self._next()
                for one in waiting:
                    self._busy.add(one.order_key)
                    self._lately[one.order_key] = time.monotonic()
                    task = group.create_task(self._work(one))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)
                if not waiting or self._free <= 0:
                    await _either(stop, self.arrived, LOOK_AGAIN / self.speed)
            if self._under_way:
                _, late = await asyncio.wait(self._under_way, timeout=GRACE)
                for task in late:
                    task.cancel()  # it is not done, so it is handled again at the next start

    @property
    def _free(self) -> int:
        return AT_ONCE - len(self._busy) + min(self.answers.resting, RESTING)

    async def _next(self) -> tuple[Waiting, ...]:
        """As many updates as there are places; whoever had a turn just now comes after everybody else."""
        free, now = self._free, time.monotonic()
        self._lately = {who: at for who, at in self._lately.items() if at > now - LATELY / self.speed}
        if free <= 0:
            return ()
        try:
            async with self.storage.reading() as tx:
                others = await tx.inbox.next(self.clock(), self._busy | self._lately.keys(), free)
                taken = self._busy | {one.order_key for one in others}
                return others + await tx.inbox.next(self.clock(), taken, free - len(others))
        except StorageBusy as error:
            log.error("the inbox waits for the database: %s", error)
            return ()

    async def _work(self, one: Waiting) -> None:
        try:
            await self._handle(one)
        except StorageBusy as error:
            log.error("an update waits for the database: %s", error)
            await asyncio.sleep(TROUBLE_PAUSE / self.speed)
        finally:
            self._busy.discard(one.order_key)
            self.arrived.set()

    async def _handle(self, one: Waiting) -> None:
        try:
            update = self._decoded(one)
        except (KeyProblem, ValueError, RecursionError) as error:  # what pydantic says is a ValueError, too
            why = f"cannot be decoded: {type(error).__name__}"
            await self.housekeeping.put_aside(one.arrived, one.kind, why)
            return
        chat = _answered(update)
        if chat is not None and (wait := await self._wait_for(chat)) is not None:
            await self._later(one, timedelta(seconds=wait.seconds))
            return
        try:
            await self._dispatch(one, update)
        finally:
            if chat is not None:
                self.answers.withdraw(chat)

    def _decoded(self, one: Waiting) -> Update:
        raw = json.loads(self.storage.keyring.unseal(one.payload))
        return Update.model_validate(raw, context={"bot": self.bot})

    async def _wait_for(self, chat: ChatId) -> Wait | None:
        """None with a permit, else the chat's own wait; what the whole bot waits for is the same for everybody."""
        while (wait := self.answers.permit(chat)) is not None and not wait.chat_only:  # noqa: ASYNC110 - the gate says how long
            await asyncio.sleep(wait.seconds)
        return wait

    async def _dispatch(self, one: Waiting, update: Update) -> None:
        try:
            await self.dispatcher.feed_update(self.bot, update, cause=one.arrived)
        except AlreadyDone:
            return
        except StorageBusy:
            raise
        except AWAY as error:
            log.warning("update %d (%s) waits for Telegram: %s", one.arrived, one.kind, _place(error))
            await self._later(one, self._away_for(one, error))
            return
        except Exception as error:  # noqa: BLE001 - whatever a handler did wrong must not stand in the next one's way
            await self._try_again(one, error)
            return
        await self._mark_done(one)

    async def _mark_done(self, one: Waiting) -> None:
        """A handler without a verb leaves this to the door."""
        async with self.storage.transaction() as tx:
            if not await tx.inbox.is_done(one.arrived):
                await tx.inbox.done(one.arrived, self.clock())

    def _away_for(self, one: Waiting, error: Exception) -> timedelta:
        """A quarter of what it has waited already, or what Telegram says."""
        if isinstance(error, TelegramRetryAfter):
            return timedelta(seconds=error.retry_after) / self.speed
        shortest, longest = (pause / self.speed for pause in AWAY_PAUSES)
        return min(max((self.clock() - one.received_at) / 4, shortest), longest)

    async def _later(self, one: Waiting, pause: timedelta) -> None:
        async with self.storage.transaction() as tx:
            await tx.inbox.wait(one.arrived, self.clock() + pause)

    async def _try_again(self, one: Waiting, error: Exception) -> None:
        # Only the kind of the error: its text may quote what somebody wrote.
        log.error("update %d (%s) failed: %s", one.arrived, one.kind, _place(error))
        if one.tries >= len(RETRIES):
            await self.housekeeping.put_aside(one.arrived, one.kind, type(error).__name__)
            return
        async with self.storage.transaction() as tx:
            pause = timedelta(seconds=RETRIES[one.tries] / self.speed)
            await tx.inbox.try_later(one.arrived, self.clock() + pause)


def _answered(update: Update) -> ChatId | None:
    """The private chat in which this update will be answered; in groups most of what is said is not for us."""
    message = update.message or (update.callback_query.message if update.callback_query else None)
    return ChatId(message.chat.id) if message is not None and message.chat.type == "private" else None


def _place(error: Exception) -> str:
    """Where it broke, without a word of what anybody said."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}" + (f": {error}" if isinstance(error, ElchiError) else "")


async def _either(stop: asyncio.Event, arrived: asyncio.Event, seconds: float) -> None:
    waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(arrived.wait())}
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
