"""Which articles are new, and by what an article is recognised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.articles import (
    Changed,
    FetchedArticle,
    KnownArticle,
    New,
    Same,
    canonical_link,
    decide,
    identity_of,
)

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)


def article(name: str, *, hours: int | None = None, title: str | None = None) -> FetchedArticle:
    published = None if hours is None else NOON + timedelta(hours=hours)
    return FetchedArticle(name, title or f"Title {name}", f"https://example.kg/{name}", published=published)


def known(id_: int, one: FetchedArticle) -> KnownArticle:
    return KnownArticle(id_, one.identity, one.content_hash)


def announced(*fetched: FetchedArticle) -> list[str]:
    decisions = decide({}, fetched, first_read=False)
    return [one.article.identity for one in decisions if isinstance(one, New) and one.announce]


def test_new_changed_and_same_are_told_apart() -> None:
    stays, edited, fresh = article("stays"), article("edited", title="After"), article("fresh")
    memory = {"stays": known(1, stays), "edited": known(2, article("edited", title="Before"))}
    assert decide(memory, [fresh, edited, stays], first_read=False) == (
        Changed(2, edited),
        Same(1),
        New(fresh, announce=True),
    )


def test_the_first_read_announces_nothing() -> None:
    assert decide({}, [article("a")], first_read=True) == (New(article("a"), announce=False),)


def test_an_item_listed_twice_counts_once_and_the_first_wins() -> None:
    first = article("a", title="First")
    assert decide({}, [first, article("a", title="Second")], first_read=False) == (New(first, announce=True),)


def test_undated_articles_come_in_reversed_feed_order() -> None:
    assert announced(article("c"), article("b"), article("a")) == ["a", "b", "c"]


def test_dates_rule_over_feed_order() -> None:
    assert announced(article("a", hours=1), article("b", hours=2)) == ["a", "b"]


def test_a_date_in_the_future_holds_nothing_back() -> None:
    assert announced(article("2099", hours=24 * 365 * 73), article("b", hours=2), article("a", hours=1)) == [
        "a",
        "b",
        "2099",
    ]


def test_an_item_with_neither_title_nor_link_is_passed_over() -> None:
    assert decide({}, [FetchedArticle("x", "", "", "Only a lead")], first_read=False) == ()


@pytest.mark.parametrize(
    ("title", "lead", "headline"),
    [("T", "L", "T"), ("", "A lead", "A lead"), ("", "", "https://e.kg/"), ("", "word " * 100, "word " * 39 + "word…")],
)
def test_an_untitled_article_has_a_headline_all_the_same(title: str, lead: str, headline: str) -> None:
    assert FetchedArticle("x", title, "https://e.kg/", lead.strip()).headline == headline


def test_a_moved_update_time_changes_nothing() -> None:
    before, after = (
        FetchedArticle("a", "T", "https://e.kg/", updated=NOON + timedelta(hours=hours)) for hours in (0, 1)
    )
    assert before.content_hash == after.content_hash
    assert before.content_hash != FetchedArticle("a", "T!", "https://e.kg/").content_hash


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("HTTPS://News.KG:443/A?x=1#top", "https://news.kg/A?x=1"),
        ("http://news.kg:8080/", "http://news.kg:8080/"),
        ("https://news.kg", "https://news.kg/"),
        ("https://news.kg/?", "https://news.kg/"),
        ("https://news.kg/a?utm_source=tg&id=7&fbclid=z", "https://news.kg/a?id=7"),
        ("https://news.kg/a?utm_medium=rss", "https://news.kg/a"),
        ("https://news.kg/tag/%d0%ba%d0?pg=2", "https://news.kg/tag/%d0%ba%d0?pg=2"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
        ("not an address", "not an address"),
        ("https://[broken", "https://[broken"),
    ],
)
def test_one_spelling_for_one_address(written: str, canonical: str) -> None:
    assert canonical_link(written) == canonical


@given(st.one_of(st.text(max_size=60), st.from_regex(r"https?://[a-zA-Z.]{1,12}(:\d{1,5})?/[a-z?&=#_]{0,20}")))
def test_the_canonical_spelling_is_its_own(url: str) -> None:
    once = canonical_link(url)
    assert canonical_link(once) == once


@given(st.text(min_size=1), st.text())
def test_a_guid_is_taken_as_it_is_written(guid: str, link: str) -> None:
    assert identity_of(guid, link) == guid
    assert identity_of(None, link) == identity_of("", link) == canonical_link(link)


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(-50, 50)))))
def test_every_identity_is_decided_exactly_once(listed: list[tuple[int, int | None]]) -> None:
    fetched = [article(str(name), hours=hours) for name, hours in listed]
    decided = announced(*fetched)
    assert sorted(decided) == sorted({one.identity for one in fetched})
