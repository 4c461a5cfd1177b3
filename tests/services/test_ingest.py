"""Feeds are read each on its own, what they say is stored once, and an article is corrected by its own feed only."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from newsroom.articles import FeedFailed, FeedUnchanged, FetchedArticle, Validators
from newsroom.errors import StorageBusy
from services.ingest import AT_ONCE
from tests.services.newsdesk import ARCHIVE, EVERY, FRESH, A, Answer, B, Desk, says

# -- whose article it is ---------------------------------------------------------------------------------------------


async def test_two_feeds_that_word_an_article_differently_do_not_take_turns(desk: Desk) -> None:
    await desk.opens(A, B)
    await desk.reads(a=says(), b=says())
    elsewhere = replace(FRESH, lead="A longer lead", link="https://a.example/new?from=b")
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
    assert await desk.due(A) > desk.now
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
    assert await desk.due(A) > desk.now
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


# -- politeness ------------------------------------------------------------------------------------------------------


async def test_a_feed_that_fails_is_asked_ever_more_rarely_and_at_least_daily(desk: Desk) -> None:
    await desk.opens(A)
    pauses = []
    for _ in range(15):
        await desk.reads(a=FeedFailed("error", "No."))
        pauses.append(await desk.due(A) - desk.now)
    assert pauses == sorted(pauses)
    assert pauses[:2] == [1.5 * EVERY, 3 * EVERY]
    assert pauses[-1] <= timedelta(days=1)
    await desk.reads(a=says())
    assert await desk.due(A) == desk.now + EVERY


async def test_a_server_that_asks_to_be_left_alone_is_left_alone(desk: Desk) -> None:
    await desk.opens(A)
    await desk.reads(a=FeedFailed("error", "503", retry_after=3600))
    assert await desk.due(A) == desk.now + timedelta(hours=1)


async def test_a_feed_that_moved_is_read_where_it_lives_and_known_by_its_old_name(desk: Desk) -> None:
    await desk.opens(A)
    await desk.reads(a=replace(says(ARCHIVE), moved_to=B))
    desk.press.script[B] = says(FRESH, ARCHIVE)
    await desk.reads()
    assert desk.press.asked == {A: 1, B: 1}
    assert await desk.posts() == [("Just in", 1)]


async def test_a_feed_that_is_lost_at_its_new_address_is_looked_for_at_the_old_one(desk: Desk) -> None:
    await desk.opens(A)
    await desk.reads(a=replace(says(ARCHIVE), moved_to=B))
    desk.press.script[B] = FeedFailed("error", "No.")
    for _ in range(6):
        await desk.reads(a=says(FRESH, ARCHIVE))
    assert desk.press.asked == {A: 2, B: 5}
    assert await desk.posts() == [("Just in", 1)]
