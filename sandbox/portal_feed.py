"""The feeds of the sample site, well made or spoiled in every way that is seen on the web."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from html import escape
from typing import Any, Final, Literal

from sandbox.portal_articles import Article
from sandbox.portal_dates import BISHKEK, as_seen, in_numbers, in_short_words, in_words

Dates = Literal["rfc", "russian", "words", "today", "none"]
Pictures = Literal["enclosure", "media", "thumbnail", "body", "none"]

_YEAR_2099: Final = 4_085_985_600.0
_ABOUT: Final = "Новости"
_STRAY: Final = {"gb2312": b"\xff"}


@dataclass(kw_only=True)
class FeedMood:
    """How the feed is made; each switch may be turned while the site runs."""

    bare: bool = False
    """Title, link and date of each item, nothing else."""
    charset: str = "windows-1251"
    """The encoding of its bytes."""
    declared: str | None = None
    """The encoding it claims, in the document and in the header: None is the true one, "" is none at all."""
    broken_byte: bool = False
    """One byte that is no letter stands in the description of the feed."""
    cut: float | None = None
    """Only this share of the bytes is sent."""
    dates: Dates = "rfc"
    """Dates in English, in Russian with a zone, «28 октября 2021 06:19», the same with «Сегодня 07:36», or none."""
    in_2099: bool = False
    """The newest item is dated 2099."""
    doubled: bool = False
    """Every item stands there twice."""
    guid_day: int = 0
    """When not 0, guids are made of it and of the number: another day, another guid."""
    redated: float | None = None
    """Every item is dated so, whenever it was published."""
    long_links: bool = False
    """Links are /view/5/ID instead of /view/ID."""
    pictures_as: Pictures = "enclosure"
    """How an item gives its picture, unless `bare`."""
    utc_offset: int = BISHKEK
    """The hours of the site, in seconds east of Greenwich."""

    def feed_type(self) -> str:
        """The Content-Type of the RSS, with the encoding it claims."""
        claimed = self.charset if self.declared is None else self.declared
        return f"application/rss+xml; charset={claimed}" if claimed else "application/rss+xml"


def link_of(mood: FeedMood, url: str, article: Article) -> str:
    """The address the site gives for this article today."""
    return article.link or f"{url}/view/{'5/' if mood.long_links else ''}{article.id}"


def _listed(mood: FeedMood, articles: Iterable[Article]) -> list[tuple[Article, float]]:
    """The items, newest first, each with its date."""
    items: list[tuple[Article, float]] = []
    for article in articles:
        at = article.published if mood.redated is None else mood.redated
        if mood.in_2099 and not items:
            at = _YEAR_2099
        items += [(article, at)] * (2 if mood.doubled else 1)
    return items


def _guid(mood: FeedMood, article: Article) -> str | None:
    return f"{article.id}-{mood.guid_day}" if mood.guid_day else article.guid


# ---- RSS


def rss(mood: FeedMood, name: str, url: str, articles: Sequence[Article], now: float) -> bytes:
    """The RSS as it goes over the wire."""
    claimed = mood.charset if mood.declared is None else mood.declared
    items = "".join(_item(mood, url, article, at, now) for article, at in _listed(mood, articles))
    encoding = f' encoding="{claimed}"' if claimed else ""
    text = (
        f'<?xml version="1.0"{encoding}?>\n'
        '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>{escape(name)}</title><link>{escape(url)}/</link>"
        f"<description>{_ABOUT} степи и гор</description><language>ru</language>"
        f"{items}</channel></rss>\n"
    )
    body = text.encode(mood.charset, "xmlcharrefreplace")
    if mood.broken_byte:
        about = f"<description>{_ABOUT}".encode(mood.charset)
        body = body.replace(about, about + _STRAY.get(mood.charset, b"\x98"), 1)
    return body if mood.cut is None else body[: int(len(body) * mood.cut)]


def _item(mood: FeedMood, url: str, article: Article, at: float, now: float) -> str:
    link = escape(link_of(mood, url, article))
    head = f"\n<item><title>{escape(article.title)}</title><link>{link}</link>"
    date = _date(mood, at, now)
    tail = f"<pubDate>{date}</pubDate></item>" if date else "</item>"
    if mood.bare:
        return head + tail
    given = _guid(mood, article)
    guid = link if given is None else escape(given)
    permanent = "true" if given is None else "false"
    category = f"<category>{escape(article.category)}</category>" if article.category else ""
    lead, media = _with_picture(mood, url, article)
    return (
        f'{head}<guid isPermaLink="{permanent}">{guid}</guid>'
        f"<description>{escape(lead)}</description>{category}{media}{tail}"
    )


def _with_picture(mood: FeedMood, url: str, article: Article) -> tuple[str, str]:
    """The description and what stands beside it."""
    rating = '<media:rating scheme="urn:simple">adult</media:rating>' if article.graphic else ""
    picture = article.picture
    if picture is None:
        return article.lead, rating
    address = escape(url + article.picture_path)
    match mood.pictures_as:
        case "enclosure":
            enclosure = f'<enclosure url="{address}" length="{len(picture.data)}" type="{picture.mime}"/>'
            return article.lead, enclosure + rating
        case "media":
            sides = f'width="{picture.width}" height="{picture.height}"'
            media = f'<media:content url="{address}" medium="image" type="{picture.mime}" {sides}>{rating}'
            return article.lead, f"{media}</media:content>"
        case "thumbnail":
            return article.lead, f'<media:thumbnail url="{address}"/>{rating}'
        case "body":
            return f'<p><img src="{address}" alt=""></p><p>{escape(article.lead)}</p>', rating
        case "none":
            return article.lead, rating


def _date(mood: FeedMood, at: float, now: float) -> str:
    match mood.dates:
        case "rfc":
            return formatdate(at, usegmt=True)
        case "russian":
            return in_short_words(at, mood.utc_offset)
        case "words":
            return in_words(at, mood.utc_offset)
        case "today":
            return as_seen(at, now, mood.utc_offset)
        case "none":
            return ""


# ---- JSON Feed


def json_feed(mood: FeedMood, name: str, url: str, articles: Sequence[Article]) -> bytes:
    """The same items as JSON Feed 1.1, which is utf-8 whatever `charset` says."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": name,
        "home_page_url": f"{url}/",
        "feed_url": f"{url}/feed.json",
        "language": "ru",
        "items": [_json_item(mood, url, article, at) for article, at in _listed(mood, articles)],
    }
    body = json.dumps(feed, ensure_ascii=False, indent=1).encode()
    return body if mood.cut is None else body[: int(len(body) * mood.cut)]


def _json_item(mood: FeedMood, url: str, article: Article, at: float) -> dict[str, Any]:
    link = link_of(mood, url, article)
    item: dict[str, Any] = {"id": _guid(mood, article) or link, "url": link, "title": article.title}
    if mood.dates != "none":
        item["date_published"] = in_numbers(at, mood.utc_offset)
    if mood.bare:
        return item
    item["content_text"] = "\n\n".join(article.body)
    item["summary"] = article.lead
    if article.category:
        item["tags"] = [article.category]
    if article.picture and mood.pictures_as != "none":
        item["image"] = url + article.picture_path
    return item
