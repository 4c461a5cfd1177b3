"""The inbox: every update is here before Telegram is told that we have it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.errors import AlreadyDone
from newsroom.ids import Arrived
from storage.tables import updates

KEEP_DONE = timedelta(hours=48)  # Telegram itself keeps updates for 24 hours


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
        """The oldest waiting update of each person who has none under way, ready ones only."""
        earlier = updates.alias("earlier")
        first = ~(
            select(earlier.c.arrived)
            .where(
                earlier.c.done_at.is_(None),
                earlier.c.order_key == updates.c.order_key,
                earlier.c.arrived < updates.c.arrived,
            )
            .exists()
        )
        rows = await self.connection.execute(
            select(updates.c.arrived, updates.c.kind, updates.c.order_key, updates.c.payload, updates.c.tries)
            .where(updates.c.done_at.is_(None), updates.c.not_before <= now, first)
            .where(updates.c.order_key.not_in(list(busy)))
            .order_by(updates.c.arrived)
            .limit(limit)
        )
        return tuple(Waiting(Arrived(r.arrived), r.kind, r.order_key, r.payload or b"", r.tries) for r in rows)

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
        await self.connection.execute(
            update(updates)
            .where(updates.c.arrived == arrived, updates.c.done_at.is_(None))
            .values(tries=updates.c.tries + 1, not_before=at)
        )

    async def stop_waiting(self, now: datetime) -> None:
        """The clock that set these waits was wrong."""
        await self.connection.execute(
            update(updates).where(updates.c.done_at.is_(None), updates.c.not_before > now).values(not_before=now)
        )

    async def put_aside(self, arrived: Arrived, why: str, now: datetime) -> None:
        """Give the update up, so that it stands in nobody's way."""
        await self.connection.execute(
            update(updates)
            .where(updates.c.arrived == arrived, updates.c.done_at.is_(None))
            .values(done_at=now, put_aside=why[:200], payload=None)
        )

    async def waiting(self) -> int:
        return await self.connection.scalar(select(func.count()).where(updates.c.done_at.is_(None))) or 0

    async def sweep(self, now: datetime) -> None:
        await self.connection.execute(delete(updates).where(updates.c.done_at < now - KEEP_DONE))
