"""How long Telegram lets things be, each with its source."""

TEXT = 4096  # after entities parsing, Bot API sendMessage
LEAD = 600  # ours: a post is an invitation, not the article
TITLE = 300  # ours: a headline longer than this is a mistake of the feed


def shorten(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, cut at a word and marked with «…»."""
    if units(text) <= limit:
        return text
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", errors="ignore")  # no half of a pair
    head, _, _ = kept.rpartition(" ")
    return (head or kept).rstrip(" ,;:–—-") + "…"


def units(text: str) -> int:
    """Length as Telegram's entities count it: UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2
