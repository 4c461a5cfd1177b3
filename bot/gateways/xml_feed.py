"""Reads RSS and Atom that was found harmless; feedparser takes them apart and lives only here."""

from __future__ import annotations

import io
import re
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import feedparser
from feedparser.mixin import _FeedParserMixin

from bot.gateways.feed_dates import feed_date, is_date_form
from bot.gateways.feed_items import (
    PARSER_TRIPS,
    categories_of,
    first_address,
    identity,
    lead_of,
    link_among,
    title_of,
)
from newsroom.articles import FeedFailed, FeedRead, FetchedArticle
from newsroom.text.plain import collapse, images_in, plain

ITEM_END: Final = re.compile(r"</(?:item|entry)\s*>")
ROOT_END: Final = re.compile(r"</(?:channel|rss|feed|rdf:RDF)\s*>")
ADULT: Final = frozenset({"adult", "r", "nc-17"})
PICTURE: Final = re.compile(r"\.(?:jpe?g|png|webp|gif)\b", re.IGNORECASE)

# feedparser resolves a guid against the feed's address, so every id would change on the day a site moves to https.
_FeedParserMixin.can_be_relative_uri.discard("id")


def read_xml(
    body: bytes, base_url: str, timezone: ZoneInfo, now: datetime | None, *, cut: bool
) -> FeedRead | FeedFailed:
    """What the items say; a broken one costs that one and nothing else, and the last of a cut feed is no item."""
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": base_url}
    # A stream, never the bytes: feedparser takes bytes for a file's name first.
    stream = io.BytesIO(body)
    del body  # it may be 10 MB, and parsing wants the room
    try:
        parsed = feedparser.parse(stream, response_headers=headers, resolve_relative_uris=False, sanitize_html=False)
    except PARSER_TRIPS as trip:
        return FeedFailed("not_a_feed", f"The feed cannot be taken apart ({type(trip).__name__}).")
    base = base_url or _text(parsed.feed, "link")
    entries = parsed.entries[:-1] if cut else parsed.entries
    articles = tuple(article for entry in entries for article in _article(entry, base, timezone, now))
    return FeedRead(title_of(_text(parsed.feed, "title")), articles)


def is_cut(text: str) -> bool:
    """Whether a feed was cut inside its last item: half an address is a new article that leads nowhere."""
    opened = max(text.rfind("<item>"), text.rfind("<item "), text.rfind("<entry>"), text.rfind("<entry "))
    return opened >= 0 and not ITEM_END.search(text, opened) and not ROOT_END.search(text, opened)


def _article(entry: Any, base: str, zone: ZoneInfo, now: datetime | None) -> Iterator[FetchedArticle]:
    """The article, or nothing: feeds contain entries that trip feedparser's own dictionary."""
    try:
        yield _read_article(entry, base, zone, now)
    except PARSER_TRIPS:
        return


def _read_article(entry: Any, base: str, zone: ZoneInfo, now: datetime | None) -> FetchedArticle:
    title = title_of(_text(entry, "title"))
    guid = collapse(_text(entry, "id"))
    alternates = [_text(link, "href") for link in _list(entry, "links") if _text(link, "rel") == "alternate"]
    link = link_among([_text(entry, "link"), *alternates], guid, base)
    content = next((_text(part, "value") for part in _list(entry, "content") if _text(part, "value")), "")
    summary = _text(entry, "summary")
    lead = lead_of(plain(summary or content), title)
    updated = _date(entry, "updated", zone, now)
    return FetchedArticle(
        identity=identity(guid, link, title, lead),
        title=title,
        link=link,
        lead=lead,
        published=_date(entry, "published", zone, now) or _date(entry, "created", zone, now) or updated,
        updated=updated,
        image=first_address(_images(entry, f"{summary} {content}"), base) or None,
        categories=categories_of(plain(_text(tag, "label") or _text(tag, "term")) for tag in _list(entry, "tags")),
        graphic=_is_graphic(entry),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    """A field as it stands: `dict.get`, because feedparser's own lookups fall back on other fields with warnings."""
    value = dict.get(entry, key) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def _list(entry: Any, key: str) -> Sequence[Any]:
    value = dict.get(entry, key) if isinstance(entry, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_graphic(entry: Any) -> bool:
    """Whether the item says that it is not for everybody (Media RSS, media:rating «urn:simple»)."""
    rating = dict.get(entry, "media_rating") if isinstance(entry, dict) else None
    said = _text(rating, "content") if isinstance(rating, dict) else _text(entry, "media_rating")
    return collapse(said).lower() in ADULT


def _images(entry: Any, markup: str) -> Iterator[str]:
    """Every picture the item names: as an enclosure, as media content, as a thumbnail, in the text."""
    for link in _list(entry, "links"):
        if _text(link, "rel") == "enclosure" and _text(link, "type").startswith("image/"):
            yield _text(link, "href")
    for media in _list(entry, "media_content"):
        kind = _text(media, "medium") or _text(media, "type")
        if kind.startswith("image") or (not kind and PICTURE.search(_text(media, "url"))):
            yield _text(media, "url")
    for thumbnail in _list(entry, "media_thumbnail"):
        yield _text(thumbnail, "url")
    image = dict.get(entry, "image")
    if isinstance(image, dict):
        yield _text(image, "href")
    yield from images_in(markup)


def _date(entry: Any, key: str, zone: ZoneInfo, now: datetime | None) -> datetime | None:
    """A date as written, in UTC; one without a zone is the site's local time, one that cannot be is none at all."""
    written = collapse(_text(entry, key))
    if not written:
        return None
    found = feed_date(written, zone, now)
    if found is not None or is_date_form(written):
        return found
    parsed = dict.get(entry, f"{key}_parsed")
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None
