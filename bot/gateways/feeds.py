"""Reads RSS and Atom: feedparser takes them apart, encodings, dates, ids and entities are settled here."""

from __future__ import annotations

import asyncio
import hashlib
import html
import html.entities
import io
import re
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_tz
from typing import Any, Final
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import feedparser
from feedparser.mixin import _FeedParserMixin

from bot.gateways.http import Fetcher, FetchFailed, NotModified
from newsroom.articles import (
    LEAD,
    TITLE,
    FeedFailed,
    FeedRead,
    FeedUnchanged,
    FetchedArticle,
    Validators,
    identity_of,
)
from newsroom.text.plain import collapse, decode, images_in, plain, shorten

PARSER_TRIPS: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
)
WEB: Final = frozenset({"http", "https"})
NAMES: Final = ("tag:", "urn:")  # RFC 4151, RFC 8141: they say which article it is, and open nothing
PROLOG: Final = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
ROOT: Final = re.compile(r"<(?:[\w.-]+:)?(\w+)")
FEED_ROOTS: Final = frozenset({"rss", "feed", "rdf", "channel"})
WRAPPED: Final = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|RDF)[\s>]")
ITEM_END: Final = re.compile(r"</(?:item|entry)\s*>")
ROOT_END: Final = re.compile(r"</(?:channel|rss|feed|rdf:RDF)\s*>")
ENTITY: Final = re.compile(r"""<!ENTITY\s+([A-Za-z]\w{0,30})\s+(?:"([^"&%<]{0,100})"|'([^'&%<]{0,100})')\s*>""")
DOCTYPE_MARK: Final = re.compile(r"""\[|\]|>|<!--|["']""")
REFERENCE: Final = re.compile(r"&([A-Za-z]\w{0,30});")
PICTURE: Final = re.compile(r"\.(?:jpe?g|png|webp|gif)\b", re.IGNORECASE)
XML_ENTITIES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})

# feedparser resolves a guid against the feed's address, so every id would change on the day a site moves to https.
_FeedParserMixin.can_be_relative_uri.discard("id")


class HttpFeeds:
    """The feeds of other people's servers (a `FeedSource`)."""

    def __init__(self, fetcher: Fetcher, timezone: ZoneInfo) -> None:
        self._fetcher = fetcher
        self._timezone = timezone

    async def read(self, url: str, validators: Validators) -> FeedRead | FeedUnchanged | FeedFailed:
        """One polite request; the same bytes as last time are not even parsed."""
        try:
            answer = await self._fetcher.get(url, validators=validators)
        except FetchFailed as failure:
            return FeedFailed("error", failure.reason)
        if isinstance(answer, NotModified):
            return FeedUnchanged(validators)
        body_hash = hashlib.sha256(answer.body).hexdigest()
        fresh = replace(answer.validators, body_hash=body_hash)
        if body_hash == validators.body_hash:
            return FeedUnchanged(fresh)
        result = await asyncio.to_thread(
            read_feed, answer.body, content_type=answer.content_type, base_url=answer.url, timezone=self._timezone
        )
        return replace(result, validators=fresh) if isinstance(result, FeedRead) else result


def read_feed(body: bytes, *, content_type: str, base_url: str, timezone: ZoneInfo) -> FeedRead | FeedFailed:
    """What a feed's bytes say; a broken entry costs that entry and nothing else."""
    text = decode(body, content_type).lstrip("\ufeff \t\r\n\x00")
    if not text:
        return FeedFailed("not_a_feed", "The answer is empty.")
    root, text = _disarmed(text)
    wrapped = None if root in FEED_ROOTS else WRAPPED.search(text)
    if wrapped:  # some engines print a warning, or a whole page, around their feed
        text = text[wrapped.start() :]
    elif root in {"", "html", "body", "head"}:
        return FeedFailed("not_a_feed", "A web page came instead of a feed." if root else "This is not XML.")
    try:
        parsed = _parse(text, base_url)
    except PARSER_TRIPS as trip:
        return FeedFailed("not_a_feed", f"The feed cannot be taken apart ({type(trip).__name__}).")
    if not parsed.entries and root not in FEED_ROOTS:
        return FeedFailed("not_a_feed", f"XML came, but «{root[:40]}» is no feed.")
    base = base_url or _text(parsed.feed, "link")
    articles = tuple(article for entry in _whole(parsed.entries, text) for article in _article(entry, base, timezone))
    return FeedRead(plain(_text(parsed.feed, "title")), articles)


def _parse(text: str, base_url: str) -> Any:
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": base_url}
    # A stream, never the bytes: feedparser takes bytes for a file's name first.
    stream = io.BytesIO(text.encode("utf-8", errors="replace"))
    return feedparser.parse(stream, response_headers=headers, resolve_relative_uris=False, sanitize_html=False)


def _whole(entries: Sequence[Any], text: str) -> Sequence[Any]:
    """Without the last item of a feed that was cut inside it: half an address is a new article that leads nowhere."""
    opened = max(text.rfind("<item>"), text.rfind("<item "), text.rfind("<entry>"), text.rfind("<entry "))
    cut = opened >= 0 and not ITEM_END.search(text, opened) and not ROOT_END.search(text, opened)
    return entries[:-1] if cut else entries


def _disarmed(text: str) -> tuple[str, str]:
    """The root element's name, and the text without its DOCTYPE: entities neither fetch, nor nest, nor multiply.

    Entities that stand for a few plain letters are put in by hand; HTML's own are known without being declared.
    """
    start = text.find("<")
    if start < 0:
        return "", text
    declared: dict[str, str] = {}
    position = start
    kept = []
    while True:
        if match := PROLOG.match(text, position):
            kept.append(match.group())
            position = match.end()
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            end = _doctype_end(text, position)
            declared |= {name: one or two for name, one, two in ENTITY.findall(text[position:end])[:100]}
            position = end
        else:
            break
    root = ROOT.match(text, position)
    body = REFERENCE.sub(lambda found: _reference(found, declared), text[position:])
    return root.group(1).lower() if root else "", "".join(kept) + body


def _doctype_end(text: str, start: int) -> int:
    """Where a DOCTYPE ends, with what it declares between square brackets; the end of the text if it never does."""
    inside = False
    position = start + len("<!DOCTYPE")
    while mark := DOCTYPE_MARK.search(text, position):
        position = mark.end()
        match mark.group():
            case "[":
                inside = True
            case "]":
                inside = False
            case ">":
                if not inside:
                    return position
            case opening:  # a comment or a quotation, in which nothing counts but its end
                closing = "-->" if opening == "<!--" else opening
                end = text.find(closing, position)
                if end < 0:
                    break
                position = end + len(closing)
    return len(text)


def _reference(found: re.Match[str], declared: Mapping[str, str]) -> str:
    name = found.group(1)
    if name in XML_ENTITIES:
        return found.group()
    if name in declared:
        return declared[name]
    letters = html.entities.html5.get(name + ";")
    return found.group() if letters is None or letters in "<&" else letters


def _article(entry: Any, base: str, zone: ZoneInfo) -> Iterator[FetchedArticle]:
    """The article, or nothing: feeds contain entries that trip feedparser's own dictionary."""
    try:
        yield _read_article(entry, base, zone)
    except PARSER_TRIPS:
        return


def _read_article(entry: Any, base: str, zone: ZoneInfo) -> FetchedArticle:
    title = shorten(plain(_text(entry, "title")), TITLE)
    guid = collapse(_text(entry, "id"))
    link = _link(entry, guid, base)
    lead, markup = _lead(entry, title)
    updated = _date(entry, "updated", zone)
    return FetchedArticle(
        identity=identity_of(guid or None, link) or _own_identity(title, lead),
        title=title,
        link=link,
        lead=lead,
        published=_date(entry, "published", zone) or _date(entry, "created", zone) or updated,
        updated=updated,
        image=_image(entry, markup, base),
        categories=_categories(entry),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    """A field as it stands: `dict.get`, because feedparser's own lookups fall back on other fields with warnings."""
    value = dict.get(entry, key) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def _own_identity(title: str, lead: str) -> str:
    return "sha256:" + hashlib.sha256(f"{title}\x1f{lead}".encode(errors="replace")).hexdigest()[:32]


def _link(entry: Any, guid: str, base: str) -> str:
    found = [_text(entry, "link")]
    found += [_text(link, "href") for link in _list(entry, "links") if _text(link, "rel") == "alternate"]
    if urlsplit(guid).scheme in WEB:
        found.append(guid)
    addresses = (link for one in found if (link := _web_address(one, base)))
    names = (name for one in found if (name := collapse(one)).lower().startswith(NAMES))
    return next(addresses, "") or next(names, "")


def _web_address(address: str, base: str) -> str:
    """An absolute http(s) address, or nothing: a feed may not hand readers a `javascript:` or a `file:`."""
    cleaned = re.sub(r"[\x00-\x20\x7f]+", "%20", collapse(address))
    if not cleaned:
        return ""
    try:
        absolute = urljoin(base, cleaned)
        parts = urlsplit(absolute)
        return absolute if parts.scheme.lower() in WEB and parts.hostname else ""
    except ValueError:
        return ""


def _lead(entry: Any, title: str) -> tuple[str, str]:
    """The summary as plain text (nothing, if it only says the title again), and the markup pictures may be in."""
    content = next((_text(part, "value") for part in _list(entry, "content") if _text(part, "value")), "")
    summary = _text(entry, "summary") or content
    lead = shorten(plain(summary), LEAD)
    return ("" if lead == title else lead), f"{_text(entry, 'summary')} {content}"


def _list(entry: Any, key: str) -> Sequence[Any]:
    value = dict.get(entry, key) if isinstance(entry, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _categories(entry: Any) -> tuple[str, ...]:
    terms = (plain(_text(tag, "label") or _text(tag, "term")) for tag in _list(entry, "tags"))
    return tuple(dict.fromkeys(shorten(term, 200) for term in terms if term))


def _image(entry: Any, markup: str, base: str) -> str | None:
    return next((image for one in _images(entry, markup) if (image := _web_address(one, base))), None)


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


MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "январь января янв jan january",
            "февраль февраля фев февр feb february",
            "март марта мар mar march",
            "апрель апреля апр apr april",
            "май мая may",
            "июнь июня июн jun june",
            "июль июля июл jul july",
            "август августа авг aug august",
            "сентябрь сентября сен сент sep sept september",
            "октябрь октября окт oct october",
            "ноябрь ноября ноя нояб nov november",
            "декабрь декабря дек dec december",
        ),
        1,
    )
    for name in names.split()
}
ZONES: Final = {"msk": 180, "мск": 180, "msd": 240, "kgt": 360, "almt": 300, "uzt": 300, "tjt": 300, "tmt": 300} | {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "bst": 60, "cet": 60, "cest": 120, "eet": 120, "eest": 180,
}  # fmt: skip
CLOCK: Final = r"(?:[\sT,в]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
OFFSET: Final = r"\s*(?P<zone>(?:GMT|UTC)?\s*[+-]\d{1,2}(?::?\d{2})?|[A-Za-zМСК]{1,5})?\s*(?:\(.*\))?"
DATES: Final = tuple(
    re.compile(rf"(?:\w+\.?,?\s+)?{day}(?:\s*(?:г\.?|года))?{CLOCK}{OFFSET}", re.IGNORECASE)
    for day in (
        r"(?P<day>\d{1,2})[\s-]+(?P<month>[^\W\d]+)\.?,?[\s-]+(?P<year>\d{4})",
        r"(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{4})",
        r"(?P<year>\d{4})[-./](?P<month>\d{1,2})[-./](?P<day>\d{1,2})",
        r"(?P<month>[^\W\d]+)\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})",
    )
)


def _date(entry: Any, key: str, zone: ZoneInfo) -> datetime | None:
    """A date as written, in UTC; one without a zone is the site's local time, one that cannot be is none at all."""
    written = collapse(_text(entry, key))
    if not written:
        return None
    found = feed_date(written, zone)
    if found is not None or _own_word(written):
        return found
    parsed = dict.get(entry, f"{key}_parsed")
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _own_word(written: str) -> bool:
    """Whether one of our forms fits, so that feedparser is not asked to make a 3 March of 31 February."""
    return any(form.fullmatch(written) for form in DATES)


def feed_date(written: str, zone: tzinfo) -> datetime | None:
    """The moment a feed's date names: RFC 822 or ISO 8601, English or Russian months, with or without a zone."""
    for form in DATES:
        match = form.fullmatch(written)
        if match:
            return _moment(match.groupdict(), zone)
    return _rfc822(written, zone)


def _moment(parts: Mapping[str, str | None], local: tzinfo) -> datetime | None:
    month = (parts["month"] or "").lower()
    numbers = [int(parts[name] or 0) for name in ("hour", "minute", "second")]
    zone = _zone(parts["zone"], local)
    number = int(month) if month.isdigit() else MONTHS.get(month)
    if zone is None or number is None:
        return None
    try:
        day = datetime(int(parts["year"] or 0), number, int(parts["day"] or 0), tzinfo=zone)
        return day.replace(hour=numbers[0], minute=numbers[1], second=min(numbers[2], 59)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(written: str | None, local: tzinfo) -> tzinfo | None:
    if not written:
        return local
    offset = re.fullmatch(r"(?:GMT|UTC)?\s*([+-])(\d{1,2}):?(\d{2})?", written, re.IGNORECASE)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    else:
        known = ZONES.get(written.lower())
        return None if known is None else timezone(timedelta(minutes=known))
    if minutes >= 24 * 60:
        return None
    return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))


def _rfc822(written: str, local: tzinfo) -> datetime | None:
    parsed = parsedate_tz(written)
    if parsed is None or not written[:1].isalnum():
        return None
    try:
        zone = local if parsed[9] is None else timezone(timedelta(seconds=parsed[9]))
        return datetime(*parsed[:6], tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
