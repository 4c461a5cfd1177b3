"""Broadcasts: one content for one audience, turned page by page into a message for each recipient."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.deliveries import Lane, State, Way
from newsroom.ids import ArticleId, BroadcastId, MessageId, RecipientId
from storage.tables import broadcasts, chats, deliveries, messages

PAGE = 500  # recipients expanded in one commit: a few milliseconds of the writer


@dataclass(frozen=True, slots=True)
class Broadcasts:
    connection: AsyncConnection

    # -- what is wanted ------------------------------------------------------------------------------------------

    async def announce(
        self, kind: str, article: ArticleId | None, lane: Lane, content: str, now: datetime
    ) -> BroadcastId:
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

    async def correct(self, article: ArticleId, content: str, *, new_picture: bool = False) -> int:
        """Raise the version of the article's broadcasts; a cursor of its own then raises every copy."""
        newest = broadcasts.c.version + 1
        picture = {"picture_version": newest, "picture_way": Way.ADDRESS, "picture_file": None} if new_picture else {}
        changed = await self.connection.execute(
            update(broadcasts)
            .where(broadcasts.c.article_id == article)
            .values(content=content, version=newest, correction_cursor=0, **picture)
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
            .where(chats.c.from_broadcast < broadcast, ~_delivered(broadcast))
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
            update(broadcasts).where(broadcasts.c.id == broadcast).values(cursor=max([cursor, *found]), expanded=at_end)
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
            # A chat that is switched off wants nothing; when it comes back, chats.connect catches up.
            here = select(chats.c.recipient_id).where(chats.c.recipient_id == messages.c.recipient_id, chats.c.active)
            await self.connection.execute(
                update(messages)
                .where(
                    messages.c.broadcast_id == row.id,
                    messages.c.recipient_id > (row.correction_cursor or 0),
                    messages.c.recipient_id <= found[-1],
                    here.exists(),
                )
                .values(wanted_version=row.version)
            )
        cursor = found[-1] if len(found) == page else None
        await self.connection.execute(
            update(broadcasts).where(broadcasts.c.id == row.id).values(correction_cursor=cursor)
        )
        return True


def _delivered(broadcast: int) -> ColumnElement[bool]:
    """The chat already has this broadcast: it came under the id of the group that the chat was before."""
    return (
        select(deliveries.c.id)
        .where(deliveries.c.broadcast_id == broadcast, deliveries.c.recipient_id == chats.c.recipient_id)
        .exists()
    )


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
