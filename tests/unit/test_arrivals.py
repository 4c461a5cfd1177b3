"""When a new article is news: rules over any mixture of ages and headlines."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.arrivals import Guard, Hold, Keep, Post, Seen, Twin, belongs, fates, needs_its_page, with_page
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
def test_what_is_young_is_always_posted_and_so_are_a_few_without_a_date(hours: list[int | None]) -> None:
    few = hours.count(None) <= GUARD.many
    for fate, age in zip(fates(arrived(hours), (), NOON, GUARD), hours, strict=True):
        assert not (few if age is None else age <= 24) or isinstance(fate, Post)


@given(AGES)
def test_what_is_older_than_a_week_is_never_posted_nor_asked_about(hours: list[int | None]) -> None:
    for fate, age in zip(fates(arrived(hours), (), NOON, GUARD), hours, strict=True):
        assert isinstance(fate, Keep) == (age is not None and age > 7 * 24)


@given(AGES)
def test_a_few_old_ones_pass_and_many_are_held(hours: list[int | None]) -> None:
    old, undated = [age for age in hours if age is not None and age > 24], hours.count(None)
    held = [fate for fate in fates(arrived(hours), (), NOON, GUARD) if isinstance(fate, Hold)]
    expected = len([age for age in old if age <= 7 * 24]) if len(old) > GUARD.many else 0
    assert len(held) == expected + (undated if undated > GUARD.many else 0)


@given(AGES)
def test_the_first_read_posts_nothing(hours: list[int | None]) -> None:
    assert all(isinstance(fate, Keep) for fate in fates(arrived(hours, announce=False), (), NOON, GUARD))


def told(*names: str) -> list[New]:
    return [New(FetchedArticle(str(n), name, f"https://example.kg/{n}"), announce=True) for n, name in enumerate(names)]


def test_a_twin_is_found_among_the_posted_and_in_the_same_fetch() -> None:
    new = told("Мост через Чу открыт", "Мост через Чу, открыт!", "Мост через Нарын открыт")
    assert [type(fate) for fate in fates(new, (), NOON, GUARD)] == [Post, Twin, Post]
    seen = [Seen(ArticleId(7), "«Мост через Чу» открыт", "", NOON - timedelta(hours=1))]
    assert [getattr(fate, "of", None) for fate in fates(new, seen, NOON, GUARD)] == [7, 7, None]


@pytest.mark.parametrize(
    "earlier",
    [
        Seen(ArticleId(7), "Мост через Чу открыт", "", NOON - timedelta(hours=24)),
        Seen(ArticleId(7), "Мост через Чу открыт", "Вчера его открыли пешеходам.", NOON),
    ],
)
def test_the_same_headline_on_another_day_or_over_another_text_is_another_article(earlier: Seen) -> None:
    new = [
        New(FetchedArticle("1", "Мост через Чу открыт", "https://example.kg/1", "Сегодня — машинам."), announce=True)
    ]
    assert isinstance(fates(new, [earlier], NOON, GUARD)[0], Post)


def test_a_rubric_is_no_twin_of_itself() -> None:
    assert [type(fate) for fate in fates(told("Фото дня", "Фото дня"), (), NOON, GUARD)] == [Post, Post]


def test_thousands_of_headlines_are_looked_through_at_once() -> None:
    new = told(*[f"Статья номер {n} о важном деле" for n in range(5000)])
    found = fates(new, (), NOON, Guard(many=10_000))
    assert sum(isinstance(fate, Post) for fate in found) == 5000


@pytest.mark.parametrize(
    ("title", "page", "belongs_there"),
    [
        ("Мост открыт", "Мост открыт", True),
        ("Мост открыт", "Мост открыт - Степной вестник", True),
        ("Мост открыт", "", True),
        ("Мост открыт", "Страница не найдена", False),
        ("Мост открыт", "Степной вестник", False),
    ],
)
def test_a_page_of_something_else_adds_nothing(title: str, page: str, belongs_there: bool) -> None:
    assert belongs(FetchedArticle("1", title, "https://example.kg/1"), ArticlePage(page)) is belongs_there


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
