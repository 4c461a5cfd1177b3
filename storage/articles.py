"""Articles: what the newsroom has already seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.articles import FetchedArticle, KnownArticle
from newsroom.ids import ArticleId, FeedId
from storage.tables import articles

CHUNK = 400  # SQLite allows a bounded number of parameters in one statement


@dataclass(frozen=True, slots=True)
class Articles:
    connection: AsyncConnection

    async def known(self, identities: Sequence[str]) -> dict[str, KnownArticle]:
        """Which of these have been seen, by identity."""
        found: dict[str, KnownArticle] = {}
        for start in range(0, len(identities), CHUNK):
            rows = await self.connection.execute(
                select(articles.c.id, articles.c.feed_id, articles.c.identity, articles.c.content_hash).where(
                    articles.c.identity.in_(identities[start : start + CHUNK])
                )
            )
            for row in rows:
                found[row.identity] = KnownArticle(row.id, FeedId(row.feed_id), row.identity, row.content_hash)
        return found

    async def add(self, feed: FeedId, article: FetchedArticle, now: datetime) -> ArticleId:
        made = await self.connection.scalar(
            insert(articles)
            .values(
                feed_id=feed,
                identity=article.identity,
                title=article.title,
                link=article.link,
                lead=article.lead,
                content_hash=article.content_hash,
                published=article.published,
                seen_at=now,
            )
            .returning(articles.c.id)
        )
        assert made is not None
        return ArticleId(made)

    async def change(self, article: ArticleId, fetched: FetchedArticle) -> None:
        await self.connection.execute(
            update(articles)
            .where(articles.c.id == article)
            .values(title=fetched.title, link=fetched.link, lead=fetched.lead, content_hash=fetched.content_hash)
        )

    async def latest(self, count: int) -> tuple[FetchedArticle, ...]:
        """The newest articles, newest first; a date in the future counts as the moment it was seen."""
        published = func.coalesce(articles.c.published, articles.c.seen_at)
        smaller = func.least if self.connection.dialect.name == "postgresql" else func.min
        when: ColumnElement[datetime] = smaller(articles.c.seen_at, published)
        rows = await self.connection.execute(
            select(articles.c.identity, articles.c.title, articles.c.link, articles.c.lead, articles.c.published)
            .order_by(when.desc(), articles.c.id.desc())
            .limit(count)
        )
        return tuple(
            FetchedArticle(row.identity, row.title, row.link, row.lead, row.published, None, None, ()) for row in rows
        )
