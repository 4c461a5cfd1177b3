"""What becomes of the new articles of one fetch: twins are one, the very old stay unsaid, and a storm waits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsroom.articles import FetchedArticle, New
from newsroom.ids import ArticleId
from newsroom.pages import ArticlePage, headline_key, near_identical

TOGETHER = timedelta(hours=3)  # between an article and its twin
WORDS = 4  # in a headline by which a twin is known; a shorter one is a rubric's


@dataclass(frozen=True, slots=True)
class Guard:
    """When «new» articles are not news: a site that gives its archive new dates or new ids pours it out again."""

    old: timedelta = timedelta(hours=24)
    many: int = 20
    """more new articles than this, all older than `old` or all without a date, are a storm"""
    never: timedelta = timedelta(days=7)
    """older articles are never posted"""


@dataclass(frozen=True, slots=True)
class Seen:
    """An article posted lately, just enough to recognise its twin."""

    id: ArticleId | str
    """our number; for one of the same fetch its identity"""
    title: str
    lead: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """It is news."""

    article: FetchedArticle


@dataclass(frozen=True, slots=True)
class Keep:
    """It is remembered, and not posted: the archive, or too old."""

    article: FetchedArticle


@dataclass(frozen=True, slots=True)
class Hold:
    """It is part of a storm, and waits for an editor's word."""

    article: FetchedArticle


@dataclass(frozen=True, slots=True)
class Twin:
    """It is another address of an article posted lately (`of` is its id) or of one of this fetch (its identity)."""

    of: ArticleId | str
    article: FetchedArticle


Fate = Post | Keep | Hold | Twin


def fates(new: Sequence[New], recent: Sequence[Seen], now: datetime, guard: Guard) -> tuple[Fate, ...]:
    """What becomes of each new article, in their order."""
    wanted = [one.article for one in new if one.announce]
    old = sum(_is_older(article, guard.old, now) for article in wanted)
    undated = sum(article.published is None for article in wanted)
    posted: dict[tuple[str, ...], list[Seen]] = {}
    for seen in recent:
        posted.setdefault(headline_key(seen.title), []).append(seen)
    found: list[Fate] = []
    for one in new:
        article = one.article
        if not one.announce or _is_older(article, guard.never, now):
            found.append(Keep(article))
        elif (old > guard.many and _is_older(article, guard.old, now)) or (
            undated > guard.many and article.published is None
        ):
            found.append(Hold(article))
        else:
            key = headline_key(article.title)
            mine = Seen(article.identity, article.title, article.lead, min(article.published or now, now))
            twin = next((seen for seen in posted.get(key, ()) if len(key) >= WORDS and _are_twins(seen, mine)), None)
            found.append(Post(article) if twin is None else Twin(twin.id, article))
            if twin is None:
                posted.setdefault(key, []).append(mine)
    return tuple(found)


def _is_older(article: FetchedArticle, age: timedelta, now: datetime) -> bool:
    """An article without a date is taken for new: many sites give none."""
    return article.published is not None and article.published < now - age


def _are_twins(one: Seen, other: Seen) -> bool:
    """Nearly the same headline within a few hours, and leads that do not say otherwise: «Курс валют» comes daily."""
    if abs(one.when - other.when) > TOGETHER or not near_identical(one.title, other.title):
        return False
    return not one.lead or not other.lead or one.lead[:80] == other.lead[:80] or near_identical(one.lead, other.lead)


def needs_its_page(article: FetchedArticle) -> bool:
    """Whether the article's own page may add what the feed does not say."""
    return bool(article.link) and not (article.lead and article.image)


def belongs(article: FetchedArticle, page: ArticlePage) -> bool:
    """Whether the page is the article's: «Страница не найдена» with status 200 is nobody's lead."""
    ours, theirs = (" ".join(headline_key(title)) for title in (article.title, page.title))
    return not ours or not theirs or ours in theirs or theirs in ours or near_identical(article.title, page.title)


def with_page(article: FetchedArticle, page: ArticlePage) -> FetchedArticle:
    """The article with what its page adds; what the feed said stands, and is what later reads are compared with."""
    return replace(
        article,
        title=article.title or page.title,
        lead=article.lead or page.lead,
        image=article.image or page.image,
        categories=tuple(dict.fromkeys((*article.categories, *page.breadcrumb))),
        graphic=article.graphic or page.graphic,
        said=article.content_hash,
    )
