"""A newsroom that reads feeds: other people's servers answer as the test tells them, everything behind them is real."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, select

from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, FetchedArticle, Validators
from newsroom.deliveries import Lane
from newsroom.ids import Arrived, ChatId
from newsroom.pages import ArticlePage, site_identity
from services.ingest import Ingest
from services.outgoing import Outgoing
from storage.database import Storage
from storage.inbox import Incoming
from storage.tables import articles, broadcasts, feeds

START = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
EVERY = timedelta(minutes=2)
A, B = "https://a.example/rss", "https://b.example/rss"
ARCHIVE = FetchedArticle("old", "From the archive", "https://a.example/old")
FRESH = FetchedArticle("new", "Just in", "https://a.example/new")

Answer = FeedRead | FeedUnchanged | FeedFailed
Play = Callable[[], Awaitable[Answer]]


def says(*listed: FetchedArticle, etag: str | None = None) -> FeedRead:
    return FeedRead("Feed", listed, Validators(etag))


@dataclass
class Press:
    """Other people's servers: each address answers as it is told, and remembers how it was asked."""

    script: dict[str, Answer | Exception | Play] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    shown: dict[str, Validators] = field(default_factory=dict)
    open: int = 0
    most_open: int = 0

    async def read(self, url: str, validators: Validators) -> Answer:
        self.asked[url] += 1
        self.shown[url] = validators
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            answer = self.script[url]
            if isinstance(answer, Exception):
                raise answer
            return await answer() if callable(answer) else answer
        finally:
            self.open -= 1


@dataclass
class Pages:
    """The site's own pages: what each says of its article."""

    pages: dict[str, ArticlePage] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def article(self, url: str) -> ArticlePage | None:
        self.asked.append(url)
        return self.pages.get(url)

    def identity(self, link: str) -> str | None:
        return site_identity("news-asia", link, "https://news.example/")


@dataclass
class Desk:
    """The ingest over a real database, and what it has written."""

    storage: Storage
    press: Press = field(default_factory=Press)
    site: Pages = field(default_factory=Pages)
    now: datetime = START
    ingest: Ingest = field(init=False)

    async def opens(self, *urls: str, patience: float = 30.0) -> None:
        outgoing = Outgoing(lambda: self.now, (ChatId(-77),))
        every = dict.fromkeys(urls, EVERY)
        self.ingest = Ingest(
            self.storage,
            outgoing,
            self.press,
            self.site,
            lambda: self.now,
            every,
            patience=patience,
            chance=lambda: 0.5,
        )
        await self.ingest.know_feeds()

    async def reads(self, **answers: Answer | Exception | Play) -> None:
        """Everybody's time has come; `a` and `b` answer like this from now on."""
        self.press.script |= {{"a": A, "b": B}[name]: answer for name, answer in answers.items()}
        self.now = max([self.now + EVERY, *[await self.due(url) for url in self.ingest.every]])
        await self.ingest.read_due()

    async def posts(self) -> list[tuple[str, int]]:
        """(headline, version) of what private readers are told, oldest first."""
        rows = await self._rows(select(broadcasts).where(broadcasts.c.kind == "article").order_by(broadcasts.c.id))
        return [(json.loads(row.content)["title"], row.version) for row in rows if row.lane == Lane.PRIVATE]

    async def story(self) -> dict[str, Any]:
        """What the outbox keeps of the newest post."""
        rows = await self._rows(select(broadcasts).where(broadcasts.c.kind == "article").order_by(broadcasts.c.id))
        found: dict[str, Any] = json.loads(rows[-1].content)
        return found | {"picture_version": rows[-1].picture_version}

    async def alarms(self) -> list[tuple[str, dict[str, str]]]:
        rows = await self._rows(select(broadcasts).where(broadcasts.c.kind == "notice").order_by(broadcasts.c.id))
        return [(said["key"], said["words"]) for said in (json.loads(row.content) for row in rows)]

    async def update(self) -> Arrived:
        """Something somebody pressed, waiting in the inbox."""
        async with self.storage.transaction() as tx:
            number = await tx.inbox.waiting() + 1
            await tx.inbox.add([Incoming(1, number, "callback_query", str(number), b"")], self.now)
            (*_, last) = await tx.inbox.next(self.now, (), 10)
            return last.arrived

    async def due(self, url: str) -> datetime:
        (row,) = await self._rows(select(feeds).where(feeds.c.url == url))
        found: datetime = row.next_due_utc
        return found

    async def known(self) -> list[tuple[str, str, str, str]]:
        rows = await self._rows(select(articles).order_by(articles.c.id))
        return [(row.identity, row.title, row.link, row.lead) for row in rows]

    async def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self.storage.reading() as tx:
            found: Sequence[Row[Any]] = (await tx.connection.execute(query)).all()
            return found
