"""A sample news site in windows-1251: article pages, pictures, feeds, and a switch for everything that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

from aiohttp import web

from sandbox.pictures import Picture
from sandbox.portal_articles import SAMPLE_ARTICLES, Article, Sample
from sandbox.portal_feed import FeedMood, json_feed, link_of, rss
from sandbox.portal_pages import article_page, error_page, front_page
from sandbox.portal_trouble import Place, TroubleMood

__all__ = ["SAMPLE_ARTICLES", "Article", "Portal", "Sample", "Seen", "serve_portal"]

FEEDS: Final = frozenset({"/rss", "/rss/all", "/feed.json"})
_ARTICLE: Final = re.compile(r"/view/(?:[^/]+/)?(\d{1,9})")
_PICTURE: Final = re.compile(r"/pictures/(\d{1,9})\.\w+")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request the site answered."""

    method: str
    path: str
    status: int
    headers: dict[str, str]


@dataclass(kw_only=True)
class Portal(FeedMood, TroubleMood):
    """The editorial side of the site; what it says, the feed says, unless a switch spoils it."""

    name: str = "Степной вестник"
    url: str = ""
    body_override: bytes | None = None
    raw_feed: bytes | None = None
    raw_content_type: str = "application/rss+xml"
    validators: bool = True
    """Whether the feed has an ETag and a Last-Modified, and honours them."""
    page_charset: str = "windows-1251"
    """The encoding of every page."""
    page_declared: str | None = None
    """The encoding pages claim: None is the true one, "" is none at all."""
    picture_status: int = 200
    """What every picture answers."""
    articles: list[Article] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)
    _changed: float = field(default_factory=time.time, repr=False)

    # ---- the editors

    def publish(
        self,
        title: str,
        lead: str = "",
        link: str | None = None,
        guid: str | None = None,
        category: str | None = None,
        *,
        section: str | None = None,
        picture: Picture | None = None,
        paragraphs: tuple[str, ...] = (),
        graphic: bool = False,
        published: float | None = None,
    ) -> Article:
        """Put a story on the site, now or (for the archive) in the past."""
        now = self._touch()
        at = now if published is None else published
        article = Article(next(self._ids), title, lead, link, guid, category, at, now)
        article.section, article.picture = section, picture
        article.paragraphs, article.graphic = paragraphs, graphic
        self.articles.append(article)
        return article

    def publish_sample(self, sample: Sample) -> Article:
        """Put an invented story on the site, with its picture and all its text."""
        return self.publish(
            sample.title,
            sample.lead,
            category=sample.category,
            section=sample.section,
            picture=sample.picture,
            paragraphs=(sample.more,),
        )

    def publish_samples(self, count: int | None = None) -> list[Article]:
        """Put the invented stories on the site, the first ones first."""
        return [self.publish_sample(each) for each in SAMPLE_ARTICLES[:count]]

    def change(self, article: Article, *, title: str | None = None, lead: str | None = None) -> None:
        article.title = article.title if title is None else title
        article.lead = article.lead if lead is None else lead
        article.changed = self._touch()

    def withdraw(self, article: Article) -> None:
        """Take the story off the site: it leaves the feed and its page is gone."""
        article.withdrawn = True
        article.changed = self._touch()

    def storm(self, *, redate: bool = True, reguid: bool = True, relink: bool = False) -> None:
        """What a careless move of the archive does: every item is dated now, named anew, or linked anew."""
        now = self._touch()
        self.redated = now if redate else self.redated
        self.guid_day += reguid
        self.long_links ^= relink

    def link_of(self, article: Article) -> str:
        return link_of(self, self.url, article)

    @property
    def feed_reads(self) -> list[Seen]:
        """The requests for a feed among all requests."""
        return [seen for seen in self.requests if seen.path in FEEDS]

    def feed(self) -> bytes:
        """The RSS as it goes over the wire."""
        return rss(self, self.name, self.url, self._shown(), time.time())

    def _shown(self) -> list[Article]:
        """What is on the site, newest first."""
        return [article for article in reversed(self.articles) if not article.withdrawn]

    def _touch(self) -> float:
        self._changed = time.time()
        return self._changed

    # ---- over HTTP

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.delay)
        place = _place(request.path)
        troubled = self.troubles(place)
        response = self._refusal(request, troubled=troubled) or self._respond(request, place)
        self.requests.append(Seen(request.method, request.path, response.status, dict(request.headers)))
        if not troubled or response.status != 200:
            return response
        if self.trouble in {"drip", "endless"}:
            return await self.stream(request, response)
        return self.packed(response) if self.gzip_layers else response

    def _refusal(self, request: web.Request, *, troubled: bool) -> web.Response | None:
        """An answer that has nothing to do with what was asked for."""
        if self.status != 200:
            response = self._html(error_page(self.status), self.status)
            if self.retry_after is not None:
                response.headers["Retry-After"] = str(self.retry_after)
            return response
        if troubled and self.trouble == "error_page":
            return self._html(error_page(503))
        if troubled and self.trouble == "empty":
            return web.Response(body=b"", headers={"Content-Type": self.feed_type()})
        return self.redirect(request) if troubled else None

    def _respond(self, request: web.Request, place: Place) -> web.Response:
        if place == "feed":
            return self._feed(request)
        if place == "picture":
            return self._picture(request.path)
        if request.path == "/":
            number = request.query.get("pg", "1")
            page = int(number) if number.isdigit() and len(number) < 6 else 1
            return self._html(front_page(self, self.name, self.url, self._shown(), max(1, page), time.time()))
        article = self._find(_ARTICLE, request.path)
        if article is None:
            return self._html(error_page(404), 404)
        if article.page_status != 200:
            return self._html(error_page(article.page_status), article.page_status)
        return self._html(article_page(self, self.name, self.url, article, time.time()))

    def _find(self, pattern: re.Pattern[str], path: str) -> Article | None:
        match = pattern.fullmatch(path)
        number = int(match[1]) if match else 0
        return next((each for each in self.articles if each.id == number and not each.withdrawn), None)

    def _picture(self, path: str) -> web.Response:
        article = self._find(_PICTURE, path)
        if article is None or article.picture is None:
            return self._html(error_page(404), 404)
        if self.picture_status != 200:
            return self._html(error_page(self.picture_status), self.picture_status)
        return web.Response(body=article.picture.data, headers={"Content-Type": article.picture.mime})

    def _feed(self, request: web.Request) -> web.Response:
        content_type, body = self.feed_type(), self.body_override
        if body is None and self.raw_feed is not None:
            content_type, body = self.raw_content_type, self.raw_feed
        if body is None and request.path == "/feed.json":
            content_type, body = "application/feed+json", json_feed(self, self.name, self.url, self._shown())
        body = self.feed() if body is None else body
        headers = {"Content-Type": content_type}
        if not self.validators:
            return web.Response(body=body, headers=headers)
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        kept = {"ETag": tag, "Last-Modified": formatdate(self._changed, usegmt=True)}
        if self._unchanged(request, tag):
            return web.Response(status=304, headers=kept)
        return web.Response(body=body, headers=kept | headers)

    def _unchanged(self, request: web.Request, tag: str) -> bool:
        if asked := request.headers.get("If-None-Match"):
            return tag in {each.strip().removeprefix("W/") for each in asked.split(",")} or asked.strip() == "*"
        try:
            since = parsedate_to_datetime(request.headers["If-Modified-Since"]).timestamp()
        except (KeyError, ValueError):
            return False
        return int(self._changed) <= since

    def _html(self, page: str, status: int = 200) -> web.Response:
        claimed = self.page_charset if self.page_declared is None else self.page_declared
        meta = '<meta charset="{charset}">'
        page = page.replace(meta, f'<meta charset="{claimed}">' if claimed else "", 1)
        headers = {"Content-Type": f"text/html; charset={claimed}" if claimed else "text/html"}
        return web.Response(status=status, body=page.encode(self.page_charset, "xmlcharrefreplace"), headers=headers)


def _place(path: str) -> Place:
    if path in FEEDS:
        return "feed"
    return "picture" if path.startswith("/pictures/") else "page"


@asynccontextmanager
async def serve_portal(portal: Portal, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Portal]:
    """Serve the site until the block ends; its `url` is set, and the feed is at `url + "/rss"`."""
    runner = web.AppRunner(portal.application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        portal.url = f"http://{host}:{runner.addresses[0][1]}"
        yield portal
    finally:
        await runner.cleanup()
