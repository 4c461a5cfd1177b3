"""Reads an article's own page for what its feed left out: headline, lead, picture, and where in the site it stands."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, Literal
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from bot.gateways.http import Fetcher, FetchFailed, NotModified
from bot.gateways.markup import block_lines, tidied
from newsroom.articles import LEAD, LINK, TITLE, shown
from newsroom.errors import ConfigError
from newsroom.pages import ArticlePage, near_identical, site_identity
from newsroom.text.plain import collapse, decode, shorten

log = logging.getLogger(__name__)

Adapter = Literal["news-asia", "generic"]

PATIENCE: Final = 5.0  # seconds; after them a post goes out without what the page would have added
ENOUGH: Final = 300  # characters of a lead; a shorter first paragraph is joined by the next ones
SHORT: Final = 80  # characters of a line that may be a label
PAGE_TYPES: Final = ("text/", "application/xhtml", "application/xml", "application/octet-stream")
META_CHARSET: Final = re.compile(rb"""<meta\b[^>]{0,200}?\bcharset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)

COUNTRIES: Final = (
    "Казахстан|Кыргызстан|Киргизия|Узбекистан|Таджикистан|Туркменистан|Туркмения|Китай|Россия|Афганистан|Монголия"
    "|Центральная Азия|Средняя Азия|Евразия|СНГ|Азия|Мир|В мире"
)
BREADCRUMB: Final = re.compile(rf"(?:{COUNTRIES})(?:\s*/\s*[^/|]{{2,40}}){{1,3}}")
FEED_LINK: Final = re.compile(r"\s*\bRSS$")
STEPS: Final = re.compile(r"\s+/\s+|\s*[»›→]\s*")

_MONTHS = "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
_DATE = rf"(?:\w+,\s*)?\d{{1,2}}\s+(?:{_MONTHS})\s+\d{{4}}|сегодня|вчера"
# What stands above and below an article, and is no part of it. A date without a time may begin a sentence.
FURNITURE: Final = re.compile(
    rf"(?:(?:{_DATE})(?:[\s,]+\d{{1,2}}:\d{{2}}(?!\d)|$)"
    r"|просмотр(?:ов|ы)\s*:\s*\d+"
    r"|комментари(?:и|ев)\s*(?:\[\d+\]|:\s*\d+)"
    r"|(?:(?:[\w.-]+\s+){0,3}[\w.-]+,\s*)?©\s*news-asia\b)",
    re.IGNORECASE,
)
CAPTION: Final = re.compile(r"(?:Фото|Источник|Автор|Текст)\s*[:©]|Фото\s+(?:пресс-|из\s)|Читайте также|[^.!?]*,\s*©\s")
SITE_NAME: Final = re.compile(r"\s+[|/–—-]\s+[«\"]?News-Asia.*", re.IGNORECASE)
GRAPHIC: Final = re.compile(
    r"(?<!\d)18\s?\+|\bшок-(?:контент|видео|фото)|\bшокирующ\w+ (?:кадр|видео|фото|контент|снимк)|\bслабонервн",
    re.IGNORECASE,
)
ADULT: Final = frozenset({"adult", "mature", "restricted", "18+", "rta-5042-1996-1400-1577-rta"})
NO_PICTURE: Final = re.compile(
    r"(?:^|[/_.=-])(?:logo|icons?|favicon|avatar|pixel|spacer|blank|counter|banner|smile|1x1)(?:[/_.?=&-]|$)|\.svg\b",
    re.IGNORECASE,
)
TRACKERS: Final = re.compile(
    r"(?:^|\.)(?:yadro\.ru|mc\.yandex\.\w+|top(?:-fwz1)?\.mail\.ru|counter\.\S+|google-analytics\.com|doubleclick\.net)$"
)
SENTENCE_END: Final = re.compile(r"""[.!?…:;,][»"”)\]]*$""")
SMALL: Final = 60  # pixels; a picture said to be no larger is an icon


@dataclass(frozen=True, slots=True)
class Selectors:
    """CSS selectors of a site nobody wrote an adapter for; an empty one leaves the question to the page's og: tags."""

    title: str = ""
    lead: str = ""
    image: str = ""
    breadcrumb: str = ""


class Site:
    """The article pages of one site."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        adapter: Adapter = "generic",
        selectors: Selectors | None = None,
        home: str | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._fetcher = fetcher
        self._adapter = adapter
        self._selectors = _checked(selectors or Selectors())
        self._home = home
        self._patience = patience

    def identity(self, link: str) -> str | None:
        """By what the site at `home` recognises an article; None without a home, where the address must do."""
        return None if self._home is None else site_identity(self._adapter, link, self._home)

    async def article(self, url: str) -> ArticlePage | None:
        """What the page at `url` says of its article; None, and a line in the log, when it cannot be had in time."""
        try:
            async with asyncio.timeout(self._patience):
                page = await self._read(url)
        except FetchFailed as failure:
            reason = failure.reason
        except TimeoutError:
            reason = f"It took more than {self._patience:g} s."
        else:
            if page is not None:
                return page
            reason = "It holds no article."
        log.info("the page %s adds nothing: %s", shown(url), reason)
        return None

    async def _read(self, url: str) -> ArticlePage | None:
        answer = await self._fetcher.get(url)
        if isinstance(answer, NotModified) or not _may_be_a_page(answer.content_type):
            raise FetchFailed("What came is not a web page.")
        return await asyncio.to_thread(
            read_page,
            answer.body,
            content_type=answer.content_type,
            url=answer.url,
            adapter=self._adapter,
            selectors=self._selectors,
        )


def _may_be_a_page(content_type: str) -> bool:
    return content_type.strip().lower().startswith(PAGE_TYPES) or not content_type


def _checked(selectors: Selectors) -> Selectors:
    nothing = LexborHTMLParser("")
    for one in fields(selectors):
        selector = getattr(selectors, one.name)
        try:
            if selector:
                nothing.css(selector)
        except SelectolaxError:
            raise ConfigError(f"site.selectors.{one.name}: «{selector}» is not a CSS selector") from None
    return selectors


def read_page(
    body: bytes,
    *,
    content_type: str = "",
    url: str,
    adapter: Adapter = "generic",
    selectors: Selectors | None = None,
) -> ArticlePage | None:
    """What the bytes of a page say of its article, or None if they say nothing; whatever they are, not for long."""
    text = decode(body, _typed(body, content_type))
    markup = tidied(text)
    try:
        page = _Page(LexborHTMLParser(markup), markup, url, selectors or Selectors())
        read = page.of_news_asia() if adapter == "news-asia" else page.of_any_site()
    except (SelectolaxError, ValueError, RuntimeError):
        return None
    return read if read.title or read.lead or read.image else None


def _typed(body: bytes, content_type: str) -> str:
    """The header, which `<meta charset>` completes where it names no encoding."""
    declared = META_CHARSET.search(body[:4096])
    if "charset" in content_type.lower() or not declared:
        return content_type
    return f"text/html; charset={declared[1].decode('ascii', errors='replace')}"


class _Page:
    """A page taken apart, and the questions one asks of it."""

    def __init__(self, tree: LexborHTMLParser, markup: str, url: str, selectors: Selectors) -> None:
        self._tree = tree
        self._markup = markup
        self._url = url
        self._selectors = selectors

    def of_news_asia(self) -> ArticlePage:
        title = self._headline()
        return ArticlePage(
            title=title,
            lead=self._lead(title) or self._described(title),
            image=self._picture("div.content img"),
            breadcrumb=self._landmark(),
            graphic=self._graphic(title, "div.content > *"),
        )

    def of_any_site(self) -> ArticlePage:
        asked = self._selectors
        title = self._first(asked.title) or self._meta("og:title") or self._first("h1, title")
        title = shorten(title, TITLE)
        crumbs = [words for node in self._all(asked.breadcrumb) if (words := _words(node))]
        steps = STEPS.split(crumbs[0]) if len(crumbs) == 1 else crumbs
        return ArticlePage(
            title=title,
            lead=shorten(self._first(asked.lead), LEAD) or self._described(title),
            image=self._picture(asked.image, first=True),
            breadcrumb=tuple(shorten(step, SHORT) for step in steps[:5] if step),
            graphic=self._graphic(title, asked.lead),
        )

    def _all(self, selector: str) -> list[LexborNode]:
        return self._tree.css(selector) if selector else []

    def _first(self, selector: str) -> str:
        return next((words for node in self._all(selector) if (words := _words(node))), "")

    def _meta(self, name: str) -> str:
        found = self._all(f'meta[property="{name}"], meta[name="{name}"]')
        return next((words for node in found if (words := collapse(node.attributes.get("content") or ""))), "")

    def _headline(self) -> str:
        """The h1 that says what the page is called, else the first one, else what the page is called."""
        called = self._meta("og:title") or SITE_NAME.sub("", self._first("title"))
        heads = [words for node in self._all("h1") if (words := _words(node))]
        same = (head for head in heads if near_identical(head, called))
        return shorten(next(same, "") or next(iter(heads), "") or called, TITLE)

    def _lead(self, title: str) -> str:
        """The first paragraphs with words of the article itself."""
        taken = ""
        for node in self._all("div.content > p"):
            words = _without_furniture(_words(node))
            caption = len(words) <= SHORT and CAPTION.match(words)
            if caption or near_identical(words, title) or not any(map(str.isalpha, words)):
                continue
            taken = f"{taken}{' ' if not taken or SENTENCE_END.search(taken) else '. '}{words}".lstrip()
            if len(taken) >= ENOUGH:
                break
        return shorten(taken, LEAD)

    def _described(self, title: str) -> str:
        said = shorten(self._meta("og:description"), LEAD)
        return "" if near_identical(said, title) else said

    def _picture(self, selector: str, *, first: bool = False) -> str | None:
        """The picture the page names as its own, else the first one at `selector`; or the other way round."""
        named = [address for name in ("og:image", "og:image:url") if (address := self._meta(name))]
        shown_ = [address for node in self._all(selector) for address in _sources(node)]
        addresses = (*shown_, *named) if first else (*named, *shown_)
        return next((found for one in addresses if (found := _picture_address(one, self._url))), None)

    def _landmark(self) -> tuple[str, ...]:
        """«Кыргызстан / Общество», wherever it stands: what its element is called is not known."""
        for line in block_lines(self._markup):
            if len(line) <= 2 * SHORT and BREADCRUMB.fullmatch(steps := FEED_LINK.sub("", line)):
                return tuple(step.strip() for step in steps.split("/") if step.strip())
        return ()

    def _graphic(self, title: str, selector: str) -> bool:
        """Only what the page says in so many words; an age in the foot of a site is about the site."""
        if self._meta("rating").lower() in ADULT or GRAPHIC.search(title):
            return True
        texts = (_words(node) for node in self._all(selector))
        return any(GRAPHIC.search(words) if len(words) <= SHORT else GRAPHIC.match(words) for words in texts)


def _words(node: LexborNode) -> str:
    return collapse(node.text(deep=True)[: 4 * LEAD])


def _without_furniture(words: str) -> str:
    while found := FURNITURE.match(words):
        words = words[found.end() :].lstrip(" ,.|–—-")
    return words


def _sources(node: LexborNode) -> Iterator[str]:
    """Where the picture of an element may be; lazy pages keep it beside `src`, where a blank stands in for it."""
    says = node.attributes
    sides = (re.match(r"\s*(\d{1,5})", says.get(side) or "") for side in ("width", "height"))
    if any(side and int(side[1]) <= SMALL for side in sides):
        return
    for name in ("data-src", "data-original", "src", "content", "href"):
        if address := says.get(name):
            yield address


def _picture_address(address: str, base: str) -> str | None:
    """An absolute web address that may be a picture of the article, or none."""
    cleaned = re.sub(r"[\x00-\x20\x7f]+", "%20", collapse(address))
    if not cleaned:
        return None
    try:
        absolute = urljoin(base, cleaned)
        parts = urlsplit(absolute)
        web = "" if parts.scheme.lower() not in {"http", "https"} or parts.username else parts.hostname
    except ValueError:
        return None
    if not web or len(absolute) > LINK or not parts.path.strip("/") + parts.query:
        return None
    return None if NO_PICTURE.search(f"{parts.path}?{parts.query}") or TRACKERS.search(web.lower()) else absolute
