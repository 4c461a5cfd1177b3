"""How long Telegram lets things be, each with its source."""

import re

TEXT = 4096  # after entities parsing, Bot API sendMessage
CAPTION = 1024  # after entities parsing, Bot API sendPhoto
LEAD = 600  # ours: a post is an invitation, not the article
TITLE = 300  # ours: a headline longer than this is a mistake of the feed
LINK = 2000  # ours: browsers and servers take no longer address, and half an address leads nowhere

# A word of five letters or more, because most abbreviations are shorter, and a beginning after it.
_SENTENCE_END = re.compile(r"(?<=\w{5})(?:[.!?…]+[»”\")]*|[»”\")]+[.!?…]+)(?= [«„“\"(]*[A-ZА-ЯЁӨҮҢ])")


def shorten(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, marked with «…»; cut at a word, unless that would lose half of them."""
    if units(text) <= limit:
        return text
    kept = _beginning(text, limit - 1)
    space = kept.rfind(" ", len(kept) // 2)
    return (kept[:space] if space > 0 else kept).rstrip(" .,;:–—-") + "…"


def excerpt(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units: whole sentences if they fill half of them, else shortened."""
    if units(text) <= limit:
        return text
    kept = _beginning(text, limit)
    ends = [found.end() for found in _SENTENCE_END.finditer(kept, len(kept) // 2)]
    return kept[: ends[-1]] if ends else shorten(text, limit)


def sentences(text: str, count: int, limit: int) -> str:
    """The first `count` sentences, if there are more and these are no longer than `limit` UTF-16 units."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    if len(ends) < count or units(text[: ends[count - 1]]) > limit:
        return text
    return text[: ends[count - 1]]


def _beginning(text: str, limit: int) -> str:
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", errors="ignore")  # no half of a pair


def units(text: str) -> int:
    """Length as Telegram's entities count it: UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2
