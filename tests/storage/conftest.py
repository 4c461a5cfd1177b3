"""A newsroom with nothing but its database: chats connect, articles are announced, and we say what Telegram answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.keyring import keyring_from, new_secret
from newsroom.articles import FetchedArticle
from newsroom.chats import kind_by_id
from newsroom.deliveries import Lane, Message, Outcome, Sent, State
from newsroom.ids import ArticleId, BroadcastId, ChatId
from services.outgoing import Outgoing
from services.results import Results
from storage.database import Storage, migrate, open_storage
from storage.tables import messages, recipients

START = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
LANES = (Lane.ANSWERS, Lane.BREAKING, Lane.CHANNELS, Lane.PRIVATE)


@dataclass
class House:
    """Short words for what the services do, each in a transaction of its own."""

    storage: Storage
    now: datetime = START
    _sent: int = 0

    def clock(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def connect(self, *chats: int) -> None:
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            for chat in chats:
                await tx.chats.connect(ChatId(chat), kind_by_id(ChatId(chat)), f"chat {chat}", None, None, self.now)

    async def disconnect(self, chat: int) -> None:
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            await tx.chats.disconnect(ChatId(chat), "asked")

    async def migrate(self, old: int, new: int) -> None:
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            await tx.chats.migrate(ChatId(old), ChatId(new))

    async def article(self, identity: str = "a") -> ArticleId:
        async with self.storage.transaction() as tx:
            feed = await tx.feeds.ensure("https://news.example/rss", self.now)
            return await tx.articles.add(feed, FetchedArticle(identity, "Title", "https://news.example/1"), self.now)

    async def posted(self, *chats: int) -> ArticleId:
        """An article that stands in these chats."""
        article = await self.article()
        await self.connect(*chats)
        await self.announce(article=article)
        await self.settle_pages()
        await self.send_all()
        return article

    async def announce(
        self, lane: Lane = Lane.PRIVATE, content: str = "news", article: ArticleId | None = None
    ) -> BroadcastId:
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            return await tx.outbox.announce("article", article, lane, content, self.now)

    async def tell(self, chat: int) -> None:
        async with self.storage.transaction() as tx:
            who = await tx.chats.recipient(ChatId(chat), kind_by_id(ChatId(chat)))
            await tx.outbox.tell(who, "notice", "answer", self.now)

    async def correct(self, article: ArticleId, content: str, *, new_picture: bool = False) -> None:
        async with self.storage.transaction() as tx:
            await tx.outbox.correct(article, content, new_picture=new_picture)

    async def expand(self, lane: Lane = Lane.PRIVATE, page: int = 500) -> int | None:
        async with self.storage.transaction() as tx:
            return await tx.outbox.expand(lane, page)

    async def raise_versions(self, page: int = 500) -> bool:
        async with self.storage.transaction() as tx:
            return await tx.outbox.raise_versions(page)

    async def settle_pages(self) -> None:
        """Every page of every lane, and every raised version."""
        for lane in LANES:
            while await self.expand(lane) is not None:
                pass
        while await self.raise_versions():
            pass

    async def ready(self, lane: Lane = Lane.PRIVATE) -> tuple[Message, ...]:
        async with self.storage.reading() as tx:
            return await tx.outbox.ready(lane, self.now, (), 100)

    async def behind(self) -> tuple[Message, ...]:
        async with self.storage.reading() as tx:
            return await tx.outbox.corrections(self.now, (), 100)

    async def claim(self, lane: Lane | None = Lane.PRIVATE) -> tuple[Message, ...]:
        """What may go now on a lane (or, with None, what is to be corrected), marked as being sent."""
        found = await self.behind() if lane is None else await self.ready(lane)
        async with self.storage.transaction() as tx:
            if found:
                await tx.outbox.mark_sending(found)
        return found

    async def answer(self, claimed: Sequence[Message], outcome: Outcome | None = None) -> None:
        """Telegram answers each of these; it accepts them unless something else is said."""
        results = Results(self.storage, Outgoing(self.clock, ()), self.clock)
        for message in claimed:
            self._sent += 1
            given = outcome or Sent(message.telegram_id or self._sent)
            results.add(message, given)
        await results.write(results.waiting)

    async def send_all(self, lane: Lane = Lane.PRIVATE) -> list[tuple[int, int]]:
        """(chat, broadcast) in the order in which Telegram accepted them."""
        order: list[tuple[int, int]] = []
        while claimed := await self.claim(lane):
            await self.answer(claimed)
            order += [(message.chat, message.broadcast) for message in claimed]
        return order

    async def recover(self) -> tuple[int, int]:
        async with self.storage.transaction() as tx:
            return await tx.outbox.recover()

    async def counts(self) -> dict[State, int]:
        async with self.storage.reading() as tx:
            return await tx.outbox.counts()

    async def idle(self) -> bool:
        async with self.storage.reading() as tx:
            return await tx.outbox.idle()

    async def active(self, chat: int) -> bool:
        async with self.storage.reading() as tx:
            known = await tx.chats.get(ChatId(chat))
            return known is not None and known.active

    async def states(self, chat: int) -> list[tuple[int, State]]:
        """(broadcast, state) of every message to a chat."""
        async with self.storage.reading() as tx:
            rows = await tx.connection.execute(
                select(messages.c.broadcast_id, messages.c.state)
                .join(recipients, recipients.c.id == messages.c.recipient_id)
                .where(recipients.c.chat_id == chat)
                .order_by(messages.c.broadcast_id)
            )
            return [(row.broadcast_id, State(row.state)) for row in rows]


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """A database with the newest schema and a key of its own."""
    opened = open_storage(database_url, keyring_from(new_secret()))
    await migrate(opened)
    yield opened
    await opened.close()


@pytest.fixture
def house(storage: Storage) -> House:
    return House(storage)


async def until(holds: Callable[[], bool], seconds: float = 8.0) -> None:
    """Wait for something to become true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"it did not come true within {seconds} s"
        await asyncio.sleep(0.01)
