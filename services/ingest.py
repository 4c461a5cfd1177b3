"""From a feed to the outbox: what is new is announced, what changed is corrected, in one commit."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from newsroom.arrivals import Guard, Hold, Keep, Post, Twin, belongs, fates, needs_its_page, with_page
from newsroom.articles import (
    LINK,
    Changed,
    FeedFailed,
    FeedRead,
    FeedUnchanged,
    FetchedArticle,
    KnownArticle,
    New,
    Same,
    decide,
    shown,
    storable,
    with_aliases,
)
from newsroom.errors import StorageBusy
from newsroom.ids import ArticleId, FeedId, StormId
from newsroom.pages import ArticlePage
from newsroom.polling import next_read
from newsroom.ports import Clock, FeedSource, SiteSource
from services.outgoing import Outgoing
from storage.database import Storage, Transaction
from storage.feeds import Feed

log = logging.getLogger(__name__)

AT_ONCE = 4  # feeds read side by side
FORGET_MOVE = 5  # failures in a row, and a feed that moved is looked for where the configuration says
FEW = 3  # articles that a feed that was empty may begin with
PAGES = 40  # article pages asked for in one read: more at once is a storm, or an archive
PAGES_PATIENCE = 15.0  # seconds for all of them
TWINS = timedelta(hours=12)  # how far back the other address of an article is looked for
GUARD = Guard()
PATIENCE = 60.0  # seconds for one read, whatever the source promises: a feed that hangs must not keep its place


@dataclass(frozen=True, slots=True)
class Ingest:
    storage: Storage
    outgoing: Outgoing
    source: FeedSource
    site: SiteSource
    clock: Clock
    every: Mapping[str, timedelta]
    """how often each feed is read, by address"""
    guard: Guard = GUARD
    chance: Callable[[], float] = random.random
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
                answer = await self.source.read(feed.address, feed.validators)
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
            case FeedUnchanged():
                async with self.storage.transaction() as tx:
                    await self._succeeded(tx, await tx.feeds.get(feed.id), answer)
            case FeedRead():
                await self._store(feed, answer)

    async def _failed(self, feed: Feed, answer: FeedFailed) -> None:
        async with self.storage.transaction() as tx:
            await tx.lock_audience()  # two feeds may fail at once, and the editors' chat is to be known once
            failures = await tx.feeds.failed(feed.id, self.clock())
            await self._schedule(tx, feed, failures, answer.retry_after)
            if failures == FORGET_MOVE:
                await tx.feeds.moved(feed.id, None)
            if failures == 1:
                log.warning("feed %s cannot be read: %s", shown(feed.url), answer.reason)
                await self.outgoing.alarm(tx, "alarm-feed-failing", url=shown(feed.url), reason=answer.reason)

    async def _schedule(self, tx: Transaction, feed: Feed, failures: int, retry_after: float | None = None) -> None:
        due = next_read(self.clock(), self.every[feed.url], failures, retry_after, self.chance())
        await tx.feeds.schedule(feed.id, due)

    async def _succeeded(self, tx: Transaction, fresh: Feed, answer: FeedRead | FeedUnchanged) -> None:
        await tx.feeds.succeeded(fresh.id, answer.validators, self.clock())
        await self._schedule(tx, fresh, failures=0)
        if answer.moved_to is not None and answer.moved_to != fresh.moved_to and len(answer.moved_to) <= LINK:
            log.warning("feed %s lives at %s from now on", shown(fresh.url), shown(answer.moved_to))
            await tx.feeds.moved(fresh.id, answer.moved_to)
        if fresh.failing_since is not None:
            await tx.lock_audience()
            await self.outgoing.alarm(tx, "alarm-feed-back", url=shown(fresh.url))

    async def _store(self, feed: Feed, answer: FeedRead) -> None:
        articles = with_aliases([storable(article) for article in answer.articles], self.site.identity)
        articles = await self._completed(feed, articles)
        async with self.storage.transaction() as tx:
            # Before the look at what is known: the same article may come from two feeds in the same second.
            await tx.lock_audience()
            known = await tx.articles.known(_names(articles))
            fresh = await tx.feeds.get(feed.id)
            new: list[New] = []
            for decision in decide(known, articles, feed=feed.id, first_read=await _is_archive(tx, fresh, articles)):
                match decision:
                    case New():
                        new.append(decision)
                    case Changed(known_id, article):
                        await self._correct(tx, ArticleId(known_id), article, known)
                    case Same(known_id, article):
                        await tx.articles.also_known(ArticleId(known_id), _unknown(article, known))
            await self._arrive(tx, feed, new)
            await self._succeeded(tx, fresh, answer)

    async def _completed(self, feed: Feed, articles: list[FetchedArticle]) -> list[FetchedArticle]:
        """The articles, new ones with what their own pages add; the pages are read before the database is held."""
        async with self.storage.reading() as tx:
            known = await tx.articles.known(_names(articles))
            first_read = await _is_archive(tx, await tx.feeds.get(feed.id), articles)
            recent = await tx.articles.recent(self.clock() - TWINS)
        new = [one for one in decide(known, articles, feed=feed.id, first_read=first_read) if isinstance(one, New)]
        wanted = [one.article for one in fates(new, recent, self.clock(), self.guard) if isinstance(one, Post)]
        wanted = [article for article in wanted if needs_its_page(article)][:PAGES]
        read = {article.identity: with_page(article, page) async for article, page in self._pages_of(wanted)}
        return [storable(read.get(article.identity, article)) for article in articles]

    async def _pages_of(self, articles: Sequence[FetchedArticle]) -> AsyncIterator[tuple[FetchedArticle, ArticlePage]]:
        """One page after another, as a polite guest does; when it takes too long, the rest go out without."""
        deadline = time.monotonic() + PAGES_PATIENCE
        for article in articles:
            if time.monotonic() > deadline:
                log.warning("article pages take too long: posts go out without what they would have added")
                return
            page = await self.site.article(article.link)
            if page is not None and belongs(article, page):
                yield article, page

    async def _correct(
        self, tx: Transaction, known_id: ArticleId, article: FetchedArticle, known: Mapping[str, KnownArticle]
    ) -> None:
        """The feed's new words; what only the article's page had said stays."""
        before = await tx.articles.get(known_id)
        after = replace(
            article,
            title=article.title or before.title,
            lead=article.lead or before.lead,
            image=article.image or before.image,
            categories=article.categories or before.categories,
            graphic=article.graphic or before.graphic,
            published=article.published or before.published,
            said=article.content_hash,
        )
        await tx.articles.also_known(known_id, _unknown(article, known))
        await tx.articles.change(known_id, after)
        await self.outgoing.correct(tx, known_id, after, new_picture=after.image != before.image)

    async def _arrive(self, tx: Transaction, feed: Feed, new: Sequence[New]) -> None:
        """Post what is news, and remember the rest."""
        now = self.clock()
        made: dict[str, ArticleId] = {}
        storm: StormId | None = None
        held = 0
        for fate in fates(new, await tx.articles.recent(now - TWINS) if new else (), now, self.guard):
            match fate:
                case Post(article):
                    made[article.identity] = await tx.articles.add(feed.id, article, now)
                    await self.outgoing.announce(tx, made[article.identity], article)
                case Keep(article):
                    made[article.identity] = await tx.articles.add(feed.id, article, now)
                case Hold(article) if not self.outgoing.editors:
                    log.warning("an old article that is new to us is not posted: there are no editors to ask")
                    made[article.identity] = await tx.articles.add(feed.id, article, now)
                case Hold(article):
                    storm = storm or await tx.articles.open_storm(feed.id, now)
                    made[article.identity] = await tx.articles.add(feed.id, article, now, storm)
                    held += 1
                case Twin(of, article):
                    first = made[of] if isinstance(of, str) else of
                    await tx.articles.also_known(first, article.identities, twin=True)
        if storm is not None:
            log.warning("feed %s: %d articles are held: they are new to us, and old", shown(feed.url), held)
            buttons = [("button-storm-post", f"storm:{storm}:1"), ("button-storm-drop", f"storm:{storm}:0")]
            await self.outgoing.consult(tx, "storm-held", buttons, url=shown(feed.url), count=held)


async def _is_archive(tx: Transaction, feed: Feed, articles: Sequence[FetchedArticle]) -> bool:
    """Whether this read shows what was there before us: the first one, or the first that is not empty.

    A feed that was empty for a moment would pour its archive out; one that is new begins with a few articles.
    """
    if feed.first_read_at is None:
        return True
    return len(articles) > FEW and not await tx.articles.any_of(feed.id)


def _names(articles: Sequence[FetchedArticle]) -> list[str]:
    return [name for article in articles for name in article.identities]


def _unknown(article: FetchedArticle, known: Mapping[str, KnownArticle]) -> list[str]:
    """The names under which an article that we know has not come before."""
    return [name for name in article.identities if name not in known]


def _place(error: Exception) -> str:
    """Where it happened; the error's own words may quote an address or what somebody wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_code.co_name}" if trace is not None else ""
