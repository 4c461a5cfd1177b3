"""The loop that brings every message from what was sent to what is wanted, as fast as Telegram allows."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from newsroom.deliveries import (
    Again,
    ChatKind,
    CloseChat,
    Deferred,
    Halted,
    Lane,
    Message,
    MoveChat,
    Outcome,
    Settle,
    State,
    Step,
    Throttled,
    next_step,
)
from newsroom.errors import StorageBusy
from newsroom.ids import ChatId, MessageId, RecipientId
from newsroom.ports import CORRECTIONS, Clock, RateGate, Sender
from newsroom.text import render
from newsroom.text.words import Words
from services.outgoing import Outgoing
from storage.database import Storage, Transaction
from storage.outbox import Result

log = logging.getLogger(__name__)

FLUSH_ROWS = 100
FLUSH_EVERY = 0.1
LOOK_AGAIN = 0.5
FEW_READY = 100  # the next page is made when fewer first sends than this wait on a lane
LOOK_AHEAD = 60
GRACE = 6.0  # seconds for requests in hand at the end; the whole stop stays under ten
LANES = (Lane.ANSWERS, Lane.BREAKING, Lane.CHANNELS, Lane.PRIVATE)


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that has come to an end and is not yet on disk."""

    message: Message
    outcome: Outcome
    step: Step


@dataclass(slots=True)
class Deliver:
    storage: Storage
    outgoing: Outgoing
    sender: Sender
    gate: RateGate
    clock: Clock
    words: Words
    may_send: Callable[[], bool] = lambda: True
    """false when the process may no longer be the one that holds the token"""
    batch: int = 4
    """how many requests may be marked at once: about 100 ms of the allowed rate"""
    halted: str | None = None
    _busy: set[RecipientId] = field(default_factory=set)
    _cooling: dict[RecipientId, float] = field(default_factory=dict)
    _finished: list[Finished] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _flush_now: asyncio.Event = field(default_factory=asyncio.Event)
    _requests: set[asyncio.Task[None]] = field(default_factory=set)

    async def recover(self) -> None:
        """After a restart: settle what may have been open when the last process ended."""
        async with self.storage.transaction() as tx:
            again, left = await tx.outbox.recover()
        if again or left:
            log.warning("open when the last process ended: %d sent one time more, %d left unknown", again, left)

    def wake(self) -> None:
        """Something new may be in the outbox."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then finish the requests in hand, write their results and return."""
        flushed = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush_until(flushed))
            while not stop.is_set() and self.halted is None:
                pause = await self._round_or_wait(group)
                if pause > 0:
                    self._wake.clear()
                    await _first_of(stop, self._wake, pause)
            await _finish(self._requests)
            flushed.set()
            self._flush_now.set()

    async def _round_or_wait(self, group: asyncio.TaskGroup) -> float:
        """One round; a database in trouble means waiting, never losing a result."""
        if len(self._finished) > FLUSH_ROWS * 5 or not self.may_send():
            return LOOK_AGAIN
        try:
            claimed, pause = await self._claim()
        except StorageBusy as error:
            log.error("delivery waits for the database: %s", error)
            return LOOK_AGAIN
        for message in claimed:
            request = group.create_task(self._deliver(message))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
        return pause

    async def _claim(self) -> tuple[list[Message], float]:
        """Permits first, then the mark, in one commit; returns what to send now and how long to rest."""
        claimed: list[Message] = []
        rest = LOOK_AGAIN
        async with self.storage.transaction() as tx:
            paused = await tx.settings.get("paused") is not None
            lanes = LANES[:1] if paused else LANES
            grew = False if paused else await self._expand(tx)
            for queue in (*lanes, *(() if paused else (CORRECTIONS,))):
                rest = min(rest, await self._permit(tx, queue, claimed))
            if claimed:
                await tx.outbox.mark_sending(claimed)
        self._busy.update(message.recipient for message in claimed)
        return claimed, 0.0 if grew or len(claimed) >= self.batch else rest

    async def _expand(self, tx: Transaction) -> bool:
        grew = await tx.outbox.raise_versions()
        for lane in LANES[1:]:
            if await tx.outbox.waiting(lane, FEW_READY, self.clock()) < FEW_READY:
                grew = bool(await tx.outbox.expand(lane)) or grew
        return grew

    async def _permit(self, tx: Transaction, queue: Lane | str, claimed: list[Message]) -> float:
        """Take what the gate lets through on one queue; returns the seconds until it is worth asking again."""
        if len(claimed) >= self.batch:
            return 0.0
        unable = self._unable() | {message.recipient for message in claimed}
        room = max(LOOK_AHEAD, self.batch)
        if isinstance(queue, Lane):
            found = await tx.outbox.ready(queue, self.clock(), unable, room)
        else:
            found = await tx.outbox.corrections(self.clock(), unable, room)
        rest = LOOK_AGAIN
        taken = {message.recipient for message in claimed}
        for message in found:
            if message.recipient in taken:
                continue
            if len(claimed) >= self.batch:
                return 0.0
            wait = self.gate.ask(message.chat, message.kind, queue)
            if wait is None:
                claimed.append(message)
                taken.add(message.recipient)
            elif wait.chat_only:
                self._cooling[message.recipient] = time.monotonic() + wait.seconds
                rest = min(rest, wait.seconds)
            else:
                return min(rest, wait.seconds)
        return rest

    def _unable(self) -> set[RecipientId]:
        now = time.monotonic()
        self._cooling = {who: until for who, until in self._cooling.items() if until > now}
        return self._busy | self._cooling.keys()

    async def _deliver(self, message: Message) -> None:
        try:
            html = render.html(message.content, message.language, self.words)
            if message.is_edit and message.telegram_id is not None:
                outcome = await self.sender.edit(message.chat, message.telegram_id, html)
            else:
                outcome = await self.sender.send(message.chat, html)
            self._learn(message, outcome)
            self._finished.append(Finished(message, outcome, next_step(message, outcome, self.clock())))
        finally:
            self._flush_now.set()

    def _learn(self, message: Message, outcome: Outcome) -> None:
        match outcome:
            case Throttled(seconds, everyone):
                if self.gate.throttled(None if everyone else message.chat, seconds):
                    log.warning("Telegram asks the whole bot to wait %.1f s", seconds)
            case Deferred(seconds):
                self.gate.pause(seconds)
            case Halted(why):
                self.halted = why
            case _:
                pass

    async def _flush_until(self, done: asyncio.Event) -> None:
        """Write results in groups; on trouble try again until they are on disk."""
        while not (done.is_set() and not self._finished):
            await self._flush_now.wait()
            self._flush_now.clear()
            if len(self._finished) < FLUSH_ROWS and not done.is_set():
                await asyncio.sleep(FLUSH_EVERY)
            group = self._finished[:FLUSH_ROWS]
            if not group:
                continue
            try:
                await self._flush(group)
            except StorageBusy as error:
                log.error("%d results wait for the database: %s", len(self._finished), error)
                await asyncio.sleep(LOOK_AGAIN)
                self._flush_now.set()
                continue
            del self._finished[: len(group)]
            self._busy.difference_update(one.message.recipient for one in group)
            self._wake.set()
            if self._finished:
                self._flush_now.set()

    async def _flush(self, group: list[Finished]) -> None:
        async with self.storage.transaction() as tx:
            await tx.outbox.write_results([self._result(one) for one in group])
            for one in group:
                await self._consequences(tx, one)

    def _result(self, one: Finished) -> Result:
        message, now = one.message, self.clock()
        state, telegram_id, version = State.WAITING, message.telegram_id, message.sent_version
        not_before, repeats, why = None, message.repeats, None
        match one.step:
            case Settle(settled, given, because):
                state, telegram_id, why = settled, given or telegram_id, because
                version = message.wanted_version if settled in (State.SENT, State.GONE) else version
                repeats = 0 if message.is_edit else repeats
            case Again(at, repeat, because):
                state = State.SENT if message.is_edit else State.WAITING
                not_before, why, repeats = at, because, repeats + repeat
            case CloseChat(because):
                state, why = (State.GONE if message.is_edit else State.CANCELLED), because
            case MoveChat():
                state = State.GONE if message.is_edit else State.WAITING
        sent_at = now if state is State.SENT and not message.is_edit else None
        return Result(
            message.id, message.chat, message.attempt, state, telegram_id, version, not_before, repeats, why, sent_at
        )

    async def _consequences(self, tx: Transaction, one: Finished) -> None:
        """What one answer means for the chat as a whole."""
        if isinstance(one.outcome, Throttled) and not one.outcome.everyone:
            await tx.outbox.hold_chat(one.message.recipient, self.clock() + timedelta(seconds=one.outcome.seconds))
        match one.step:
            case MoveChat(new):
                await tx.lock_audience()
                await tx.chats.migrate(one.message.chat, new)
            case CloseChat(why):
                await self._close(tx, one.message, why)
            case _:
                pass

    async def _close(self, tx: Transaction, message: Message, why: str) -> None:
        chat = await tx.chats.get(message.chat)
        closed = await tx.chats.disconnect(message.chat, why)
        if not closed or chat is None or chat.kind is ChatKind.PRIVATE:
            return
        log.warning("posting to %s stopped: %s", message.chat, why)
        if chat.added_by is not None:
            admin = ChatId(chat.added_by)
            if await tx.chats.get(admin) is not None:
                await self.outgoing.tell(tx, admin, "chat-no-rights", title=chat.title)
                return
        await self.outgoing.alarm(tx, "alarm-chat-off", title=chat.title, why=why)


async def _finish(requests: set[asyncio.Task[None]]) -> None:
    """Wait for the requests in hand; one that outlasts the grace stays marked, and is settled at the next start."""
    if not requests:
        return
    _, late = await asyncio.wait(requests, timeout=GRACE)
    for request in late:
        request.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _first_of(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    """Return when either happens, or after so many seconds."""
    waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(wake.wait())]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
