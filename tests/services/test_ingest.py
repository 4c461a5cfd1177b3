"""Feeds are read each on its own, what they say is stored once, and an article is corrected by its own feed only."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Select, select

from bot.keyring import keyring_from, new_secret
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, FetchedArticle, Validators
from newsroom.deliveries import Lane
from newsroom.errors import StorageBusy
from newsroom.ids import ChatId
from services.ingest import AT_ONCE, Ingest
from services.outgoing import Outgoing
from storage.database import Storage, migrate, open_storage
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
class Desk:
    """The ingest over a real database, and what it has written."""

    storage: Storage
    press: Press = field(default_factory=Press)
    now: datetime = START
    ingest: Ingest = field(init=False)

    async def opens(self, *urls: str, patience: float = 30.0) -> None:
        outgoing = Outgoing(lambda: self.now, (ChatId(-77),))
        every = dict.fromkeys(urls, EVERY)
        self.ingest = Ingest(self.storage, outgoing, self.press, lambda: self.now, every, patience)
        await self.ingest.know_feeds()

    async def reads(self, **answers: Answer | Exception | Play) -> None:
        """Everybody's time has come; `a` and `b` answer like this from now on."""
        self.press.script |= {{"a": A, "b": B}[name]: answer for name, answer in answers.items()}
        self.now += EVERY
        await self.ingest.read_due()

    async def posts(self) -> list[tuple[str, int]]:
        """(headline, version) of what private readers are told, oldest first."""
        rows = await self._rows(select(broadcasts).where(broadcasts.c.kind == "article").order_by(broadcasts.c.id))
        return [(json.loads(row.content)["title"], row.version) for row in rows if row.lane == Lane.PRIVATE]

    async def alarms(self) -> list[tuple[str, dict[str, str]]]:
        rows = await self._rows(select(broadcasts).where(broadcasts.c.kind == "notice").order_by(broadcasts.c.id))
        return [(said["key"], said["words"]) for said in (json.loads(row.content) for row in rows)]

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


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    storage = open_storage(database_url, keyring_from(new_secret()))
    await migrate(storage)
    yield Desk(storage)
    await storage.close()


# -- whose article it is ---------------------------------------------------------------------------------------------


async def test_two_feeds_that_word_an_article_differently_do_not_take_turns(desk: Desk) -> None:
    await desk.opens(A, B)
    await desk.reads(a=says(), b=says())
    elsewhere = replace(FRESH, lead="A longer lead", link="https://b.example/new")
    await desk.reads(a=says(FRESH))
    for _ in range(3):
        await desk.reads(b=says(elsewhere))
    assert await desk.posts() == [("Just in", 1)]
    await desk.reads(a=says(replace(FRESH, title="Just in, corrected")))
    assert await desk.posts() == [("Just in, corrected", 2)]


async def test_an_article_in_two_feeds_in_the_same_second_is_posted_once(desk: Desk) -> None:
    await desk.opens(A, B)
    await desk.reads(a=says(), b=says())
    both = asyncio.Barrier(2)

    async def together() -> Answer:
        await both.wait()
        return says(FRESH)

    await desk.reads(a=together, b=together)
    assert await desk.posts() == [("Just in", 1)]
    assert len(await desk.known()) == 1


# -- one feed's trouble is its own -----------------------------------------------------------------------------------


async def test_a_feed_that_breaks_the_reader_is_put_off_and_the_others_go_on(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.opens(A, B)
    await desk.reads(a=RuntimeError("what they wrote"), b=says())
    await desk.reads(b=says(FRESH))
    assert await desk.posts() == [("Just in", 1)]
    assert await desk.due(A) == desk.now + EVERY
    assert desk.press.asked == {A: 2, B: 2}
    assert [key for key, _ in await desk.alarms()] == ["alarm-feed-failing"]
    assert "RuntimeError" in caplog.text
    assert "what they wrote" not in caplog.text + str(await desk.alarms())


async def test_a_slow_server_delays_nobody(desk: Desk) -> None:
    await desk.opens(A, B)
    answers = asyncio.Event()

    async def slowly() -> Answer:
        await answers.wait()
        return says()

    desk.press.script |= {A: slowly, B: says()}
    desk.now += EVERY
    async with asyncio.TaskGroup() as group:
        first = group.create_task(desk.ingest.read_due())
        for _ in range(800):
            if await desk.due(B) > desk.now:
                break
            await asyncio.sleep(0.01)
        desk.now += EVERY
        await desk.ingest.read_due()  # the next tick
        assert not first.done()
        assert desk.press.asked == {A: 1, B: 2}
        answers.set()


async def test_a_feed_that_hangs_loses_its_place_in_the_end(desk: Desk) -> None:
    async def never() -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    await desk.opens(A, B, patience=0.05)
    await desk.reads(a=never, b=says())
    assert await desk.due(A) == desk.now + EVERY
    assert [words["url"] for _, words in await desk.alarms()] == [A]


async def test_only_a_few_feeds_are_read_side_by_side(desk: Desk) -> None:
    urls = [f"https://{number}.example/rss" for number in range(3 * AT_ONCE)]

    async def takes_a_moment() -> Answer:
        await asyncio.sleep(0.01)
        return says()

    desk.press.script = dict.fromkeys(urls, takes_a_moment)
    await desk.opens(*urls)
    await desk.reads()
    assert sorted(desk.press.asked.elements()) == sorted(urls)
    assert desk.press.most_open == AT_ONCE


async def test_feeds_that_fail_together_are_told_of_one_by_one(desk: Desk) -> None:
    await desk.opens(A, B)
    both = asyncio.Barrier(2)

    async def together() -> Answer:
        await both.wait()
        return FeedFailed("error", "No.")

    await desk.reads(a=together, b=together)
    assert sorted(words["url"] for _, words in await desk.alarms()) == [A, B]


async def test_a_database_in_trouble_means_waiting_for_the_next_tick(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.opens(A, B)
    await desk.reads(a=StorageBusy("database is locked"), b=says())
    assert await desk.due(A) <= desk.now
    assert await desk.alarms() == []
    assert "waits for the database" in caplog.text
    await desk.ingest.read_due()
    assert desk.press.asked == {A: 2, B: 1}


async def test_a_feed_out_of_the_configuration_rests(desk: Desk) -> None:
    await desk.opens(A, B)
    await desk.opens(B)
    await desk.reads(b=says())
    assert desk.press.asked == {B: 1}


# -- what editors are told -------------------------------------------------------------------------------------------


async def test_editors_hear_once_that_a_feed_fails_and_once_that_it_is_back(desk: Desk) -> None:
    await desk.opens(A)
    for answer in (FeedFailed("error", "No."), FeedFailed("not_a_feed", "No."), says(), says()):
        await desk.reads(a=answer)
    assert [key for key, _ in await desk.alarms()] == ["alarm-feed-failing", "alarm-feed-back"]


async def test_a_feed_is_back_even_if_it_has_nothing_new_to_say(desk: Desk) -> None:
    await desk.opens(A)
    for answer in (says(etag="1"), FeedFailed("error", "No."), FeedUnchanged(Validators("1"))):
        await desk.reads(a=answer)
    assert [key for key, _ in await desk.alarms()] == ["alarm-feed-failing", "alarm-feed-back"]


@pytest.mark.parametrize("answer", [FeedFailed("error", "No."), RuntimeError("pass-word")])
async def test_nobody_is_shown_the_password_in_an_address(
    desk: Desk, caplog: pytest.LogCaptureFixture, answer: Answer | Exception
) -> None:
    caplog.set_level(logging.DEBUG, "services")
    address = "https://desk:pass-word@a.example/rss?key=pass-word"
    await desk.opens(address)
    for script in (answer, says()):
        desk.press.script[address] = script
        await desk.reads()
    assert [words["url"] for _, words in await desk.alarms()] == ["https://a.example/rss?…"] * 2
    assert "https://a.example/rss?…" in caplog.text
    assert "pass-word" not in caplog.text + str(await desk.alarms())


# -- the archive is never poured out ---------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [FeedFailed("error", "No."), RuntimeError(), StorageBusy("database is locked")])
async def test_a_first_read_that_fails_leaves_the_next_one_silent(desk: Desk, trouble: Answer | Exception) -> None:
    await desk.opens(A)
    for answer in (trouble, trouble, says(ARCHIVE)):
        await desk.reads(a=answer)
    assert await desk.posts() == []
    await desk.reads(a=says(FRESH, ARCHIVE))
    assert await desk.posts() == [("Just in", 1)]


async def test_a_feed_that_never_changes_is_asked_politely_for_ever(desk: Desk) -> None:
    await desk.opens(A)
    await desk.reads(a=says(ARCHIVE, etag="1"))
    for number in range(20):
        await desk.reads(a=FeedUnchanged(Validators("1")))
        assert (desk.press.asked[A], desk.press.shown[A]) == (number + 2, Validators("1"))
        assert await desk.due(A) == desk.now + EVERY
    assert (await desk.posts(), await desk.alarms()) == ([], [])
    await desk.reads(a=says(FRESH, ARCHIVE))
    assert await desk.posts() == [("Just in", 1)]


# -- what a database cannot keep -------------------------------------------------------------------------------------


async def test_an_article_is_stored_however_long_and_odd_it_is(desk: Desk) -> None:
    await desk.opens(A)
    await desk.reads(a=says(ARCHIVE))
    odd = FetchedArticle(
        "guid\x00 " + "ю\U0001f600" * 5_000,
        "a\x00b\ud800" * 10_000,
        "https://a.example/" + "я" * 9_000,
        "l\x00" * 90_000,
    )
    for _ in range(2):
        await desk.reads(a=says(odd, FRESH, ARCHIVE))
    first, second = await desk.posts()
    assert (first, second[1]) == (("Just in", 1), 1)
    assert await desk.alarms() == []
    assert all("\x00" not in text for row in await desk.known() for text in row)
