"""Reads RSS and Atom that was found harmless; feedparser takes them apart and lives only here."""

from __future__ import annotations

import io
import re
import xml.sax
import xml.sax.handler
import xml.sax.xmlreader
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from feedparser.api import LooseFeedParser, StrictFeedParser
from feedparser.mixin import _FeedParserMixin
from feedparser.urls import make_safe_absolute_uri

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
    body: list[bytes], base_url: str, timezone: ZoneInfo, now: datetime | None, *, cut: bool
) -> FeedRead | FeedFailed:
    """What the items say; a broken one costs that one and nothing else, and the last of a cut feed is no item.

    The body, UTF-8, is taken out of its list: it may be 10 MB, and what is read of it wants the room.
    """
    try:
        parsed = _parsed(body.pop(), base_url)
    except PARSER_TRIPS as trip:
        return FeedFailed("not_a_feed", f"The feed cannot be taken apart ({type(trip).__name__}).")
    base = base_url or _text(parsed.feeddata, "link")
    entries = parsed.entries[:-1] if cut else parsed.entries
    articles = tuple(article for entry in entries for article in _article(entry, base, timezone, now))
    return FeedRead(title_of(_text(parsed.feeddata, "title")), articles)


def _parsed(body: bytes, base_url: str) -> Any:
    """What `feedparser.parse` does with a document that is known to be UTF-8, in a third of the memory."""
    base = make_safe_absolute_uri(base_url)
    strict = _plain_reader(StrictFeedParser(base, None, "utf-8"))
    reader = xml.sax.make_parser()  # noqa: S317 - there is no DOCTYPE any more, so no entity either
    reader.setFeature(xml.sax.handler.feature_namespaces, True)
    reader.setFeature(xml.sax.handler.feature_external_ges, False)
    reader.setContentHandler(strict)
    reader.setErrorHandler(strict)
    source = xml.sax.xmlreader.InputSource()
    source.setEncoding("utf-8")  # whatever the document declares
    source.setByteStream(io.BytesIO(body))
    try:
        reader.parse(source)
    except xml.sax.SAXException:
        del strict, reader, source
        loose = _plain_reader(LooseFeedParser(base, None, "utf-8", {}))
        loose.feed(body.decode("utf-8", errors="replace"))
        return loose
    return strict


def _plain_reader(reader: Any) -> Any:
    reader.resolve_relative_uris = False
    reader.sanitize_html = False
    return reader


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
