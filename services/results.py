"""What came of the requests: answers gathered, and written with all they mean for the chat."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from newsroom.deliveries import (
    Again,
    ChatKind,
    CloseChat,
    Form,
    Message,
    MoveChat,
    OtherWay,
    Outcome,
    Sent,
    Settle,
    State,
    Step,
    Throttled,
    Unknown,
    next_step,
)
from newsroom.errors import StorageBusy
from newsroom.ids import ChatId
from newsroom.ports import Clock
from services.outgoing import Outgoing
from storage.database import Storage, Transaction
from storage.outbox import Result

log = logging.getLogger(__name__)

ROWS = 100  # in one commit
EVERY = 0.1  # seconds in which answers are gathered before they are written
AGAIN = 0.5  # seconds until a database in trouble is tried again
LAST = 3.0  # seconds for the last group when the process ends; what is not written stays marked as being sent


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that has come to an end and is not yet on disk."""

    message: Message
    outcome: Outcome
    step: Step


@dataclass(slots=True)
class Results:
    storage: Storage
    outgoing: Outgoing
    clock: Clock
    waiting: list[Finished] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, message: Message, outcome: Outcome) -> None:
        """Telegram has answered, or nobody ever will."""
        self.waiting.append(Finished(message, outcome, next_step(message, outcome, self.clock())))
        self._more.set()

    async def run(self, done: asyncio.Event, written: Callable[[Sequence[Finished]], None]) -> None:
        """Write groups until `done` and nothing is left; on trouble try again until they are on disk."""
        ending = asyncio.create_task(self._at_end(done))
        deadline = float("inf")
        try:
            while not (done.is_set() and not self.waiting) and time.monotonic() < deadline:
                await self._more.wait()
                self._more.clear()
                if done.is_set():
                    deadline = min(deadline, time.monotonic() + LAST)
                elif len(self.waiting) < ROWS:
                    await asyncio.sleep(EVERY)
                await self._write_group(written)
        finally:
            ending.cancel()
        if self.waiting:
            log.error(
                "%d results could not be written: they are settled as unknown at the next start", len(self.waiting)
            )

    async def _at_end(self, done: asyncio.Event) -> None:
        await done.wait()
        self._more.set()

    async def _write_group(self, written: Callable[[Sequence[Finished]], None]) -> None:
        group = self.waiting[:ROWS]
        try:
            await self.write(group)
        except StorageBusy as error:
            log.error("%d results wait for the database: %s", len(self.waiting), error)
            await asyncio.sleep(AGAIN)
        else:
            del self.waiting[: len(group)]
            written(group)
        if self.waiting:
            self._more.set()

    async def write(self, group: Sequence[Finished]) -> None:
        """Store what came of these requests, and what it means for their chats, in one commit."""
        if not group:
            return
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
            case OtherWay(because):
                state, why = (State.SENT if message.is_edit else State.WAITING), because
            case MoveChat():
                state = State.GONE if message.is_edit else State.WAITING
        return Result(
            message=message.id,
            chat=message.chat,
            attempt=message.attempt,
            state=state,
            telegram_id=telegram_id,
            sent_version=version,
            not_before=not_before,
            repeats=repeats,
            why=why,
            form=_form(one),
            no_picture=isinstance(one.step, OtherWay) and one.step.here,
            sent_at=now if state is State.SENT and not message.is_edit else None,
        )

    async def _consequences(self, tx: Transaction, one: Finished) -> None:
        """What one answer means for the chat as a whole."""
        match one.outcome:
            case Throttled(seconds, everyone=False):
                await tx.outbox.hold_chat(one.message.recipient, self.clock() + timedelta(seconds=seconds))
            case Unknown() if not one.message.is_edit and one.message.picture_file is None:
                await tx.outbox.picture_refused(one.message)  # the one repeat is not to fail in the same way
            case Sent(file_id=str(file_id)) if one.message.picture_file is None:
                await tx.outbox.picture_known(one.message, file_id)
            case _:
                pass
        match one.step:
            case MoveChat(new):
                await tx.lock_audience()
                await tx.chats.migrate(one.message.chat, new)
            case CloseChat(why):
                await self._close(tx, one.message, why)
            case OtherWay(because, here=False):
                log.info("message %d: its picture is given another way (%s)", one.message.id, because)
                await tx.outbox.picture_refused(one.message)
            case Settle(State.FAILED, _, because):
                log.warning("message %d is refused for good: %s", one.message.id, because)
            case _:
                pass

    async def _close(self, tx: Transaction, message: Message, why: str) -> None:
        chat = await tx.chats.get(message.chat)
        closed = await tx.chats.disconnect(message.chat, why)
        if not closed or chat is None or chat.kind is ChatKind.PRIVATE:
            return
        log.warning("posting to %s stopped: %s", message.chat, why)
        admin = None if chat.added_by is None else ChatId(chat.added_by)
        if admin is not None and await tx.chats.get(admin) is not None:
            if why == "no-rights":
                await self.outgoing.tell(tx, admin, "chat-no-rights", title=chat.title)
            else:
                await self.outgoing.tell(tx, admin, "chat-off", title=chat.title, why=why)
        else:
            await self.outgoing.alarm(tx, "alarm-chat-off", title=chat.title, why=why)


def _form(one: Finished) -> Form | None:
    """What stands in the chat now; None when that is as it was, or when an edit's answer does not tell."""
    if isinstance(one.outcome, Sent) and not (one.message.is_edit and one.outcome.form is Form.TEXT):
        return one.outcome.form
    return None
