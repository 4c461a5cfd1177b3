"""The outbox: which message may be sent now, the mark before it is, and what came of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, and_, bindparam, case, func, literal, or_, select, update

from newsroom.deliveries import REPEATS, ChatKind, Form, Lane, Message, State, Way
from newsroom.ids import BroadcastId, ChatId, MessageId, RecipientId
from storage.broadcasts import Broadcasts
from storage.tables import broadcasts, chats, messages, recipients

WAITING = literal("waiting", String(), literal_execute=True)  # spelled out: partial indexes are blind to parameters
SENT = literal("sent", String(), literal_execute=True)
OPEN = [WAITING, literal("sending", String(), literal_execute=True)]


@dataclass(frozen=True, slots=True)
class Result:
    """What is written back for one request: only the attempt that made it may write it."""

    message: MessageId
    chat: ChatId
    """where it was sent: the chat may have moved in the meantime"""
    attempt: int
    state: State
    telegram_id: int | None
    sent_version: int | None
    not_before: datetime | None
    repeats: int
    why: str | None
    sent_at: datetime | None
    form: Form | None = None
    """null when nothing new stands in the chat"""
    no_picture: bool = False


@dataclass(frozen=True, slots=True)
class Outbox(Broadcasts):
    """What can be sent now, and what came of it; what is wanted stands in Broadcasts."""

    # -- what can be sent now ------------------------------------------------------------------------------------

    async def ready(self, lane: Lane, now: datetime, busy: Collection[RecipientId], limit: int) -> tuple[Message, ...]:
        """The next first send of each chat on a lane, oldest first; never more than one a chat."""
        statement = first_sends(lane, now, limit)
        if busy:
            statement = statement.where(messages.c.recipient_id.not_in(list(busy)))
        return tuple(_read(row) for row in await self.connection.execute(statement))

    async def corrections(self, now: datetime, busy: Collection[RecipientId], limit: int) -> tuple[Message, ...]:
        """Copies that are behind their wanted version."""
        statement = behind(now, limit)
        if busy:
            statement = statement.where(messages.c.recipient_id.not_in(list(busy)))
        return tuple(_read(row) for row in await self.connection.execute(statement))

    async def mark_sending(self, claimed: Sequence[Message]) -> None:
        """Say on disk that these requests may be open, before any of them is."""
        await self.connection.execute(
            update(messages)
            .where(messages.c.id == bindparam("claimed"))
            .values(state=State.SENDING, attempt=messages.c.attempt + 1, sending_version=bindparam("version")),
            [{"claimed": message.id, "version": message.wanted_version} for message in claimed],
        )

    async def waiting(self, lane: Lane, limit: int, now: datetime) -> int:
        """How many first sends could go now on a lane, counted no further than `limit`."""
        some = (
            select(literal(1))
            .join(recipients, recipients.c.id == messages.c.recipient_id)
            .where(messages.c.state == WAITING, messages.c.lane == lane)
            .where(or_(messages.c.not_before.is_(None), messages.c.not_before <= now))
            .where(or_(recipients.c.not_before.is_(None), recipients.c.not_before <= now))
            .limit(limit)
        )
        return await self.connection.scalar(select(func.count()).select_from(some.subquery())) or 0

    # -- the picture ---------------------------------------------------------------------------------------------

    async def picture_refused(self, message: Message) -> None:
        """The next copies of the broadcast give Telegram the picture another way."""
        await self.connection.execute(
            update(broadcasts)
            .where(broadcasts.c.id == message.broadcast, broadcasts.c.picture_version == message.picture_version)
            .where(broadcasts.c.picture_way == message.picture_way)
            .where(broadcasts.c.picture_file.is_not_distinct_from(message.picture_file))
            .values(picture_way=min(message.picture_way + 1, Way.NONE), picture_file=None)
        )

    async def picture_known(self, message: Message, file_id: str) -> None:
        """Telegram has the picture: the next copies name it instead of handing it over again."""
        await self.connection.execute(
            update(broadcasts)
            .where(broadcasts.c.id == message.broadcast, broadcasts.c.picture_version == message.picture_version)
            .where(broadcasts.c.picture_file.is_(None))
            .values(picture_file=file_id)
        )

    # -- what came of it -----------------------------------------------------------------------------------------

    async def write_results(self, results: Sequence[Result]) -> None:
        """Store a group of results; a result of an older attempt changes nothing.

        What would be sent again to a chat that has left in the meantime is cancelled instead; what was accepted under
        an id the chat no longer has is gone.
        """
        if not results:
            return
        here = select(recipients.c.chat_id).where(recipients.c.id == messages.c.recipient_id).scalar_subquery()
        await self.connection.execute(
            update(messages)
            .where(
                messages.c.id == bindparam("of"),
                messages.c.attempt == bindparam("mine"),
                messages.c.state == State.SENDING,
            )
            .values(
                state=case(
                    (and_(bindparam("becomes") == State.WAITING, _unwanted()), State.CANCELLED),
                    (and_(bindparam("becomes") == State.SENT, here != bindparam("there")), State.GONE),
                    else_=bindparam("becomes"),
                ),
                form=func.coalesce(bindparam("shape", type_=messages.c.form.type), messages.c.form),
                no_picture=or_(messages.c.no_picture, bindparam("unwelcome", type_=messages.c.no_picture.type)),
                telegram_id=bindparam("id_there"),
                sent_version=bindparam("version"),
                sending_version=None,
                not_before=bindparam("earliest"),
                repeats=bindparam("again"),
                why=bindparam("because"),
                sent_at=func.coalesce(messages.c.sent_at, bindparam("when", type_=messages.c.sent_at.type)),
            ),
            [
                {
                    "of": r.message,
                    "there": r.chat,
                    "mine": r.attempt,
                    "becomes": r.state,
                    "id_there": r.telegram_id,
                    "version": r.sent_version,
                    "earliest": r.not_before,
                    "again": r.repeats,
                    "because": r.why and r.why[:200],
                    "when": r.sent_at,
                    "shape": r.form,
                    "unwelcome": r.no_picture,
                }
                for r in results
            ],
        )

    async def hold_chat(self, recipient: RecipientId, until: datetime) -> None:
        """Telegram asked this chat to wait; a restart must not forget it."""
        await self.connection.execute(update(recipients).where(recipients.c.id == recipient).values(not_before=until))

    async def stop_waiting(self) -> None:
        """The clock that set these waits was wrong; the gate still knows the real ones."""
        await self.connection.execute(
            update(messages).where(messages.c.not_before.is_not(None)).values(not_before=None)
        )
        await self.connection.execute(
            update(recipients).where(recipients.c.not_before.is_not(None)).values(not_before=None)
        )

    async def recover(self, in_hand: Collection[MessageId] = ()) -> tuple[int, int]:
        """After a restart: open edits are repeated, open first sends are unknown and settled by policy.

        What this process has in hand is left alone. Returns (sent one time more, left unknown).
        """
        opened = and_(
            messages.c.state.in_(OPEN), messages.c.state == State.SENDING, messages.c.id.not_in(list(in_hand))
        )
        first = messages.c.sent_version.is_(None)
        await self.connection.execute(
            update(messages).where(opened, ~first).values(state=State.SENT, sending_version=None)
        )
        await self.connection.execute(
            update(messages).where(opened, first, _unwanted()).values(state=State.CANCELLED, sending_version=None)
        )
        again = await self.connection.execute(
            update(messages)
            .where(opened, first, messages.c.repeats < REPEATS)
            .values(state=State.WAITING, sending_version=None, repeats=messages.c.repeats + 1, why="killed while open")
        )
        left = await self.connection.execute(
            update(messages)
            .where(opened, first)
            .values(state=State.UNKNOWN, sending_version=None, why="killed while open")
        )
        return again.rowcount, left.rowcount

    async def release_all_but(self, in_hand: Collection[MessageId]) -> None:
        """Take the mark back from requests that were never made: the commit of their claim looked like a failure."""
        await self.connection.execute(
            update(messages)
            .where(messages.c.state.in_(OPEN), messages.c.state == State.SENDING)
            .where(messages.c.id.not_in(list(in_hand)))
            .values(
                state=case(
                    (messages.c.sent_version.is_not(None), State.SENT),
                    (_unwanted(), State.CANCELLED),
                    else_=State.WAITING,
                ),
                sending_version=None,
            )
        )

    async def counts(self) -> dict[State, int]:
        rows = await self.connection.execute(
            select(messages.c.state, func.count().label("many")).group_by(messages.c.state)
        )
        return {State(row.state): row.many for row in rows}

    async def idle(self) -> bool:
        """Nothing to expand, to raise, to send or to correct."""
        open_broadcasts = await self.connection.scalar(
            select(broadcasts.c.id)
            .where(or_(~broadcasts.c.expanded, broadcasts.c.correction_cursor.is_not(None)))
            .limit(1)
        )
        open_messages = await self.connection.scalar(select(messages.c.id).where(messages.c.state.in_(OPEN)).limit(1))
        behind = await self.connection.scalar(
            select(messages.c.id)
            .join(chats, chats.c.recipient_id == messages.c.recipient_id)
            .where(messages.c.state == SENT, messages.c.wanted_version > messages.c.sent_version, chats.c.active)
            .limit(1)
        )
        return open_broadcasts is None and open_messages is None and behind is None


def _unwanted() -> ColumnElement[bool]:
    """The chat has left since this was made for it (and may have come back: then it begins anew)."""
    wanted = (
        select(chats.c.recipient_id)
        .where(chats.c.recipient_id == messages.c.recipient_id, chats.c.active)
        .where(chats.c.from_broadcast < messages.c.broadcast_id)
        .exists()
    )
    return and_(messages.c.lane != Lane.ANSWERS, ~wanted)


def _claimable() -> Select[*tuple[Any, ...]]:
    """A message with all that sending it takes; its version is the broadcast's newest."""
    return (
        select(
            messages.c.id,
            messages.c.broadcast_id,
            messages.c.recipient_id,
            recipients.c.chat_id,
            recipients.c.kind,
            messages.c.lane,
            broadcasts.c.version,
            messages.c.sent_version,
            messages.c.telegram_id,
            messages.c.attempt,
            messages.c.repeats,
            broadcasts.c.content,
            chats.c.language,
            messages.c.form,
            messages.c.no_picture,
            broadcasts.c.picture_way,
            broadcasts.c.picture_file,
            broadcasts.c.picture_version,
        )
        .join(recipients, recipients.c.id == messages.c.recipient_id)
        .join(broadcasts, broadcasts.c.id == messages.c.broadcast_id)
        .outerjoin(chats, chats.c.recipient_id == messages.c.recipient_id)
        .where(or_(messages.c.lane == Lane.ANSWERS, chats.c.active))
    )


def first_sends(lane: Lane, now: datetime, limit: int) -> Select[*tuple[Any, ...]]:
    """The claim: waiting, allowed now, and nothing earlier open in the same chat."""
    earlier = messages.alias("earlier")
    blocked = (
        select(earlier.c.id)
        .where(
            earlier.c.recipient_id == messages.c.recipient_id,
            earlier.c.state.in_(OPEN),
            earlier.c.id != messages.c.id,
            or_(
                earlier.c.state == State.SENDING,
                earlier.c.lane < messages.c.lane,
                and_(earlier.c.lane == messages.c.lane, earlier.c.broadcast_id < messages.c.broadcast_id),
                and_(earlier.c.broadcast_id == messages.c.broadcast_id, earlier.c.part < messages.c.part),
            ),
        )
        .exists()
    )
    return (
        _claimable()
        .where(messages.c.state == WAITING, messages.c.lane == lane, ~blocked)
        .where(or_(messages.c.not_before.is_(None), messages.c.not_before <= now))
        .where(or_(recipients.c.not_before.is_(None), recipients.c.not_before <= now))
        .order_by(messages.c.id)
        .limit(limit)
    )


def behind(now: datetime, limit: int) -> Select[*tuple[Any, ...]]:
    """The copies that may be brought up to date now."""
    return (
        _claimable()
        .where(messages.c.state == SENT, messages.c.wanted_version > messages.c.sent_version)
        .where(or_(messages.c.not_before.is_(None), messages.c.not_before <= now))
        .where(or_(recipients.c.not_before.is_(None), recipients.c.not_before <= now))
        .order_by(messages.c.id)
        .limit(limit)
    )


def _read(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(
        id=MessageId(row.id),
        broadcast=BroadcastId(row.broadcast_id),
        recipient=RecipientId(row.recipient_id),
        chat=ChatId(row.chat_id),
        kind=ChatKind(row.kind),
        lane=Lane(row.lane),
        wanted_version=row.version,
        sent_version=row.sent_version,
        telegram_id=row.telegram_id,
        attempt=row.attempt + 1,
        repeats=row.repeats,
        content=row.content,
        language=row.language,
        form=None if row.form is None else Form(row.form),
        no_picture=row.no_picture,
        picture_way=Way(row.picture_way),
        picture_file=row.picture_file,
        picture_version=row.picture_version,
    )
