"""Which articles are new, and by what an article is recognised."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.articles import (
    IDENTITY,
    LINK,
    Changed,
    FetchedArticle,
    KnownArticle,
    New,
    Same,
    canonical_link,
    decide,
    identity_of,
    shown,
    storable,
    with_aliases,
)
from newsroom.ids import FeedId

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
OURS, THEIRS = FeedId(1), FeedId(2)


def article(name: str, *, hours: int | None = None, title: str | None = None) -> FetchedArticle:
    published = None if hours is None else NOON + timedelta(hours=hours)
    return FetchedArticle(name, title or f"Title {name}", f"https://example.kg/{name}", published=published)


def whole(*fetched: FetchedArticle) -> list[FetchedArticle]:
    return with_aliases(fetched, lambda _: None)


def known(id_: int, one: FetchedArticle) -> KnownArticle:
    return KnownArticle(id_, OURS, one.identity, one.content_hash)


def announced(*fetched: FetchedArticle) -> list[str]:
    decisions = decide({}, fetched, feed=OURS, first_read=False)
    return [one.article.identity for one in decisions if isinstance(one, New) and one.announce]


def test_new_changed_and_same_are_told_apart() -> None:
    stays, edited, fresh = article("stays"), article("edited", title="After"), article("fresh")
    memory = {"stays": known(1, stays), "edited": known(2, article("edited", title="Before"))}
    assert decide(memory, [fresh, edited, stays], feed=OURS, first_read=False) == (
        Changed(2, edited),
        Same(1, stays),
        New(fresh, announce=True),
    )


def test_a_bare_guid_is_a_name_at_its_own_site_only() -> None:
    ours = FetchedArticle("7250", "Our story", "https://ours.kg/a")
    theirs = FetchedArticle("7250", "Their story", "https://theirs.kg/b")
    memory = dict.fromkeys(whole(ours)[0].identities, known(7, ours))
    (made,) = decide(memory, whole(theirs), feed=THEIRS, first_read=False)
    assert isinstance(made, New)
    assert made.article.identity == "theirs.kg|7250"
    assert decide(memory, whole(ours), feed=THEIRS, first_read=False) == (Same(7, whole(ours)[0]),)


def test_an_address_that_is_used_again_is_another_article() -> None:
    first = FetchedArticle("urn:1", "Live: first half", "https://example.kg/live", published=NOON)
    second = FetchedArticle(
        "urn:2", "Live: second half", "https://example.kg/live", published=NOON + timedelta(hours=20)
    )
    known_one = KnownArticle(7, OURS, "urn:1", first.content_hash, first.title, first.published)
    memory = dict.fromkeys(whole(first)[0].identities, known_one)
    (made,) = decide(memory, whole(second), feed=OURS, first_read=False)
    assert isinstance(made, New)


def test_a_site_that_goes_to_https_and_drops_its_www_changes_nothing() -> None:
    before = FetchedArticle("urn:1", "Story", "http://www.example.kg/view/1?utm_source=rss")
    after = FetchedArticle("urn:9", "Story", "https://example.kg/view/1")
    memory = dict.fromkeys(whole(before)[0].identities, known(7, before))
    assert decide(memory, whole(after), feed=OURS, first_read=False) == (Same(7, whole(after)[0]),)


def test_an_item_listed_twice_keeps_its_address_as_a_name() -> None:
    assert all("link:example.kg/urn:a" in one.aliases for one in whole(article("urn:a"), article("urn:a")))


def test_a_twin_never_speaks_for_the_article() -> None:
    first, twin = article("urn:a", title="As it was"), article("urn:b", title="As its twin says")
    memory = {"urn:a": known(7, first), "urn:b": replace(known(7, first), twin=True)}
    assert decide(memory, [twin], feed=OURS, first_read=False) == (Same(7, twin),)


def test_of_an_article_listed_under_two_names_only_the_first_name_speaks() -> None:
    first, other = article("a", title="As it was"), article("b", title="As its twin says")
    memory = {"a": known(7, first), "b": known(7, first)}
    for listed in ([first, other], [other, first]):
        made = decide(memory, listed, feed=OURS, first_read=False)
        assert not [one for one in made if isinstance(one, Changed)]
    assert decide(memory, [other], feed=OURS, first_read=False) == (Changed(7, other),)


def test_an_article_is_corrected_by_its_own_feed_only() -> None:
    before, after = whole(article("urn:a", title="Before"))[0], whole(article("urn:a", title="After"))[0]
    memory = {"urn:a": known(7, before)}
    assert decide(memory, [after], feed=THEIRS, first_read=False) == (Same(7, after),)
    assert decide(memory, [after], feed=OURS, first_read=False) == (Changed(7, after),)


@given(st.lists(st.sampled_from([OURS, THEIRS]), max_size=12), st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_feeds_that_each_say_the_same_every_time_never_change_anything(reads: list[FeedId], names: list[int]) -> None:
    memory: dict[str, KnownArticle] = {}
    for feed in reads:
        listed = whole(*[article(str(name), title=f"As feed {feed} says it") for name in names])
        for made in decide(memory, listed, feed=feed, first_read=False):
            assert not isinstance(made, Changed)
            if isinstance(made, New):
                one = made.article
                assert one.identity not in memory
                memory |= dict.fromkeys(one.identities, KnownArticle(len(memory), feed, one.identity, one.content_hash))


def test_the_first_read_announces_nothing() -> None:
    assert decide({}, [article("a")], feed=OURS, first_read=True) == (New(article("a"), announce=False),)


def test_an_item_listed_twice_counts_once_and_the_first_wins() -> None:
    first = article("a", title="First")
    assert decide({}, [first, article("a", title="Second")], feed=OURS, first_read=False) == (
        New(first, announce=True),
    )


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
    assert decide({}, [FetchedArticle("x", "", "", "Only a lead")], feed=OURS, first_read=False) == ()


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


@given(st.text(min_size=1, max_size=IDENTITY), st.text(max_size=60))
def test_a_guid_is_taken_as_it_is_written(guid: str, link: str) -> None:
    assert identity_of(guid, link) == guid
    assert identity_of(None, link) == identity_of("", link) == canonical_link(link)


@given(st.text(alphabet="abя", min_size=1, max_size=9), st.integers(1, 3))
def test_an_identity_that_is_too_long_to_be_found_again_is_hashed(end: str, times: int) -> None:
    long = "ю" * IDENTITY * times + end
    assert identity_of(long, "") == identity_of(None, long) != identity_of(long + "!", "")
    assert identity_of(identity_of(long, ""), "") == identity_of(long, "")
    assert len(identity_of(long, "")) <= IDENTITY


anything = st.one_of(
    st.text(max_size=20), st.text(alphabet="a\x00\ud800\udc00", max_size=9), st.sampled_from(["ю" * 9_000, "\x00"])
)


@given(st.builds(FetchedArticle, anything, anything, anything, anything))
def test_what_is_stored_fits_every_database(one: FetchedArticle) -> None:
    kept = storable(one)
    texts = (kept.identity, kept.title, kept.link, kept.lead)
    assert [len(text.encode()) for text in texts] == [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    assert not any("\x00" in text for text in texts)
    assert (len(kept.identity) <= IDENTITY, len(kept.link) <= LINK) == (True, True)
    assert storable(kept) == kept


@pytest.mark.parametrize("link", ["https://e.kg/" + "a" * LINK, "tag:e.kg,2026:7", "javascript:alert(1)"])
def test_what_opens_nothing_is_not_posted(link: str) -> None:
    assert storable(FetchedArticle("", "T", link)).link == ""
    assert storable(FetchedArticle("", "T", link)).identity == identity_of("", link)


@pytest.mark.parametrize(
    ("url", "fit_for_a_log"),
    [
        ("https://user:pw@e.kg:8443/feed?token=1", "https://e.kg:8443/feed?…"),
        ("https://pw@e.kg/feed#pw", "https://e.kg/feed"),
        ("https://user:p@w@[2001:db8::1]/feed?", "https://[2001:db8::1]/feed"),
        ("https://user:pw@[broken", "this address"),
        ("https://user:pw@e.kg:port/", "this address"),
        ("feed.xml", "feed.xml"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, fit_for_a_log: str) -> None:
    assert shown(url) == fit_for_a_log


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(-50, 50)))))
def test_every_identity_is_decided_exactly_once(listed: list[tuple[int, int | None]]) -> None:
    fetched = [article(str(name), hours=hours) for name, hours in listed]
    decided = announced(*fetched)
    assert sorted(decided) == sorted({one.identity for one in fetched})
