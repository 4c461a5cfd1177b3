"""What an article's own page adds to its feed, and when two addresses or two headlines are one article."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from newsroom.articles import canonical_link

NEWS_ASIA: Final = "https://www.news-asia.ru/"
ENOUGH: Final = 4  # words; in a shorter headline one word is too much of it to differ

# `/view/7250` and `/view/5/10322` were seen, `/view/ks/7250` is reported; the last number is the article's.
_VIEW: Final = re.compile(r"/+view(?:/+(?:[0-9]{1,12}|[a-z]{2}))?/+0*([0-9]{1,12})/*", re.IGNORECASE)
# A sign, a currency or a percent is part of what a number says; other punctuation is not part of what a title says.
_TOKEN: Final = re.compile(r"(?:(?<!\S)[+\-\u2212\u2013](?=\d))?\w+|[%\u2030№°$€£¥₽₸₴₹]")
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]|\u0301")  # soft hyphens, joiners, marks of stress
_MINUS: Final = str.maketrans("\u2212\u2013ёЁ", "--еЕ")
# Where Russian spellings of one word part: «кыргызстанцев» and «киргизстанцев», «риэлтор» and «риелтор».
_VARIANTS: Final = str.maketrans("ыйэо", "ииеа", "ьъ")
_DOUBLED: Final = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """What a page says of its article, in plain text; what it does not say is empty."""

    title: str = ""
    lead: str = ""
    image: str | None = None
    breadcrumb: tuple[str, ...] = ()
    """from the wide to the narrow: («Кыргызстан», «Общество»)"""
    graphic: bool = False
    """the page itself warns of what it shows"""


def article_number(url: str, home: str = NEWS_ASIA) -> str | None:
    """The number of an article of the site at `home`, however its address is spelt; None for any other address."""
    try:
        parts, own = urlsplit(url.strip()), urlsplit(home)
        web = parts.scheme.lower() in {"http", "https"} and parts.hostname
        ours = web and _site(parts.hostname, parts.port) == _site(own.hostname, own.port)
    except ValueError:
        return None
    found = _VIEW.fullmatch(parts.path) if ours else None
    return found[1] if found else None


def _site(host: str | None, port: int | None) -> tuple[str, int | None]:
    return (host or "").rstrip(".").removeprefix("www."), None if port in {80, 443} else port


def same_article(url_a: str, url_b: str, home: str = NEWS_ASIA) -> bool:
    """Whether two addresses lead to one article: they are one address, or they hold one number of the site's."""
    number = article_number(url_a, home)
    if number is not None:
        return number == article_number(url_b, home)
    address = canonical_link(url_a)
    return bool(address) and address == canonical_link(url_b)


def site_identity(adapter: str, link: str, home: str = NEWS_ASIA) -> str | None:
    """By what a site we know recognises its article, such as «news-asia:7250»; None where the link itself must do."""
    match adapter:
        case "news-asia":
            number = article_number(link, home)
            return number and f"{adapter}:{number}"
        case _:
            return None


def near_identical(title_a: str, title_b: str) -> bool:
    """Whether two headlines are one: the same words, save that one may be spelt in another way.

    Case, «ё», punctuation and spaces count for nothing. In a headline of four words or more one word may differ as
    two spellings of it do. A number never differs, nor a word with a capital letter: it may be somebody's name.
    """
    one, two = _tokens(title_a), _tokens(title_b)
    if not one or len(one) != len(two):
        return False
    differing = [(a, b) for a, b in zip(one, two, strict=True) if a.casefold() != b.casefold()]
    if not differing:
        return True
    if len(differing) > 1 or len(one) < ENOUGH or not (_has_capitals(one) and _has_capitals(two)):
        return False
    a, b = differing[0]
    return a.islower() and b.islower() and a.isalpha() and b.isalpha() and _spelling(a) == _spelling(b)


def headline_key(title: str) -> tuple[str, ...]:
    """The same for all headlines that are near-identical (and for some that are not)."""
    return tuple(_spelling(token.casefold()) for token in _tokens(title))


def _tokens(title: str) -> list[str]:
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", unicodedata.normalize("NFKC", title)))
    return [token.translate(_MINUS) for token in _TOKEN.findall(text) if token.strip("_")]


def _has_capitals(words: list[str]) -> bool:
    """Without any, a name cannot be told from another word."""
    return any(word[0].isupper() for word in words)


def _spelling(word: str) -> str:
    return _DOUBLED.sub(r"\1", word.translate(_VARIANTS))
