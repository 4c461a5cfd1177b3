"""From a feed to the outbox: what is new is announced, what changed is corrected, in one commit."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from newsroom.articles import Changed, FeedFailed, FeedRead, FeedUnchanged, New, Same, decide
from newsroom.ids import ArticleId, FeedId
from newsroom.ports import Clock, FeedSource
from services.outgoing import Outgoing
from storage.database import Storage
from storage.feeds import Feed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ingest:
    storage: Storage
    outgoing: Outgoing
    source: FeedSource
    clock: Clock
    every: Mapping[str, timedelta]
    """how often each feed is read, by address"""

    async def know_feeds(self) -> None:
        """The feeds of the configuration, due at once when they are new."""
        async with self.storage.transaction() as tx:
            for url in self.every:
                await tx.feeds.ensure(url, self.clock())

    async def read_due(self) -> None:
        """Read every feed whose time has come."""
        async with self.storage.reading() as tx:
            due = await tx.feeds.due(self.clock())
        for feed in due:
            if feed.url in self.every:  # a feed taken out of the configuration rests
                await self.read(feed)

    async def read(self, feed: Feed) -> None:
        """Read one feed and store what it says."""
        answer = await self.source.read(feed.url, feed.validators)
        match answer:
            case FeedFailed():
                await self._failed(feed, answer)
            case FeedUnchanged(validators):
                async with self.storage.transaction() as tx:
                    await tx.feeds.succeeded(feed.id, validators, self.clock())
                    await tx.feeds.schedule(feed.id, self.clock() + self.every[feed.url])
            case FeedRead():
                await self._store(feed, answer)

    async def _failed(self, feed: Feed, answer: FeedFailed) -> None:
        async with self.storage.transaction() as tx:
            await tx.feeds.schedule(feed.id, self.clock() + self.every[feed.url])
            if await tx.feeds.failed(feed.id, self.clock()):
                log.warning("feed %s cannot be read: %s", feed.url, answer.reason)
                await self.outgoing.alarm(tx, "alarm-feed-failing", url=feed.url, reason=answer.reason)

    async def _store(self, feed: Feed, answer: FeedRead) -> None:
        async with self.storage.transaction() as tx:
            # Before the look at what is known: the same article may come from two feeds in the same second.
            await tx.lock_audience()
            known = await tx.articles.known([article.identity for article in answer.articles])
            fresh = await tx.feeds.get(feed.id)
            decisions = decide(known, answer.articles, feed=feed.id, first_read=fresh.first_read_at is None)
            for decision in decisions:
                match decision:
                    case New(article, announce):
                        made = await tx.articles.add(FeedId(feed.id), article, self.clock())
                        if announce:
                            await self.outgoing.announce(tx, made, article)
                    case Changed(known_id, article):
                        await tx.articles.change(ArticleId(known_id), article)
                        await self.outgoing.correct(tx, ArticleId(known_id), article)
                    case Same():
                        pass
            await tx.feeds.succeeded(feed.id, answer.validators, self.clock())
            await tx.feeds.schedule(feed.id, self.clock() + self.every[feed.url])
            if fresh.failing_since is not None:
                await self.outgoing.alarm(tx, "alarm-feed-back", url=feed.url)
