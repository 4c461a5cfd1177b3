"""Turns what a feed sends into plain text: bytes of an uncertain encoding into letters, and markup into words."""

from __future__ import annotations

import codecs
import html
import re
from html.parser import HTMLParser

MARKUP = 200_000  # characters of one field that are looked at; more is no lead but a book
SILENT = frozenset({"script", "style", "template", "iframe", "noscript", "svg", "math", "object"})
_ELEMENTS_WORDS = (
    "a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas caption "
    "center cite code col colgroup data dd del details dfn dialog dir div dl dt em embed fieldset figcaption "
    "figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i img input ins kbd "
    "label legend li link main map mark menu meta meter nav nobr ol optgroup option output p param picture pre "
    "progress q rp rt ruby s samp section select small source span strike strong sub summary sup table tbody td "
    "textarea tfoot th thead time title tr track tt u ul var video wbr"
)
ELEMENTS = frozenset(_ELEMENTS_WORDS.split()) | SILENT
_INLINE_WORDS = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q s samp small span strike "
    "strong sub sup tt u var wbr"
)
INLINE = frozenset(_INLINE_WORDS.split())

_SPACE = re.compile(r"[\s\u200b\ufeff\x00-\x1f\x7f\ud800-\udfff]+")
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_HTTP_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SINGLE_BYTE = re.compile(r"^(windows|cp|iso8859|koi8|mac|latin)")
_COMMON = frozenset("оеаинтсрвлкмдпу")  # three quarters of any Russian text
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


class _Words(HTMLParser):
    """Collects the words and the pictures of a piece of markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.images: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.handle_data(self.get_starttag_text() or "")
        elif tag in SILENT:
            self._silent += 1
        elif tag not in INLINE:
            self.words.append(" ")
        if tag == "img":
            self.images.extend(value for name, value in attrs if name == "src" and value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in ELEMENTS and tag not in INLINE:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def _read(markup: str) -> _Words:
    words = _Words()
    words.feed(markup[:MARKUP])
    words.close()
    return words


def collapse(text: str) -> str:
    """One space between words, none at the ends, no characters that cannot be seen."""
    return _SPACE.sub(" ", text).strip()


def plain(markup: str) -> str:
    """The words of a piece of markup, as a person would read them aloud."""
    if "<" not in markup:
        return collapse(html.unescape(markup[:MARKUP]))
    return collapse("".join(_read(markup).words))


def images_in(markup: str) -> tuple[str, ...]:
    """The addresses of the pictures a piece of markup shows, as written."""
    return tuple(_read(markup).images) if "<img" in markup.lower() else ()


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis where something was cut."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head).rstrip() + "…"


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a document whose declared encoding may be missing or wrong.

    A byte order mark is believed; UTF-8 is believed whenever the bytes are UTF-8, whatever is declared, because no
    other text looks like it; then the header, then the declaration, and at last the letters themselves decide.
    """
    if not body:
        return ""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, errors="replace")
    if body[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        return body.decode("utf-16-le" if body[0] else "utf-16-be", errors="replace")
    declared = _declared(body, content_type)
    for name in declared:
        if not _SINGLE_BYTE.match(name) and name not in {"utf-8", "ascii"}:
            text = _strictly(body, name)
            if text is not None:
                return text
    return _as_utf8(body) or _as_declared(body, declared) or body.decode(_guess(body), errors="replace")


def _declared(body: bytes, content_type: str) -> list[str]:
    found = [match.group(1) for match in [_HTTP_CHARSET.search(content_type)] if match]
    found += [match.group(1).decode() for match in [_XML_ENCODING.match(body[:400])] if match]
    names = []
    for name in found:
        try:
            names.append(codecs.lookup(_WIDER.get(name.lower(), name)).name)
        except LookupError:
            continue
    return names


# What the name says and what people who write it mean, after the WHATWG Encoding Standard.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "iso-8859-1": "cp1252", "latin1": "cp1252"}


def _strictly(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeError, LookupError):  # «hex» and «zip» are codecs too, but not of letters
        return None


def _as_utf8(body: bytes) -> str | None:
    text = body.decode("utf-8", errors="replace")
    broken = text.count("\ufffd") - body.count(b"\xef\xbf\xbd")
    letters = sum(1 for byte in body if byte >= 0xC0)  # lead bytes
    # A feed cut inside a letter, or one bad byte in a long text, is still UTF-8; a wrong encoding breaks most letters.
    return text if broken == 0 or broken * 10 < letters else None


def _as_declared(body: bytes, declared: list[str]) -> str | None:
    for name in declared:
        if _SINGLE_BYTE.match(name):
            return body.decode(name, errors="replace")
    return None


def _guess(body: bytes) -> str:
    """windows-1251, koi8-r, gb18030 or windows-1252, by the letters each would make of a sample."""
    sample = body[:100_000]
    runs = _HIGH_RUN.findall(sample)
    high = sum(len(run) for run in runs)
    if high < 2 * len(runs):
        return "cp1252"  # accents stand alone among Latin letters
    shares = {
        name: sum(1 for letter in sample.decode(name, errors="replace") if letter in _COMMON) / high
        for name in ("cp1251", "koi8-r", "cp866")
    }
    best = max(shares, key=lambda name: shares[name])
    han = sum(1 for letter in sample.decode("gb18030", errors="replace") if "一" <= letter <= "龥") * 2 / high
    pairs = sum(1 for run in runs if len(run) % 2 == 0) / len(runs)
    if shares[best] < 0.4 and han > 0.5 and pairs > 0.9:
        return "gb18030"
    return best
