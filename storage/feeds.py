"""Feeds: where each was left off, and when it is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.articles import Validators
from newsroom.ids import FeedId
from storage.tables import feeds


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as we left it."""

    id: FeedId
    url: str
    validators: Validators
    first_read_at: datetime | None
    failing_since: datetime | None


_FEED = select(
    feeds.c.id,
    feeds.c.url,
    feeds.c.etag,
    feeds.c.last_modified,
    feeds.c.body_hash,
    feeds.c.first_read_at,
    feeds.c.failing_since,
)


@dataclass(frozen=True, slots=True)
class Feeds:
    connection: AsyncConnection

    async def ensure(self, url: str, now: datetime) -> FeedId:
        """The feed's id, made due at once when it is new."""
        found = await self.connection.scalar(select(feeds.c.id).where(feeds.c.url == url))
        if found is None:
            found = await self.connection.scalar(insert(feeds).values(url=url, next_due_utc=now).returning(feeds.c.id))
        assert found is not None
        return FeedId(found)

    async def due(self, now: datetime) -> tuple[Feed, ...]:
        rows = await self.connection.execute(_FEED.where(feeds.c.next_due_utc <= now).order_by(feeds.c.next_due_utc))
        return tuple(_read(row) for row in rows)

    async def get(self, feed: FeedId) -> Feed:
        return _read((await self.connection.execute(_FEED.where(feeds.c.id == feed))).one())

    async def schedule(self, feed: FeedId, due: datetime) -> None:
        await self.connection.execute(update(feeds).where(feeds.c.id == feed).values(next_due_utc=due))

    async def stop_waiting(self, now: datetime) -> None:
        """The clock that planned these reads was wrong."""
        await self.connection.execute(update(feeds).where(feeds.c.next_due_utc > now).values(next_due_utc=now))

    async def wait_no_longer_than(self, url: str, every: timedelta, now: datetime) -> None:
        """A feed due later than its interval allows was planned by a clock that was wrong."""
        await self.connection.execute(
            update(feeds).where(feeds.c.url == url, feeds.c.next_due_utc > now + every).values(next_due_utc=now)
        )

    async def succeeded(self, feed: FeedId, validators: Validators, now: datetime) -> None:
        await self.connection.execute(
            update(feeds)
            .where(feeds.c.id == feed)
            .values(
                etag=validators.etag,
                last_modified=validators.last_modified,
                body_hash=validators.body_hash,
                failing_since=None,
            )
        )
        await self.connection.execute(
            update(feeds).where(feeds.c.id == feed, feeds.c.first_read_at.is_(None)).values(first_read_at=now)
        )

    async def failed(self, feed: FeedId, now: datetime) -> bool:
        """Remember the failure; True when it is the first of a row."""
        changed = await self.connection.execute(
            update(feeds).where(feeds.c.id == feed, feeds.c.failing_since.is_(None)).values(failing_since=now)
        )
        return changed.rowcount == 1


def _read(row: Row[*tuple[Any, ...]]) -> Feed:
    return Feed(
        FeedId(row.id),
        row.url,
        Validators(row.etag, row.last_modified, row.body_hash),
        row.first_read_at,
        row.failing_since,
    )
