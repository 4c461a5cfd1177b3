"""Feeds: where each was left off, and when it is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, update
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
    failures: int = 0
    """in a row"""
    moved_to: str | None = None
    """where the server said it lives now; null while it never did"""

    @property
    def address(self) -> str:
        """Where it is read."""
        return self.moved_to or self.url


_FEED = select(
    feeds.c.id,
    feeds.c.url,
    feeds.c.etag,
    feeds.c.last_modified,
    feeds.c.body_hash,
    feeds.c.first_read_at,
    feeds.c.failing_since,
    feeds.c.failures,
    feeds.c.moved_to,
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
                failures=0,
            )
        )
        await self.connection.execute(
            update(feeds).where(feeds.c.id == feed, feeds.c.first_read_at.is_(None)).values(first_read_at=now)
        )

    async def moved(self, feed: FeedId, address: str | None) -> None:
        """From now on the feed is read there; None: where the configuration says."""
        await self.connection.execute(update(feeds).where(feeds.c.id == feed).values(moved_to=address))

    async def failed(self, feed: FeedId, now: datetime) -> int:
        """Remember the failure; returns how many there were in a row."""
        failures = await self.connection.scalar(
            update(feeds)
            .where(feeds.c.id == feed)
            .values(failures=feeds.c.failures + 1, failing_since=func.coalesce(feeds.c.failing_since, now))
            .returning(feeds.c.failures)
        )
        return failures or 0


def _read(row: Row[*tuple[Any, ...]]) -> Feed:
    return Feed(
        FeedId(row.id),
        row.url,
        Validators(row.etag, row.last_modified, row.body_hash),
        row.first_read_at,
        row.failing_since,
        row.failures,
        row.moved_to,
    )
