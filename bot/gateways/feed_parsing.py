"""Says what the bytes that came are: RSS, Atom, JSON Feed, a page that names its feed, or no feed at all."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot.gateways.feed_guards import marks, prolog_of, what_is_wrong, with_letters
from bot.gateways.feed_items import web_address
from bot.gateways.feed_wire import FeedElsewhere
from bot.gateways.json_feed import read_json
from bot.gateways.xml_feed import is_cut, read_xml
from newsroom.articles import FeedFailed, FeedRead
from newsroom.text.plain import decode

FEED_ROOTS: Final = frozenset({"rss", "feed", "rdf", "channel"})
PAGE_ROOTS: Final = frozenset({"", "html", "body", "head"})
WRAPPED: Final = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|RDF)[\s>]")
FEED_TYPES: Final = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
ATTRIBUTE: Final = re.compile(r"""([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
HEAD: Final = 300_000  # characters of a page in which its feed is looked for


def read_feed(
    body: bytes, *, content_type: str, base_url: str, timezone: ZoneInfo, now: datetime | None = None
) -> FeedRead | FeedFailed | FeedElsewhere:
    """What a feed's bytes say; a broken entry costs that entry and nothing else."""
    text = decode(body, content_type).lstrip("\ufeff \t\r\n\x00")
    del body  # a long one may be 10 MB, and its text 40: none is held longer than it is looked at
    if not text:
        return FeedFailed("not_a_feed", "The answer is empty.")
    if text[0] in "{[":
        return read_json(text, base_url, timezone, now)
    head, prolog = text[:HEAD], prolog_of(text)
    root = prolog.root
    text = text[prolog.end :]
    text = with_letters(text, prolog.entities)
    instead = None if root in FEED_ROOTS else _instead_of_a_feed(root, head, base_url)
    if instead is not None:
        wrapped = WRAPPED.search(text)
        if wrapped is None and (root in PAGE_ROOTS or isinstance(instead, FeedElsewhere)):
            return instead
        if wrapped is not None:  # some engines print a warning, or a whole page, around their feed
            text = text[wrapped.start() :]
    wrong = what_is_wrong(text)
    if wrong:
        return FeedFailed("error", wrong)
    cut, xml = is_cut(text), [text.encode("utf-8", errors="replace")]
    del text
    result = read_xml(xml, base_url, timezone, now, cut=cut)
    return instead if instead and isinstance(result, FeedRead) and not result.articles else result


def _instead_of_a_feed(root: str, head: str, base_url: str) -> FeedFailed | FeedElsewhere:
    """What to say of a document whose root is no feed's, if no feed is found inside."""
    named = _named_feed(head, base_url)
    if named:
        return FeedElsewhere(named)
    if root in PAGE_ROOTS:
        return FeedFailed("not_a_feed", "A web page came instead of a feed." if root else "This is not XML.")
    return FeedFailed("not_a_feed", f"XML came, but «{root[:40]}» is no feed.")


def _named_feed(head: str, base_url: str) -> str:
    """The first feed a page's head names, or nothing."""
    base = base_url
    for mark in marks(head):
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
