"""A sample news site in windows-1251, with a feed that a polite reader can ask for again and again."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from html import escape
from typing import Final

from aiohttp import web

_CHARSET: Final = "windows-1251"


@dataclass(slots=True)
class Article:
    """One story on the site."""

    id: int
    title: str
    lead: str
    link: str | None
    guid: str | None
    category: str | None
    published: float
    changed: float
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One request the site answered."""

    method: str
    path: str
    status: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """An invented story, ready to be published."""

    title: str
    lead: str
    category: str


@dataclass
class Portal:
    """The editorial side of the site; what it says, the feed says."""

    name: str = "Степной вестник"
    url: str = ""
    status: int = 200
    body_override: bytes | None = None
    raw_feed: bytes | None = None
    raw_content_type: str = "application/rss+xml"
    articles: list[Article] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)
    _changed: float = field(default_factory=time.time, repr=False)

    def publish(
        self,
        title: str,
        lead: str = "",
        link: str | None = None,
        guid: str | None = None,
        category: str | None = None,
    ) -> Article:
        now = self._touch()
        article = Article(next(self._ids), title, lead, link, guid, category, now, now)
        self.articles.append(article)
        return article

    def publish_samples(self, count: int | None = None) -> list[Article]:
        """Put the invented stories on the site, the first ones first."""
        return [self.publish(each.title, each.lead, category=each.category) for each in SAMPLE_ARTICLES[:count]]

    def change(self, article: Article, *, title: str | None = None, lead: str | None = None) -> None:
        article.title = article.title if title is None else title
        article.lead = article.lead if lead is None else lead
        article.changed = self._touch()

    def withdraw(self, article: Article) -> None:
        """Take the story off the site: it leaves the feed and its page is gone."""
        article.withdrawn = True
        article.changed = self._touch()

    def link_of(self, article: Article) -> str:
        return article.link or f"{self.url}/view/{article.id}"

    def feed(self) -> bytes:
        """The RSS as it goes over the wire."""
        items = "".join(self._item(article) for article in reversed(self.articles) if not article.withdrawn)
        text = (
            f'<?xml version="1.0" encoding="{_CHARSET}"?>\n<rss version="2.0"><channel>'
            f"<title>{escape(self.name)}</title>"
            f"<link>{escape(self.url)}/</link><description>Новости степи и гор</description><language>ru</language>"
            f"{items}</channel></rss>\n"
        )
        return _encode(text)

    def _item(self, article: Article) -> str:
        link = escape(self.link_of(article))
        guid = link if article.guid is None else escape(article.guid)
        category = f"<category>{escape(article.category)}</category>" if article.category else ""
        return (
            f"\n<item><title>{escape(article.title)}</title><link>{link}</link>"
            f'<guid isPermaLink="{"true" if article.guid is None else "false"}">{guid}</guid>'
            f"<description>{escape(article.lead)}</description>{category}"
            f"<pubDate>{formatdate(article.published, usegmt=True)}</pubDate></item>"
        )

    def _touch(self) -> float:
        self._changed = time.time()
        return self._changed

    # ---- over HTTP

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        response = self._respond(request)
        self.requests.append(Seen(request.method, request.path, response.status, dict(request.headers)))
        return response

    def _respond(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return _html(f"<h1>Ошибка {self.status}</h1>", self.status)
        if request.path == "/rss":
            return self._rss(request)
        if request.path == "/":
            shown = [article for article in reversed(self.articles) if not article.withdrawn]
            rows = "".join(
                f'<li><a href="{escape(self.link_of(each))}">{escape(each.title)}</a></li>' for each in shown
            )
            return _html(f'<h1>{escape(self.name)}</h1><ul>{rows}</ul><p><a href="/rss">RSS</a></p>')
        for article in self.articles:
            if request.path == f"/view/{article.id}" and not article.withdrawn:
                return _html(f"<h1>{escape(article.title)}</h1><p>{escape(article.lead)}</p>")
        return _html("<h1>Страница не найдена</h1>", 404)

    def _rss(self, request: web.Request) -> web.Response:
        content_type, body = f"application/rss+xml; charset={_CHARSET}", self.body_override
        if body is None and self.raw_feed is not None:
            content_type, body = self.raw_content_type, self.raw_feed
        body = self.feed() if body is None else body
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {"ETag": tag, "Last-Modified": formatdate(self._changed, usegmt=True)}
        if self._unchanged(request, tag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers={**headers, "Content-Type": content_type})

    def _unchanged(self, request: web.Request, tag: str) -> bool:
        if asked := request.headers.get("If-None-Match"):
            return tag in {each.strip().removeprefix("W/") for each in asked.split(",")} or asked.strip() == "*"
        try:
            since = parsedate_to_datetime(request.headers["If-Modified-Since"]).timestamp()
        except (KeyError, ValueError):
            return False
        return int(self._changed) <= since


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


def _encode(text: str) -> bytes:
    return text.encode(_CHARSET, "xmlcharrefreplace")


def _html(inner: str, status: int = 200) -> web.Response:
    page = f'<!doctype html><html lang="ru"><head><meta charset="{_CHARSET}"></head><body>{inner}</body></html>'
    headers = {"Content-Type": f"text/html; charset={_CHARSET}"}
    return web.Response(status=status, body=_encode(page), headers=headers)


SAMPLE_ARTICLES: Final = (
    Sample("В Каракольской долине открыли школу юных садоводов",
           "Тридцать учеников посадили первые яблони старых местных сортов.", "Общество"),
    Sample("Поезд «Степной экспресс» пойдёт по новому расписанию",
           "Вечерний рейс отправится на сорок минут раньше, утренний останется прежним.", "Транспорт"),
    Sample("Мастера войлока соткали ковёр длиной двадцать метров",
           "Узор собрали из рисунков жителей восьми аилов.", "Культура"),
    Sample("На высокогорном озере насчитали тысячу краснозобых казарок",
           "Орнитологи связывают рост стаи с тёплой осенью и тишиной на берегах.", "Природа"),
    Sample("Пекари квартала испекли самую большую лепёшку сезона",
           "Её диаметр — два метра, а угощали ею всех прохожих.", "Общество"),
    Sample("Библиотека-юрта отправилась по дальним пастбищам",
           "В кибитке четыреста книг на трёх языках и чай для читателей.", "Культура"),
    Sample("Студенты собрали метеостанцию из старых телефонов",
           "Она уже предсказала дождь, который не заметили большие приборы.", "Наука"),
    Sample("Урожай хлопка в пойме убрали на неделю раньше",
           "Помогла сухая погода и общий график работы комбайнов.", "Экономика"),
    Sample("Сборная двора выиграла кубок по кок-бору на осликах",
           "Шуточный турнир собрал двенадцать команд и один оркестр.", "Спорт"),
    Sample("Новый арык напоил парк на окраине",
           "Воду пустили самотёком: насосы не понадобились.", "Общество"),
    Sample("Ночной базар ремёсел продлили до первого снега",
           "Торговые ряды будут работать по пятницам и субботам до полуночи.", "Экономика"),
    Sample("Астрономы-любители показали детям кольца Сатурна",
           "На плато поставили шесть телескопов, очередь не кончалась до утра.", "Наука"),
)  # fmt: skip
