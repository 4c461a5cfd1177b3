"""From a feed to the outbox: what is new is announced, what changed is corrected, in one commit."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from newsroom.articles import (
    Changed,
    FeedFailed,
    FeedRead,
    FeedUnchanged,
    New,
    Same,
    Validators,
    decide,
    shown,
    storable,
)
from newsroom.errors import StorageBusy
from newsroom.ids import ArticleId, FeedId
from newsroom.ports import Clock, FeedSource
from services.outgoing import Outgoing
from storage.database import Storage, Transaction
from storage.feeds import Feed

log = logging.getLogger(__name__)

AT_ONCE = 4  # feeds read side by side
PATIENCE = 60.0  # seconds for one read, whatever the source promises: a feed that hangs must not keep its place


@dataclass(frozen=True, slots=True)
class Ingest:
    storage: Storage
    outgoing: Outgoing
    source: FeedSource
    clock: Clock
    every: Mapping[str, timedelta]
    """how often each feed is read, by address"""
    patience: float = PATIENCE
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _under_way: set[FeedId] = field(default_factory=set)

    async def know_feeds(self) -> None:
        """The feeds of the configuration, due at once when they are new."""
        async with self.storage.transaction() as tx:
            for url in self.every:
                await tx.feeds.ensure(url, self.clock())

    async def read_due(self) -> None:
        """Read every feed whose time has come, each on its own; it may be asked again while slow ones are under way."""
        busy = frozenset(self._under_way)  # before the look, or one that ends meanwhile would be read twice
        try:
            async with self.storage.reading() as tx:
                due = await tx.feeds.due(self.clock())
        except StorageBusy as error:
            log.error("the feeds wait for the database: %s", error)
            return
        async with asyncio.TaskGroup() as group:
            for feed in due:
                # a feed taken out of the configuration rests
                if feed.url in self.every and feed.id not in busy | self._under_way:
                    self._under_way.add(feed.id)
                    group.create_task(self._read_in_turn(feed))

    async def _read_in_turn(self, feed: Feed) -> None:
        try:
            async with self._places:
                await self.read(feed)
        finally:
            self._under_way.discard(feed.id)

    async def read(self, feed: Feed) -> None:
        """Read one feed and store what it says; whatever goes wrong with it is nobody else's trouble."""
        try:
            await self._read_or_fail(feed)
        except StorageBusy as error:  # it is still due
            log.error("feed %s waits for the database: %s", shown(feed.url), error)
        except Exception as error:  # noqa: BLE001 - the feed that cannot even be put off must not take the others along
            log.error("feed %s could not be put off: %s", shown(feed.url), type(error).__name__)

    async def _read_or_fail(self, feed: Feed) -> None:
        try:
            async with asyncio.timeout(self.patience):
                answer = await self.source.read(feed.url, feed.validators)
            await self._take(feed, answer)
        except StorageBusy:
            raise
        except Exception as error:  # noqa: BLE001 - whatever was not foreseen counts as a failed read
            kind = type(error).__name__
            log.error("feed %s: an error nobody foresaw: %s%s", shown(feed.url), kind, _place(error))
            await self._failed(feed, FeedFailed("error", f"an error nobody foresaw ({kind})"))

    async def _take(self, feed: Feed, answer: FeedRead | FeedUnchanged | FeedFailed) -> None:
        match answer:
            case FeedFailed():
                await self._failed(feed, answer)
            case FeedUnchanged(validators):
                async with self.storage.transaction() as tx:
                    await self._succeeded(tx, await tx.feeds.get(feed.id), validators)
            case FeedRead():
                await self._store(feed, answer)

    async def _failed(self, feed: Feed, answer: FeedFailed) -> None:
        async with self.storage.transaction() as tx:
            await tx.lock_audience()  # two feeds may fail at once, and the editors' chat is to be known once
            await tx.feeds.schedule(feed.id, self.clock() + self.every[feed.url])
            if await tx.feeds.failed(feed.id, self.clock()):
                log.warning("feed %s cannot be read: %s", shown(feed.url), answer.reason)
                await self.outgoing.alarm(tx, "alarm-feed-failing", url=shown(feed.url), reason=answer.reason)

    async def _succeeded(self, tx: Transaction, fresh: Feed, validators: Validators) -> None:
        await tx.feeds.succeeded(fresh.id, validators, self.clock())
        await tx.feeds.schedule(fresh.id, self.clock() + self.every[fresh.url])
        if fresh.failing_since is not None:
            await tx.lock_audience()
            await self.outgoing.alarm(tx, "alarm-feed-back", url=shown(fresh.url))

    async def _store(self, feed: Feed, answer: FeedRead) -> None:
        articles = [storable(article) for article in answer.articles]
        async with self.storage.transaction() as tx:
            # Before the look at what is known: the same article may come from two feeds in the same second.
            await tx.lock_audience()
            known = await tx.articles.known([article.identity for article in articles])
            fresh = await tx.feeds.get(feed.id)
            decisions = decide(known, articles, feed=feed.id, first_read=fresh.first_read_at is None)
            for decision in decisions:
                match decision:
                    case New(article, announce):
                        made = await tx.articles.add(feed.id, article, self.clock())
                        if announce:
                            await self.outgoing.announce(tx, made, article)
                    case Changed(known_id, article):
                        await tx.articles.change(ArticleId(known_id), article)
                        await self.outgoing.correct(tx, ArticleId(known_id), article)
                    case Same():
                        pass
            await self._succeeded(tx, fresh, answer.validators)


def _place(error: Exception) -> str:
    """Where it happened; the error's own words may quote an address or what somebody wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_code.co_name}" if trace is not None else ""
