"""When a new article is news: rules over any mixture of ages and headlines."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsroom.arrivals import Guard, Hold, Keep, Post, Seen, Twin, fates, needs_its_page, with_page
from newsroom.articles import FetchedArticle, New
from newsroom.ids import ArticleId
from newsroom.pages import ArticlePage

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
GUARD = Guard(many=3)
AGES = st.lists(st.none() | st.integers(-24 * 400, 24 * 30), max_size=12)


def arrived(hours: list[int | None], *, announce: bool = True) -> list[New]:
    """Articles whose age is given in hours; none for one without a date."""
    dates = [None if age is None else NOON - timedelta(hours=age) for age in hours]
    return [
        New(FetchedArticle(str(n), f"Article {n}", f"https://example.kg/{n}", published=date), announce)
        for n, date in enumerate(dates)
    ]


@given(AGES)
def test_every_article_has_a_fate_in_its_order(hours: list[int | None]) -> None:
    new = arrived(hours)
    assert [fate.article for fate in fates(new, (), NOON, GUARD)] == [one.article for one in new]


@given(AGES)
def test_what_is_young_or_undated_is_always_posted(hours: list[int | None]) -> None:
    for fate, age in zip(fates(arrived(hours), (), NOON, GUARD), hours, strict=True):
        assert not (age is None or age <= 24) or isinstance(fate, Post)


@given(AGES)
def test_what_is_older_than_a_week_is_never_posted_nor_asked_about(hours: list[int | None]) -> None:
    for fate, age in zip(fates(arrived(hours), (), NOON, GUARD), hours, strict=True):
        assert isinstance(fate, Keep) == (age is not None and age > 7 * 24)


@given(AGES)
def test_a_few_old_ones_pass_and_many_are_held(hours: list[int | None]) -> None:
    old = [age for age in hours if age is not None and age > 24]
    held = [fate for fate in fates(arrived(hours), (), NOON, GUARD) if isinstance(fate, Hold)]
    assert len(held) == (len([age for age in old if age <= 7 * 24]) if len(old) > GUARD.many else 0)


@given(AGES)
def test_the_first_read_posts_nothing(hours: list[int | None]) -> None:
    assert all(isinstance(fate, Keep) for fate in fates(arrived(hours, announce=False), (), NOON, GUARD))


def test_a_twin_is_found_among_the_seen_and_in_the_same_fetch() -> None:
    names = ["Мост через Чу открыт", "Мост через Чу, открыт!", "Мост через Нарын открыт"]
    new = [New(FetchedArticle(str(n), name, f"https://example.kg/{n}"), announce=True) for n, name in enumerate(names)]
    assert [type(fate) for fate in fates(new, (), NOON, GUARD)] == [Post, Twin, Post]
    seen = [Seen(ArticleId(7), "«Мост через Чу» открыт")]
    assert [getattr(fate, "of", None) for fate in fates(new, seen, NOON, GUARD)] == [7, 7, None]


def test_the_page_adds_and_never_replaces() -> None:
    said = FetchedArticle("1", "Мост", "https://example.kg/1", "Лид ленты.", categories=("Общество",))
    whole = with_page(said, ArticlePage("Иначе", "Лид страницы.", "https://example.kg/1.jpg", ("Кыргызстан",), True))
    assert (whole.title, whole.lead, whole.image) == ("Мост", "Лид ленты.", "https://example.kg/1.jpg")
    assert whole.categories == ("Общество", "Кыргызстан")
    assert whole.graphic
    assert whole.content_hash == said.content_hash, "what the page adds is no change of the feed's"


def test_a_page_is_needed_only_where_it_may_add_something() -> None:
    bare = FetchedArticle("1", "Мост", "https://example.kg/1")
    assert needs_its_page(bare)
    assert not needs_its_page(FetchedArticle("1", "Мост", ""))
    assert not needs_its_page(
        FetchedArticle("1", "Мост", "https://example.kg/1", "Лид.", image="https://example.kg/1.jpg")
    )
