"""Says what the bytes that came are: RSS, Atom, JSON Feed, a page that names its feed, or no feed at all."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot.gateways.feed_guards import disarmed, marks, what_is_wrong
from bot.gateways.feed_items import web_address
from bot.gateways.feed_wire import FeedElsewhere
from bot.gateways.json_feed import read_json
from bot.gateways.xml_feed import is_cut, read_xml
from newsroom.articles import FeedFailed, FeedRead
from newsroom.text.plain import decode

FEED_ROOTS: Final = frozenset({"rss", "feed", "rdf", "channel"})
WRAPPED: Final = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|RDF)[\s>]")
FEED_TYPES: Final = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
ATTRIBUTE: Final = re.compile(r"""([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
HEAD: Final = 300_000  # characters of a page in which its feed is looked for
NO_PAGE: Final = FeedFailed("not_a_feed", "A web page came instead of a feed.")


@dataclass(frozen=True, slots=True)
class Xml:
    """A document that may be parsed: UTF-8, without a DOCTYPE, of a shape that parses in good time."""

    body: bytes
    root: str
    cut: bool
    instead: FeedFailed | FeedElsewhere
    """what to say when no feed is found in it after all"""


def read_feed(
    body: bytes, *, content_type: str, base_url: str, timezone: ZoneInfo, now: datetime | None = None
) -> FeedRead | FeedFailed | FeedElsewhere:
    """What a feed's bytes say; a broken entry costs that entry and nothing else."""
    text = decode(body, content_type).lstrip("\ufeff \t\r\n\x00")
    del body
    if not text:
        return FeedFailed("not_a_feed", "The answer is empty.")
    if text[0] in "{[":
        return read_json(text, base_url, timezone, now)
    found = _looked_at(text, base_url)
    del text  # it may take 40 MB, and parsing wants the room
    if not isinstance(found, Xml):
        return found
    result = read_xml(found.body, base_url, timezone, now, cut=found.cut)
    if isinstance(result, FeedRead) and not result.articles and found.root not in FEED_ROOTS:
        return found.instead
    return result


def _looked_at(text: str, base_url: str) -> Xml | FeedFailed | FeedElsewhere:
    root, harmless = disarmed(text)
    instead: FeedFailed | FeedElsewhere = FeedFailed("not_a_feed", f"XML came, but «{root[:40]}» is no feed.")
    if root not in FEED_ROOTS:
        page = root in {"", "html", "body", "head"}
        named = _named_feed(text, base_url)
        if named:
            instead = FeedElsewhere(named)
        elif page:
            instead = NO_PAGE if root else FeedFailed("not_a_feed", "This is not XML.")
        wrapped = WRAPPED.search(harmless)
        if wrapped:  # some engines print a warning, or a whole page, around their feed
            harmless = harmless[wrapped.start() :]
        elif page or named:
            return instead
    wrong = what_is_wrong(harmless)
    if wrong:
        return FeedFailed("error", wrong)
    return Xml(harmless.encode("utf-8", errors="replace"), root, is_cut(harmless), instead)


def _named_feed(text: str, base_url: str) -> str:
    """The first feed a page's head names, or nothing."""
    base = base_url
    for mark in marks(text[:HEAD]):
        name = (mark["name"] or "").lower()
        if mark["end"] or name not in {"link", "base"}:
            continue
        given = {key.lower(): html.unescape(a or b or c) for key, a, b, c in ATTRIBUTE.findall(mark["rest"])}
        if name == "base":
            base = web_address(given.get("href", ""), base_url) or base
        elif "alternate" in given.get("rel", "").lower().split():
            kind = given.get("type", "").partition(";")[0].strip().lower()
            address = web_address(given.get("href", ""), base) if kind in FEED_TYPES else ""
            if address:
                return address
    return ""
