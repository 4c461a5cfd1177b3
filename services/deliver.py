"""The loop that brings every message from what was sent to what is wanted, as fast as Telegram allows."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from newsroom.deliveries import (
    Deferred,
    Form,
    Halted,
    Lane,
    Message,
    Outcome,
    Picture,
    Refused,
    Throttled,
    Unknown,
    Way,
)
from newsroom.errors import StorageBusy
from newsroom.ids import MessageId, RecipientId
from newsroom.ports import CORRECTIONS, Clock, RateGate, Sender
from newsroom.text import render
from newsroom.text.post import Post, Style
from newsroom.text.words import Words
from services.outgoing import Outgoing
from services.results import ROWS, Finished, Results
from storage.database import Storage, Transaction

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.5
FEW_READY = 100  # the next page is made when fewer first sends than this wait on a lane
LOOK_AHEAD = 60
GRACE = 5.0  # seconds for requests in hand at the end; the whole stop stays under ten
PROVING = 3  # so many copies at once try a picture of which nobody knows yet how Telegram takes it
UNSURE = 3  # so many answers missing one after another, and Telegram is asked whether it is there at all
PLAIN = Style()
LANES = (Lane.ANSWERS, Lane.BREAKING, Lane.CHANNELS, Lane.PRIVATE)


@dataclass(slots=True)
class Deliver:
    storage: Storage
    outgoing: Outgoing
    sender: Sender
    gate: RateGate
    clock: Clock
    words: Words
    style: Style = PLAIN
    may_send: Callable[[], bool] = lambda: True
    """false when the process may no longer be the one that holds the token"""
    batch: int = 4
    """how many requests may be marked at once: about 100 ms of the allowed rate"""
    halted: str | None = None
    _results: Results = field(init=False)
    _in_hand: dict[RecipientId, Message] = field(default_factory=dict)
    """marked by this process, and what came of it not yet on disk"""
    _cooling: dict[RecipientId, float] = field(default_factory=dict)
    _requests: set[asyncio.Task[None]] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _unsure: int = 0
    """how many answers in a row are missing"""
    _doubtful: bool = False
    """a claim was perhaps committed although the database reported trouble"""
    _interrupted: bool = False
    """another process may have worked for the token in the meantime"""

    def __post_init__(self) -> None:
        self._results = Results(self.storage, self.outgoing, self.clock)

    async def recover(self) -> None:
        """After a restart: settle what may have been open when the last process ended."""
        async with self.storage.transaction() as tx:
            await self._recover(tx)

    def wake(self) -> None:
        """Something new may be in the outbox."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then finish the requests in hand, write their results and return."""
        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._results.run(done, self._written))
            while not stop.is_set() and self.halted is None:
                self._wake.clear()
                pause = await self._round(group, stop)
                if pause > 0:
                    await _first_of(stop, self._wake, pause)
            await _finish(self._requests)
            done.set()

    async def _round(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> float:
        """One look at the outbox; returns the seconds until the next. Trouble means waiting, never losing a result."""
        if not self.may_send():
            self._interrupted = True
            return LOOK_AGAIN
        if len(self._results.waiting) > ROWS * 5:
            return LOOK_AGAIN
        if self._unsure >= UNSURE and not await self._telegram_answers(stop):
            return LOOK_AGAIN
        try:
            claimed, pause = await self._claim()
        except StorageBusy as error:
            log.error("delivery waits for the database: %s", error)
            self._doubtful = True
            return LOOK_AGAIN
        for message in claimed:
            request = group.create_task(self._deliver(message))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
        return pause

    async def _telegram_answers(self, stop: asyncio.Event) -> bool:
        """Ask before another message is risked: an outage must not use up what may be sent only once more."""
        there = await _unless(stop, self.sender.answers())
        if there:
            self._unsure = UNSURE - 1
        else:
            log.warning("Telegram does not answer: sending waits")
        return there

    # -- what goes out now ---------------------------------------------------------------------------------------

    async def _claim(self) -> tuple[list[Message], float]:
        """Permits first, then the mark, in one commit; returns what to send now and how long to rest."""
        async with self.storage.transaction() as tx:
            await self._settle_strange(tx)
            paused = await tx.settings.get("paused") is not None
            grew = False if paused else await self._expand(tx)
            claimed, rest = await self._permitted(tx, LANES[:1] if paused else (*LANES, CORRECTIONS))
            if claimed:
                await tx.outbox.mark_sending(claimed)
        self._doubtful = self._interrupted = False
        self._in_hand.update((message.recipient, message) for message in claimed)
        return claimed, 0.0 if grew or len(claimed) >= self.batch else rest

    async def _settle_strange(self, tx: Transaction) -> None:
        """What is marked and not in our hands: another process's, or a claim that was committed after all."""
        if self._interrupted:
            await self._recover(tx)
        elif self._doubtful:
            await tx.outbox.release_all_but(self._ids_in_hand())

    async def _recover(self, tx: Transaction) -> None:
        again, left = await tx.outbox.recover(self._ids_in_hand())
        if again or left:
            log.warning("open when another process ended: %d sent one time more, %d left unknown", again, left)

    def _ids_in_hand(self) -> list[MessageId]:
        return [message.id for message in self._in_hand.values()]

    async def _expand(self, tx: Transaction) -> bool:
        grew = await tx.outbox.raise_versions()
        for lane in LANES[1:]:
            if await tx.outbox.waiting(lane, FEW_READY, self.clock()) < FEW_READY:
                grew = bool(await tx.outbox.expand(lane)) or grew
        return grew

    async def _permitted(self, tx: Transaction, queues: Sequence[Lane | str]) -> tuple[list[Message], float]:
        """First what each queue is owed of its floor, then the rest, lane by lane."""
        found = {queue: deque(await self._ready(tx, queue)) for queue in queues}
        claimed: list[Message] = []
        rest = LOOK_AGAIN
        for queue in queues:
            rest = min(rest, self._permit(queue, found[queue], claimed, self.gate.owed(queue)))
        for queue in queues:
            rest = min(rest, self._permit(queue, found[queue], claimed, self.batch))
        return claimed, rest

    async def _ready(self, tx: Transaction, queue: Lane | str) -> Sequence[Message]:
        room = max(LOOK_AHEAD, self.batch)
        if isinstance(queue, Lane):
            return await tx.outbox.ready(queue, self.clock(), self._unable(), room)
        return await tx.outbox.corrections(self.clock(), self._unable(), room)

    def _permit(self, queue: Lane | str, found: deque[Message], claimed: list[Message], most: int) -> float:
        """Take what the gate lets through on one queue; returns the seconds until it is worth asking again."""
        rest = LOOK_AGAIN
        most = min(most, self.batch - len(claimed))
        taken = {message.recipient for message in claimed}
        proving = Counter(m.broadcast for m in (*self._in_hand.values(), *claimed) if _proves_its_picture(m))
        while found and most > 0:
            message = found[0]
            if message.recipient not in taken and proving[message.broadcast] < PROVING:
                wait = self.gate.ask(message.chat, message.kind, queue)
                if wait is not None and not wait.chat_only:
                    return min(rest, wait.seconds)
                if wait is None:
                    claimed.append(message)
                    taken.add(message.recipient)
                    proving[message.broadcast] += _proves_its_picture(message)
                    most -= 1
                else:
                    self._cooling[message.recipient] = time.monotonic() + wait.seconds
                    rest = min(rest, wait.seconds)
            found.popleft()
        return rest

    def _unable(self) -> set[RecipientId]:
        now = time.monotonic()
        self._cooling = {who: until for who, until in self._cooling.items() if until > now}
        return self._in_hand.keys() | self._cooling.keys()

    # -- what comes of it ----------------------------------------------------------------------------------------

    async def _deliver(self, message: Message) -> None:
        outcome = await self._outcome(message)
        self._learn(message, outcome)
        self._results.add(message, outcome)

    async def _outcome(self, message: Message) -> Outcome:
        try:
            post = render.post(
                message.content, message.language, self.words, self.style, pictured=_is_pictured(message)
            )
        except (LookupError, ValueError, TypeError) as error:  # stored by a version that knew other words
            return Refused(f"cannot be rendered: {type(error).__name__}")
        if not self.may_send():
            return Deferred(0.0)
        try:
            if message.is_edit and message.telegram_id is not None:
                picture = _picture(message, post) if _new_picture(message) else None
                return await self.sender.edit(
                    message.chat, message.telegram_id, post, message.form or Form.TEXT, picture
                )
            return await self.sender.send(message.chat, post, _picture(message, post))
        except Exception as error:  # noqa: BLE001 - one request must not end the others; whether it left is unknown
            log.error("message %d: the request ended with %s", message.id, type(error).__name__)
            return Unknown(type(error).__name__)

    def _learn(self, message: Message, outcome: Outcome) -> None:
        match outcome:
            case Unknown():
                self._unsure += 1
                return
            case Deferred(seconds):
                self.gate.pause(seconds)
                return
            case Throttled(seconds, everyone):
                if self.gate.throttled(None if everyone else message.chat, seconds):
                    log.warning("Telegram asks the whole bot to wait %.1f s", seconds)
            case Halted(why):
                self.halted = why
            case _:
                pass
        self._unsure = 0

    def _written(self, group: Sequence[Finished]) -> None:
        for one in group:
            self._in_hand.pop(one.message.recipient, None)
        self._wake.set()


def _proves_its_picture(message: Message) -> bool:
    """Whether this first send shows how Telegram takes the picture: what it learns serves all that follow."""
    if message.is_edit or message.no_picture or message.picture_way is Way.NONE or message.picture_file is not None:
        return False
    return render.picture_of(message.content) is not None


def _is_pictured(message: Message) -> bool:
    """Whether the copy is, or is to be, a photo with the text as its caption."""
    if message.form is None:
        return message.picture_way is not Way.NONE and not message.no_picture
    return message.form is Form.PHOTO or _new_picture(message)


def _new_picture(message: Message) -> bool:
    """Whether the copy shows another picture than the article has now, and Telegram may be able to show that."""
    behind = message.sent_version is not None and message.sent_version < message.picture_version
    return behind and not message.no_picture and message.picture_way is not Way.NONE


def _picture(message: Message, post: Post) -> Picture | None:
    if post.photo is None or message.picture_way is Way.NONE or message.no_picture:
        return None
    return Picture(post.photo, message.picture_way, message.picture_file)


async def _finish(requests: set[asyncio.Task[None]]) -> None:
    """Wait for the requests in hand; one that outlasts the grace stays marked, and is settled at the next start."""
    if not requests:
        return
    _, late = await asyncio.wait(requests, timeout=GRACE)
    for request in late:
        request.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _unless(stop: asyncio.Event, question: Coroutine[Any, Any, bool]) -> bool:
    """The answer, or False when it is time to stop."""
    asked, stopping = asyncio.create_task(question), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({asked, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return asked.done() and await asked
    finally:
        asked.cancel()
        stopping.cancel()
        await asyncio.gather(asked, stopping, return_exceptions=True)


async def _first_of(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    """Return when either happens, or after so many seconds."""
    waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(wake.wait())]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
