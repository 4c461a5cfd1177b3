"""What is news and what is not: one article under many names, pages read once, archives and storms held back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from newsroom.articles import FetchedArticle
from newsroom.ids import StormId, UserId
from newsroom.pages import ArticlePage
from services.storms import Storms
from tests.services.newsdesk import ARCHIVE, FRESH, START, A, B, Desk, says

PAGE = ArticlePage("Just in", "What the page adds.", "https://a.example/new.jpg", ("Кыргызстан", "Общество"))


def listed(count: int, *, days: float, title: str = "Article") -> list[FetchedArticle]:
    when = START - timedelta(days=days)
    numbers = range(count)
    return [
        FetchedArticle(f"{title} {n}", f"{title} {n}", f"https://a.example/{title}/{n}", published=when)
        for n in numbers
    ]


async def opened(desk: Desk, *archive: FetchedArticle) -> None:
    await desk.opens(A)
    await desk.reads(a=says(*archive))


# -- one article, many names -----------------------------------------------------------------------------------------


async def test_a_feed_that_swaps_its_guids_daily_posts_nothing_again(desk: Desk) -> None:
    await opened(desk)
    await desk.reads(a=says(FRESH))
    for day in range(3):
        await desk.reads(a=says(replace(FRESH, identity=f"new, day {day}")))
    assert await desk.posts() == [("Just in", 1)]


async def test_an_item_known_by_its_old_name_is_known_by_its_new_one(desk: Desk) -> None:
    await opened(desk, replace(FRESH, identity="https://news.example/view/7250", link="https://news.example/view/7250"))
    await desk.reads(a=says(replace(FRESH, identity="7250", link="https://news.example/view/5/7250")))
    await desk.reads(
        a=says(replace(FRESH, identity="https://news.example/view/ks/7250", link="https://news.example/view/ks/7250"))
    )
    assert await desk.posts() == []
    assert len(await desk.known()) == 1


async def test_items_that_share_an_address_are_different_articles(desk: Desk) -> None:
    await opened(desk)
    live = "https://a.example/live"
    await desk.reads(a=says(FetchedArticle("1", "First half", live), FetchedArticle("2", "Second half", live)))
    assert sorted(title for title, _ in await desk.posts()) == ["First half", "Second half"]


async def test_nearly_the_same_headline_under_two_addresses_is_one_article(desk: Desk) -> None:
    await opened(desk)
    one = FetchedArticle("1", "Россия продлила визы для кыргызстанцев", "https://a.example/1")
    await desk.reads(a=says(one))
    await desk.reads(a=says(FetchedArticle("2", "Россия продлила визы для киргизстанцев", "https://a.example/2"), one))
    await desk.reads(a=says(FetchedArticle("2", "Россия продлила визы для киргизстанцев", "https://a.example/2"), one))
    assert [title for title, _ in await desk.posts()] == ["Россия продлила визы для кыргызстанцев"]


# -- its own page ----------------------------------------------------------------------------------------------------


async def test_what_the_feed_lacks_is_read_off_the_page_once(desk: Desk) -> None:
    desk.site.pages[FRESH.link] = PAGE
    await opened(desk, ARCHIVE)
    for _ in range(3):
        await desk.reads(a=says(FRESH, ARCHIVE))
    story = await desk.story()
    assert (story["lead"], story["image"], story["places"]) == (PAGE.lead, PAGE.image, ["KG"])
    assert desk.site.asked == [FRESH.link]
    assert await desk.posts() == [("Just in", 1)]


async def test_without_its_page_an_article_goes_out_as_the_feed_gave_it(desk: Desk) -> None:
    await opened(desk)
    await desk.reads(a=says(FRESH))
    assert await desk.posts() == [("Just in", 1)]


async def test_a_feed_that_says_it_all_is_asked_for_no_page(desk: Desk) -> None:
    await opened(desk)
    await desk.reads(a=says(replace(FRESH, lead="All of it.", image="https://a.example/1.jpg")))
    assert desk.site.asked == []


async def test_a_corrected_headline_keeps_what_the_page_had_said(desk: Desk) -> None:
    desk.site.pages[FRESH.link] = PAGE
    await opened(desk)
    await desk.reads(a=says(FRESH))
    await desk.reads(a=says(replace(FRESH, title="Just in, corrected")))
    story = await desk.story()
    assert await desk.posts() == [("Just in, corrected", 2)]
    assert (story["lead"], story["image"], story["picture_version"]) == (PAGE.lead, PAGE.image, 1)


async def test_another_picture_is_a_picture_of_the_new_version(desk: Desk) -> None:
    whole = replace(FRESH, lead="All of it.", image="https://a.example/1.jpg")
    await opened(desk)
    await desk.reads(a=says(whole))
    await desk.reads(a=says(replace(whole, title="Just in, corrected", image="https://a.example/2.jpg")))
    assert (await desk.story())["picture_version"] == 2


# -- archives and storms ---------------------------------------------------------------------------------------------


async def test_what_is_older_than_a_week_is_never_posted(desk: Desk) -> None:
    await opened(desk, ARCHIVE)
    await desk.reads(a=says(*listed(3, days=8), *listed(1, days=6, title="Younger")))
    assert [title for title, _ in await desk.posts()] == ["Younger 0"]


async def test_twenty_articles_of_the_day_before_yesterday_are_posted(desk: Desk) -> None:
    await opened(desk, ARCHIVE)
    await desk.reads(a=says(*listed(20, days=2)))
    assert len(await desk.posts()) == 20
    assert await desk.alarms() == []


async def test_a_storm_is_held_and_the_editors_are_asked(desk: Desk) -> None:
    await opened(desk, ARCHIVE)
    await desk.reads(a=says(*listed(30, days=2), FRESH))
    await desk.reads(a=says(*listed(30, days=2), FRESH))
    assert await desk.posts() == [("Just in", 1)], "what is news goes out all the same"
    assert [(key, str(words["count"])) for key, words in await desk.alarms()] == [("storm-held", "30")]


@pytest.mark.parametrize("post", [True, False])
async def test_an_editor_decides_a_storm_once(desk: Desk, post: bool) -> None:
    await opened(desk, ARCHIVE)
    await desk.reads(a=says(*listed(30, days=2)))
    storms = Storms(desk.storage, desk.ingest.outgoing, lambda: desk.now)
    first, second = await desk.update(), await desk.update()
    assert await storms.decide(first, StormId(1), UserId(11), post=post)
    assert not await storms.decide(second, StormId(1), UserId(12), post=not post)
    assert len(await desk.posts()) == (30 if post else 0)


async def test_the_same_storm_from_another_feed_is_not_posted_either(desk: Desk) -> None:
    await desk.opens(A, B)
    await desk.reads(a=says(), b=says())
    await desk.reads(a=says(*listed(30, days=2)))
    await desk.reads(b=says(*listed(30, days=2)))
    assert await desk.posts() == []


async def test_a_feed_that_was_empty_for_a_moment_does_not_pour_its_archive_out(desk: Desk) -> None:
    undated = [replace(one, published=None) for one in listed(15, days=0)]
    await desk.opens(A)
    await desk.reads(a=says())
    await desk.reads(a=says(*undated))
    assert await desk.posts() == []
    await desk.reads(a=says(FRESH, *undated))
    assert await desk.posts() == [("Just in", 1)]


async def test_a_feed_that_is_new_begins_with_its_first_article(desk: Desk) -> None:
    await desk.opens(A)
    await desk.reads(a=says())
    await desk.reads(a=says(FRESH))
    assert await desk.posts() == [("Just in", 1)]


async def test_two_sites_that_count_their_articles_from_one_are_both_posted(desk: Desk) -> None:
    await desk.opens(A, B)
    await desk.reads(a=says(), b=says())
    await desk.reads(a=says(FetchedArticle("1", "Ours", "https://a.example/1")))
    for _ in range(2):
        await desk.reads(b=says(FetchedArticle("1", "Theirs", "https://b.example/1")))
    assert await desk.posts() == [("Ours", 1), ("Theirs", 1)]


async def test_an_archive_without_dates_under_new_names_waits_for_an_editor(desk: Desk) -> None:
    undated = [replace(one, published=None) for one in listed(25, days=0)]
    await opened(desk, ARCHIVE)
    await desk.reads(a=says(*undated, ARCHIVE))
    assert await desk.posts() == []
    assert [key for key, _ in await desk.alarms()] == ["storm-held"]
