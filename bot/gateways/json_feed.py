"""Reads JSON Feed, versions 1.0 and 1.1 (jsonfeed.org), by the same rules as the feeds that are XML."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.gateways.feed_dates import feed_date
from bot.gateways.feed_items import PARSER_TRIPS, categories_of, first_address, identity, lead_of, link_among
from newsroom.articles import LEAD, TITLE, FeedFailed, FeedRead, FetchedArticle
from newsroom.text.plain import MARKUP, collapse, images_in, plain, shorten


def read_json(text: str, base_url: str, timezone: ZoneInfo, now: datetime | None) -> FeedRead | FeedFailed:
    """What the items say; a broken one costs that one and nothing else."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError):
        return FeedFailed("not_a_feed", "This is JSON that breaks off or cannot be taken apart.")
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org/" not in _text(feed, "version"):
        return FeedFailed("not_a_feed", "JSON came, but it is no JSON Feed.")
    base = base_url or _text(feed, "feed_url") or _text(feed, "home_page_url")
    articles = tuple(article for item in items for article in _article(item, base, timezone, now))
    return FeedRead(_words(feed, "title", TITLE), articles)


def _article(item: Any, base: str, zone: ZoneInfo, now: datetime | None) -> Iterator[FetchedArticle]:
    if not isinstance(item, dict):
        return
    try:
        yield _read_article(item, base, zone, now)
    except PARSER_TRIPS:
        return


def _read_article(item: Mapping[str, Any], base: str, zone: ZoneInfo, now: datetime | None) -> FetchedArticle:
    title = _words(item, "title", TITLE)
    guid = collapse(_text(item, "id"))
    link = link_among([_text(item, "url"), _text(item, "external_url")], guid, base)
    content = _text(item, "content_html")
    lead = _words(item, "summary", LEAD) or plain(content) or _words(item, "content_text", LEAD)
    lead = lead_of(lead, title)
    updated = feed_date(collapse(_text(item, "date_modified")), zone, now)
    tags = item.get("tags")
    return FetchedArticle(
        identity=identity(guid, link, title, lead),
        title=title,
        link=link,
        lead=lead,
        published=feed_date(collapse(_text(item, "date_published")), zone, now) or updated,
        updated=updated,
        image=first_address(_images(item, content), base) or None,
        categories=categories_of(collapse(tag) for tag in tags if isinstance(tag, str))
        if isinstance(tags, list)
        else (),
    )


def _text(item: Mapping[str, Any], key: str) -> str:
    """A field as it stands; version 1.0 let an id be a number, and readers were to take it for its digits."""
    value = item.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _words(item: Mapping[str, Any], key: str, limit: int) -> str:
    """A field that is plain text, though many engines leave their entities in it."""
    return shorten(collapse(html.unescape(_text(item, key)[:MARKUP])), limit)


def _images(item: Mapping[str, Any], content: str) -> Iterator[str]:
    yield _text(item, "image")
    yield _text(item, "banner_image")
    attachments = item.get("attachments")
    for attached in attachments if isinstance(attachments, list) else ():
        if isinstance(attached, dict) and _text(attached, "mime_type").startswith("image/"):
            yield _text(attached, "url")
    yield from images_in(content)
