"""The rules every kind of feed shares: what an item's id, link, lead, pictures and categories are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urljoin, urlsplit

from newsroom.articles import LEAD, TITLE, identity_of
from newsroom.text.plain import collapse, plain, shorten

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
ADDRESS: Final = 8_000  # characters; servers and browsers take no longer ones
CATEGORIES: Final = 100


def title_of(markup: str) -> str:
    return shorten(plain(markup), TITLE)


def identity(guid: str, link: str, title: str, lead: str) -> str:
    """By what an item is recognised; one with neither an id nor an address is known by its words."""
    return identity_of(guid or None, link) or _own_identity(title, lead)


def _own_identity(title: str, lead: str) -> str:
    return "sha256:" + hashlib.sha256(f"{title}\x1f{lead}".encode(errors="replace")).hexdigest()[:32]


def link_among(found: Sequence[str], guid: str, base: str) -> str:
    """The first of the given addresses that opens; the guid, if it is one; at worst a name that opens nothing."""
    try:
        candidates = [*found, guid] if urlsplit(guid).scheme in WEB else [*found]
    except ValueError:
        candidates = [*found]
    names = (name for one in candidates if (name := collapse(one[:ADDRESS])).lower().startswith(NAMES))
    return first_address(candidates, base) or next(names, "")


def first_address(candidates: Iterable[str], base: str) -> str:
    return next((address for one in candidates if (address := web_address(one, base))), "")


def web_address(address: str, base: str) -> str:
    """An absolute http(s) address, or nothing: a feed may not hand readers a `javascript:` or a `file:`."""
    cleaned = re.sub(r"[\x00-\x20\x7f]+", "%20", collapse(address)) if len(address) <= ADDRESS else ""
    if not cleaned:
        return ""
    try:
        absolute = urljoin(base, cleaned)
        parts = urlsplit(absolute)
        return absolute if parts.scheme.lower() in WEB and parts.hostname else ""
    except ValueError:
        return ""


def lead_of(words: str, title: str) -> str:
    """The summary as plain text; nothing, if it only says the title again."""
    lead = shorten(words, LEAD)
    return "" if lead == title else lead


def categories_of(terms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(shorten(term, 200) for term in terms if term))[:CATEGORIES]
