"""What becomes of the new articles of one fetch: twins are one, the very old stay unsaid, and a storm waits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsroom.articles import FetchedArticle, New
from newsroom.ids import ArticleId
from newsroom.pages import ArticlePage, near_identical


@dataclass(frozen=True, slots=True)
class Guard:
    """When «new» articles are not news: a site that gives its archive new dates or new ids pours it out again."""

    old: timedelta = timedelta(hours=24)
    many: int = 20
    """more new articles than this, all older than `old`, are a storm"""
    never: timedelta = timedelta(days=7)
    """older articles are never posted"""


@dataclass(frozen=True, slots=True)
class Seen:
    """An article seen lately, just enough to recognise its twin."""

    id: ArticleId
    title: str


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
    """It is another address of an article seen lately (`of` is its id) or of one of this fetch (its identity)."""

    of: ArticleId | str
    article: FetchedArticle


Fate = Post | Keep | Hold | Twin


def fates(new: Sequence[New], recent: Sequence[Seen], now: datetime, guard: Guard) -> tuple[Fate, ...]:
    """What becomes of each new article, in their order."""
    old = [one for one in new if one.announce and _is_older(one.article, guard.old, now)]
    storm = len(old) > guard.many
    first: list[FetchedArticle] = []
    found: list[Fate] = []
    for one in new:
        twin = _twin(one.article, recent, first) if one.announce else None
        if twin is not None:
            found.append(Twin(twin, one.article))
            continue
        first.append(one.article)
        if not one.announce or _is_older(one.article, guard.never, now):
            found.append(Keep(one.article))
        elif storm and _is_older(one.article, guard.old, now):
            found.append(Hold(one.article))
        else:
            found.append(Post(one.article))
    return tuple(found)


def _is_older(article: FetchedArticle, age: timedelta, now: datetime) -> bool:
    """An article without a date is taken for new: many sites give none."""
    return article.published is not None and article.published < now - age


def _twin(article: FetchedArticle, recent: Sequence[Seen], first: Sequence[FetchedArticle]) -> ArticleId | str | None:
    if not article.title:
        return None
    for seen in recent:
        if near_identical(seen.title, article.title):
            return seen.id
    return next((one.identity for one in first if near_identical(one.title, article.title)), None)


def needs_its_page(article: FetchedArticle) -> bool:
    """Whether the article's own page may add what the feed does not say."""
    return bool(article.link) and not (article.lead and article.image)


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
