"""The inbox: every update is here before Telegram is told that we have it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.errors import AlreadyDone
from newsroom.ids import Arrived
from storage.tables import updates

KEEP_DONE = timedelta(hours=48)  # Telegram itself keeps updates for 24 hours
PAGE = 1000

_WAITING = select(
    updates.c.arrived,
    updates.c.kind,
    updates.c.order_key,
    updates.c.payload,
    updates.c.tries,
    updates.c.received_at,
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """An update as it came, its payload sealed."""

    bot_id: int
    update_id: int
    kind: str
    order_key: str
    payload: bytes
    poll_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An update that still has to be handled."""

    arrived: Arrived
    kind: str
    order_key: str
    payload: bytes
    tries: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    connection: AsyncConnection

    async def add(self, incoming: Collection[Incoming], now: datetime) -> int:
        """Store what came; an update handed over twice is stored once. Returns how many were new."""
        if not incoming:
            return 0
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        rows = [
            {
                "bot_id": one.bot_id,
                "update_id": one.update_id,
                "kind": one.kind,
                "order_key": one.order_key,
                "poll_id": one.poll_id,
                "payload": one.payload,
                "received_at": now,
                "tries": 0,
                "not_before": now,
            }
            for one in incoming
        ]
        statement = dialect.insert(updates).values(rows).on_conflict_do_nothing(index_elements=["bot_id", "update_id"])
        added = await self.connection.execute(statement.returning(updates.c.arrived))
        return len(added.all())

    async def next(self, now: datetime, busy: Collection[str], limit: int) -> tuple[Waiting, ...]:
        """The oldest waiting update of each person who has none under way, ready ones only.

        However many of one person's updates wait, they are one place in the row.
        """
        first = (
            select(func.min(updates.c.arrived).label("arrived"))
            .where(updates.c.done_at.is_(None))
            .group_by(updates.c.order_key)
            .subquery()
        )
        rows = await self.connection.execute(
            _WAITING.join(first, first.c.arrived == updates.c.arrived)
            .where(updates.c.not_before <= now, updates.c.order_key.not_in(list(busy)))
            .order_by(updates.c.arrived)
            .limit(limit)
        )
        return tuple(_read(row) for row in rows)

    async def page(self, after: Arrived, limit: int = PAGE) -> tuple[Waiting, ...]:
        """Whatever waits, ready or not, that came after this one."""
        rows = await self.connection.execute(
            _WAITING.where(updates.c.done_at.is_(None), updates.c.arrived > after)
            .order_by(updates.c.arrived)
            .limit(limit)
        )
        return tuple(_read(row) for row in rows)

    async def done(self, arrived: Arrived, now: datetime) -> None:
        """Mark the update handled, in the transaction of its fact. Raises AlreadyDone when it was."""
        changed = await self.connection.execute(
            update(updates)
            .where(updates.c.arrived == arrived, updates.c.done_at.is_(None))
            .values(done_at=now, payload=None)
        )
        if changed.rowcount != 1:
            raise AlreadyDone

    async def is_done(self, arrived: Arrived) -> bool:
        return await self.connection.scalar(select(updates.c.done_at).where(updates.c.arrived == arrived)) is not None

    async def try_later(self, arrived: Arrived, at: datetime) -> None:
        """It failed; a try is spent."""
        await self.connection.execute(
            update(updates)
            .where(updates.c.arrived == arrived, updates.c.done_at.is_(None))
            .values(tries=updates.c.tries + 1, not_before=at)
        )

    async def wait(self, arrived: Arrived, until: datetime) -> None:
        """Not now, through no fault of its own: no try is spent."""
        await self.connection.execute(
            update(updates).where(updates.c.arrived == arrived, updates.c.done_at.is_(None)).values(not_before=until)
        )

    async def stop_waiting(self, now: datetime, beyond: timedelta = timedelta(0)) -> None:
        """The clock that set these waits, longer than `beyond`, was wrong."""
        await self.connection.execute(
            update(updates)
            .where(updates.c.done_at.is_(None), updates.c.not_before > now + beyond)
            .values(not_before=now)
        )

    async def put_aside(self, arrived: Sequence[Arrived], why: str, now: datetime) -> None:
        """Give these updates up, so that they stand in nobody's way."""
        for start in range(0, len(arrived), PAGE):
            await self.connection.execute(
                update(updates)
                .where(updates.c.arrived.in_(arrived[start : start + PAGE]), updates.c.done_at.is_(None))
                .values(done_at=now, put_aside=why[:200], payload=None)
            )

    async def waiting(self) -> int:
        return await self.connection.scalar(select(func.count()).where(updates.c.done_at.is_(None))) or 0

    async def sweep(self, now: datetime) -> None:
        await self.connection.execute(delete(updates).where(updates.c.done_at < now - KEEP_DONE))


def _read(row: Row[*tuple[Any, ...]]) -> Waiting:
    return Waiting(Arrived(row.arrived), row.kind, row.order_key, row.payload or b"", row.tries, row.received_at)
