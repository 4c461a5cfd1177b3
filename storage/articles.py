"""Articles: what the newsroom has already seen, by every name it may be seen under."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.arrivals import Seen
from newsroom.articles import FetchedArticle, KnownArticle
from newsroom.ids import ArticleId, FeedId, StormId, UserId
from storage.tables import article_identities, articles, broadcasts, storms

CHUNK = 400  # SQLite allows a bounded number of parameters in one statement
RECENT = 300  # articles among which a twin is looked for

_ARTICLE = select(
    articles.c.id,
    articles.c.identity,
    articles.c.title,
    articles.c.link,
    articles.c.lead,
    articles.c.image,
    articles.c.graphic,
    articles.c.categories,
    articles.c.published,
    articles.c.content_hash,
)


@dataclass(frozen=True, slots=True)
class Articles:
    connection: AsyncConnection

    async def known(self, identities: Sequence[str]) -> dict[str, KnownArticle]:
        """Which of these have been seen, by identity."""
        found: dict[str, KnownArticle] = {}
        for start in range(0, len(identities), CHUNK):
            rows = await self.connection.execute(
                select(
                    article_identities.c.identity.label("name"),
                    article_identities.c.twin,
                    articles.c.title,
                    articles.c.published,
                    articles.c.id,
                    articles.c.feed_id,
                    articles.c.identity,
                    articles.c.content_hash,
                )
                .join(article_identities, article_identities.c.article_id == articles.c.id)
                .where(article_identities.c.identity.in_(identities[start : start + CHUNK]))
            )
            for row in rows:
                found[row.name] = KnownArticle(
                    id=row.id,
                    feed_id=FeedId(row.feed_id),
                    identity=row.identity,
                    content_hash=row.content_hash,
                    title=row.title,
                    published=row.published,
                    twin=row.twin,
                )
        return found

    async def any_of(self, feed: FeedId) -> bool:
        """Whether anything of this feed is known."""
        return (
            await self.connection.scalar(select(articles.c.id).where(articles.c.feed_id == feed).limit(1)) is not None
        )

    async def recent(self, since: datetime) -> tuple[Seen, ...]:
        """What was posted lately, newest first."""
        posted = select(broadcasts.c.id).where(broadcasts.c.article_id == articles.c.id).exists()
        rows = await self.connection.execute(
            select(articles.c.id, articles.c.title, articles.c.lead, articles.c.published, articles.c.seen_at)
            .where(articles.c.seen_at >= since, posted)
            .order_by(articles.c.seen_at.desc(), articles.c.id.desc())
            .limit(RECENT)
        )
        return tuple(
            Seen(ArticleId(row.id), row.title, row.lead, min(row.published or row.seen_at, row.seen_at)) for row in rows
        )

    async def add(
        self, feed: FeedId, article: FetchedArticle, now: datetime, storm: StormId | None = None
    ) -> ArticleId:
        made = await self.connection.scalar(
            insert(articles)
            .values(feed_id=feed, identity=article.identity, seen_at=now, storm_id=storm, **_said(article))
            .returning(articles.c.id)
        )
        assert made is not None
        await self.also_known(ArticleId(made), article.identities)
        return ArticleId(made)

    async def also_known(self, article: ArticleId, identities: Collection[str], *, twin: bool = False) -> None:
        """From now on the article is known by these names too; a name that belongs to another one stays there."""
        if not identities:
            return
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        rows = [{"identity": identity, "article_id": article, "twin": twin} for identity in identities]
        await self.connection.execute(dialect.insert(article_identities).values(rows).on_conflict_do_nothing())

    async def get(self, article: ArticleId) -> FetchedArticle:
        return _read((await self.connection.execute(_ARTICLE.where(articles.c.id == article))).one())

    async def change(self, article: ArticleId, fetched: FetchedArticle) -> None:
        await self.connection.execute(update(articles).where(articles.c.id == article).values(**_said(fetched)))

    async def latest(self, count: int) -> tuple[FetchedArticle, ...]:
        """The newest articles, newest first; a date in the future counts as the moment it was seen."""
        published = func.coalesce(articles.c.published, articles.c.seen_at)
        smaller = func.least if self.connection.dialect.name == "postgresql" else func.min
        when: ColumnElement[datetime] = smaller(articles.c.seen_at, published)
        rows = await self.connection.execute(_ARTICLE.order_by(when.desc(), articles.c.id.desc()).limit(count))
        return tuple(_read(row) for row in rows)

    # -- storms --------------------------------------------------------------------------------------------------

    async def open_storm(self, feed: FeedId, now: datetime) -> StormId:
        made = await self.connection.scalar(insert(storms).values(feed_id=feed, made_at=now).returning(storms.c.id))
        assert made is not None
        return StormId(made)

    async def decide_storm(self, storm: StormId, by: UserId, now: datetime) -> bool:
        """True when this decides it; False when it was decided before, or never was."""
        changed = await self.connection.execute(
            update(storms)
            .where(storms.c.id == storm, storms.c.decided_at.is_(None))
            .values(decided_at=now, decided_by=by)
        )
        return changed.rowcount == 1

    async def of_storm(self, storm: StormId) -> tuple[tuple[ArticleId, FetchedArticle], ...]:
        """The articles held in a storm, in the order in which they would have been posted."""
        rows = await self.connection.execute(_ARTICLE.where(articles.c.storm_id == storm).order_by(articles.c.id))
        return tuple((ArticleId(row.id), _read(row)) for row in rows)


def _said(article: FetchedArticle) -> Mapping[str, Any]:
    return {
        "title": article.title,
        "link": article.link,
        "lead": article.lead,
        "image": article.image,
        "graphic": article.graphic,
        "categories": json.dumps(article.categories, ensure_ascii=False),
        "content_hash": article.content_hash,
        "published": article.published,
    }


def _read(row: Row[*tuple[Any, ...]]) -> FetchedArticle:
    return FetchedArticle(
        identity=row.identity,
        title=row.title,
        link=row.link,
        lead=row.lead,
        published=row.published,
        image=row.image,
        graphic=row.graphic,
        categories=tuple(json.loads(row.categories)),
        said=row.content_hash,
    )
