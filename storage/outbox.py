"""The outbox: what is to be in which chat, what is there, and the way from one to the other."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, String, and_, bindparam, case, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.deliveries import REPEATS, ChatKind, Lane, Message, State
from newsroom.ids import ArticleId, BroadcastId, ChatId, MessageId, RecipientId
from storage.tables import broadcasts, chats, deliveries, messages, recipients

WAITING = literal("waiting", String(), literal_execute=True)  # spelled out: partial indexes are blind to parameters
SENT = literal("sent", String(), literal_execute=True)
OPEN = [WAITING, literal("sending", String(), literal_execute=True)]
PAGE = 500  # recipients expanded in one commit: a few milliseconds of the writer


@dataclass(frozen=True, slots=True)
class Result:
    """What is written back for one request: only the attempt that made it may write it."""

    message: MessageId
    attempt: int
    state: State
    telegram_id: int | None
    sent_version: int | None
    not_before: datetime | None
    repeats: int
    why: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outbox:
    connection: AsyncConnection

    # -- what is wanted ------------------------------------------------------------------------------------------

    async def announce(self, kind: str, article: ArticleId | None, lane: Lane, content: str, now: datetime) -> BroadcastId:
        """One content for everybody on a lane; the caller holds the audience lock."""
        made = await self.connection.scalar(
            insert(broadcasts)
            .values(_broadcast(kind, article, lane, content, now) | {"expanded": False})
            .returning(broadcasts.c.id)
        )
        assert made is not None
        return BroadcastId(made)

    async def tell(self, recipient: RecipientId, kind: str, content: str, now: datetime) -> MessageId:
        """One content for one recipient, on the answers' lane."""
        broadcast = await self.connection.scalar(
            insert(broadcasts)
            .values(_broadcast(kind, None, Lane.ANSWERS, content, now) | {"expanded": True})
            .returning(broadcasts.c.id)
        )
        delivery = await self.connection.scalar(
            insert(deliveries).values(broadcast_id=broadcast, recipient_id=recipient).returning(deliveries.c.id)
        )
        made = await self.connection.scalar(
            insert(messages)
            .values(
                delivery_id=delivery,
                broadcast_id=broadcast,
                recipient_id=recipient,
                lane=Lane.ANSWERS,
                part=0,
                wanted_version=1,
                attempt=0,
                repeats=0,
                state=State.WAITING,
            )
            .returning(messages.c.id)
        )
        assert made is not None
        return MessageId(made)

    async def correct(self, article: ArticleId, content: str) -> int:
        """Raise the version of the article's broadcasts; a cursor of its own then raises every copy."""
        changed = await self.connection.execute(
            update(broadcasts)
            .where(broadcasts.c.article_id == article)
            .values(content=content, version=broadcasts.c.version + 1, correction_cursor=0)
        )
        return changed.rowcount

    # -- from broadcasts to messages, page by page ---------------------------------------------------------------

    async def expand(self, lane: Lane, page: int = PAGE) -> int | None:
        """Make the next page of a lane's deliveries; None when the lane has nothing left to expand.

        Broadcasts of one lane take pages in turn, and a younger one never passes an older one.
        """
        rows = await self.connection.execute(
            select(broadcasts.c.id, broadcasts.c.cursor, broadcasts.c.version)
            .where(~broadcasts.c.expanded, broadcasts.c.lane == lane)
            .order_by(broadcasts.c.id)
        )
        waiting = rows.all()
        if not waiting:
            return None
        turn = min(waiting, key=lambda row: (row.cursor, row.id))
        older = [row.cursor for row in waiting if row.id < turn.id]
        return await self._expand_page(turn.id, turn.version, turn.cursor, lane, page, min(older, default=None))

    async def _expand_page(
        self, broadcast: int, version: int, cursor: int, lane: Lane, page: int, ceiling: int | None
    ) -> int:
        audience = [Lane.CHANNELS, Lane.PRIVATE] if lane is Lane.BREAKING else [lane]
        wanted = (
            select(chats.c.recipient_id)
            .where(chats.c.lane.in_(audience), chats.c.active, chats.c.recipient_id > cursor)
            .where(chats.c.from_broadcast < broadcast)
            .order_by(chats.c.recipient_id)
            .limit(page)
        )
        if ceiling is not None:
            wanted = wanted.where(chats.c.recipient_id <= ceiling)
        found = (await self.connection.scalars(wanted)).all()
        if found:
            made = await self.connection.execute(
                insert(deliveries).returning(deliveries.c.id, deliveries.c.recipient_id),
                [{"broadcast_id": broadcast, "recipient_id": recipient} for recipient in found],
            )
            await self.connection.execute(
                insert(messages),
                [
                    {
                        "delivery_id": row.id,
                        "broadcast_id": broadcast,
                        "recipient_id": row.recipient_id,
                        "lane": lane,
                        "part": 0,
                        "wanted_version": version,
                        "attempt": 0,
                        "repeats": 0,
                        "state": State.WAITING,
                    }
                    for row in sorted(made, key=lambda row: row.recipient_id)
                ],
            )
        at_end = len(found) < page and ceiling is None
        if len(found) < page and ceiling is not None:
            cursor = ceiling  # nobody left below the older broadcast's cursor: stand beside it
        await self.connection.execute(
            update(broadcasts)
            .where(broadcasts.c.id == broadcast)
            .values(cursor=max([cursor, *found]), expanded=at_end)
        )
        return len(found)

    async def raise_versions(self, page: int = PAGE) -> bool:
        """Let the next page of copies want their broadcast's newest version; False when all know it."""
        row = (
            await self.connection.execute(
                select(broadcasts.c.id, broadcasts.c.version, broadcasts.c.correction_cursor)
                .where(broadcasts.c.correction_cursor.is_not(None))
                .order_by(broadcasts.c.correction_cursor, broadcasts.c.id)
                .limit(1)
            )
        ).one_or_none()
        if row is None:
            return False
        found = (
            await self.connection.scalars(
                select(messages.c.recipient_id)
                .where(messages.c.broadcast_id == row.id, messages.c.recipient_id > (row.correction_cursor or 0))
                .order_by(messages.c.recipient_id)
                .limit(page)
            )
        ).all()
        if found:
            await self.connection.execute(
                update(messages)
                .where(
                    messages.c.broadcast_id == row.id,
                    messages.c.recipient_id > (row.correction_cursor or 0),
                    messages.c.recipient_id <= found[-1],
                )
                .values(wanted_version=row.version)
            )
        cursor = found[-1] if len(found) == page else None
        await self.connection.execute(
            update(broadcasts).where(broadcasts.c.id == row.id).values(correction_cursor=cursor)
        )
        return True

    # -- what can be sent now ------------------------------------------------------------------------------------

    async def ready(self, lane: Lane, now: datetime, busy: Collection[RecipientId], limit: int) -> tuple[Message, ...]:
        """The next first send of each chat on a lane, oldest first; never more than one a chat."""
        statement = first_sends(lane, now, limit)
        if busy:
            statement = statement.where(messages.c.recipient_id.not_in(list(busy)))
        return tuple(_read(row) for row in await self.connection.execute(statement))

    async def corrections(self, now: datetime, busy: Collection[RecipientId], limit: int) -> tuple[Message, ...]:
        """Copies that are behind their wanted version."""
        statement = (
            _claimable()
            .where(messages.c.state == SENT, messages.c.wanted_version > messages.c.sent_version)
            .where(or_(messages.c.not_before.is_(None), messages.c.not_before <= now))
            .order_by(messages.c.id)
            .limit(limit)
        )
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

    # -- what came of it -----------------------------------------------------------------------------------------

    async def write_results(self, results: Sequence[Result]) -> None:
        """Store a group of results; a result of an older attempt changes nothing."""
        if not results:
            return
        await self.connection.execute(
            update(messages)
            .where(
                messages.c.id == bindparam("of"),
                messages.c.attempt == bindparam("mine"),
                messages.c.state == State.SENDING,
            )
            .values(
                state=bindparam("becomes"),
                telegram_id=bindparam("id_there"),
                sent_version=bindparam("version"),
                sending_version=None,
                not_before=bindparam("earliest"),
                repeats=bindparam("again"),
                why=bindparam("because"),
                sent_at=bindparam("when"),
            ),
            [
                {
                    "of": r.message,
                    "mine": r.attempt,
                    "becomes": r.state,
                    "id_there": r.telegram_id,
                    "version": r.sent_version,
                    "earliest": r.not_before,
                    "again": r.repeats,
                    "because": r.why and r.why[:200],
                    "when": r.sent_at,
                }
                for r in results
            ],
        )

    async def hold_chat(self, recipient: RecipientId, until: datetime) -> None:
        """Telegram asked this chat to wait; a restart must not forget it."""
        await self.connection.execute(
            update(recipients).where(recipients.c.id == recipient).values(not_before=until)
        )

    async def recover(self) -> tuple[int, int]:
        """After a restart: open edits are repeated, open first sends are unknown and settled by policy.

        Returns (sent one time more, left unknown).
        """
        opened = messages.c.state == State.SENDING
        first = messages.c.sent_version.is_(None)
        await self.connection.execute(
            update(messages).where(opened, ~first).values(state=State.SENT, sending_version=None)
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

    async def release(self, claimed: Collection[MessageId]) -> None:
        """Take the mark back from requests that were never made."""
        await self.connection.execute(
            update(messages)
            .where(messages.c.id.in_(list(claimed)), messages.c.state == State.SENDING)
            .values(
                state=case((messages.c.sent_version.is_not(None), State.SENT), else_=State.WAITING),
                attempt=messages.c.attempt - 1,
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
        open_messages = await self.connection.scalar(
            select(messages.c.id)
            .where(
                or_(
                    messages.c.state.in_(OPEN),
                    and_(messages.c.state == SENT, messages.c.wanted_version > messages.c.sent_version),
                )
            )
            .limit(1)
        )
        return open_broadcasts is None and open_messages is None


def _broadcast(kind: str, article: ArticleId | None, lane: Lane, content: str, now: datetime) -> dict[str, Any]:
    return {
        "kind": kind,
        "article_id": article,
        "lane": lane,
        "content": content,
        "version": 1,
        "pinned": False,
        "cursor": 0,
        "made_at": now,
    }


def _claimable() -> Select[Any]:
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
        )
        .join(recipients, recipients.c.id == messages.c.recipient_id)
        .join(broadcasts, broadcasts.c.id == messages.c.broadcast_id)
        .outerjoin(chats, chats.c.recipient_id == messages.c.recipient_id)
        .where(or_(messages.c.lane == Lane.ANSWERS, chats.c.active))
    )


def first_sends(lane: Lane, now: datetime, limit: int) -> Select[Any]:
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


def _read(row: Row[Any]) -> Message:
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
    )
