"""Telegram's HTML parse mode, written from the reference page alone: tags in, plain text and entities out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

Entity = dict[str, Any]

ENTITIES_LIMIT: Final = 100
_SPACE: Final = b" \t\r\n\0\v"
_STYLES: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
}
_TAGS: Final = {*_STYLES, "a", "blockquote", "code", "pre", "tg-emoji", "tg-time"}
_SPLITTABLE: Final = set(_STYLES.values())
_QUOTES: Final = {"blockquote", "expandable_blockquote"}
_REFERENCES: Final = {b"lt": "<", b"gt": ">", b"amp": "&", b"quot": '"'}
_DANGER: Final = re.compile(rb"[&<]")
_REFERENCE: Final = re.compile(rb"&(?:#[xX]([0-9a-fA-F]+)|#([0-9]+)|([a-zA-Z]+));?")
_DROPPED: Final = {13: None} | {code: " " for code in range(32) if code not in (10, 13)}
_AUTOMATIC: Final = (
    ("url", re.compile(r"\bhttps?://[^\s<>\"']*[^\s<>\"'.,:;!?)»…]")),
    ("email", re.compile(r"(?<![\w.])[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")),
    ("bot_command", re.compile(r"(?<![\w/<>.])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@.])@[A-Za-z0-9_]{3,32}\b")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w*[^\W\d])\w{1,256}")),
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text a reader sees and the entities laid over it, in UTF-16 units."""

    text: str
    entities: tuple[Entity, ...] = ()


@dataclass(slots=True)
class _Open:
    tag: str
    arguments: dict[str, str]
    offset: int
    chunk: int


@dataclass(slots=True)
class _Reader:
    """One pass over the bytes; positions in its errors are byte offsets."""

    source: bytes
    at: int = 0
    size: int = 0
    chunks: list[str] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    found: list[Entity] = field(default_factory=list)

    def byte(self) -> bytes:
        return self.source[self.at : self.at + 1]

    def add(self, text: str) -> None:
        text = text.translate(_DROPPED)
        self.chunks.append(text)
        self.size += utf16_length(text)

    def skip_spaces(self) -> None:
        while self.byte() != b"\0" and self.byte() in _SPACE:
            self.at += 1

    def until(self, stops: bytes) -> bytes:
        begin = self.at
        while self.byte() not in stops:
            self.at += 1
        return self.source[begin : self.at]

    def reference(self) -> str:
        """The character of the reference standing here, or nothing when it is none of Telegram's."""
        match = _REFERENCE.match(self.source, self.at)
        if match is None:
            return ""
        if match[3]:
            letter = _REFERENCES.get(match[3], "")
        else:
            code = int(match[1], 16) if match[1] else int(match[2])
            letter = chr(code) if 0 < code < 0x10FFFF and not 0xD800 <= code < 0xE000 and len(match[0]) < 12 else ""
        if letter:
            self.at = match.end()
        return letter

    def run(self) -> Parsed:
        end = len(self.source) - 1
        while self.at < end:
            match = _DANGER.search(self.source, self.at)
            stop = match.start() if match else end
            self.add(self.source[self.at : stop].decode())
            self.at = stop
            if stop == end:
                break
            if self.byte() == b"<":
                self.tag()
                continue
            letter = self.reference()
            if not letter:
                letter = "&"
                self.at += 1
            self.add(letter)
        if self.open:
            raise ValueError(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return finish("".join(self.chunks), self.found)

    def tag(self) -> None:
        begin = self.at
        self.at += 1
        if self.byte() == b"/":
            self.end_tag(begin)
        else:
            self.start_tag(begin)
        self.at += 1

    def start_tag(self, begin: int) -> None:
        tag = self.until(_SPACE + b">").decode().lower()
        if self.byte() == b"\0":
            raise ValueError(f"Unclosed start tag at byte offset {begin}")
        if tag not in _TAGS:
            raise ValueError(f'Unsupported start tag "{tag}" at byte offset {begin}')
        arguments: dict[str, str] = {}
        while self.byte() != b">":
            self.skip_spaces()
            if self.byte() == b">":
                break
            self.attribute(tag, begin, arguments)
        if tag == "span" and arguments.get("class") != "tg-spoiler":
            raise ValueError(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.open.append(_Open(tag, arguments, self.size, len(self.chunks)))

    def attribute(self, tag: str, begin: int, arguments: dict[str, str]) -> None:
        unclosed = ValueError(f'Unclosed start tag "{tag}" at byte offset {begin}')
        if self.byte() == b"\0":
            raise unclosed
        name = self.until(_SPACE + b"=>/\"'").decode().lower()
        if not name:
            raise ValueError(f'Empty attribute name in the tag "{tag}" at byte offset {begin}')
        self.skip_spaces()
        if self.byte() == b"\0":
            raise unclosed
        if self.byte() != b"=":
            arguments.setdefault(name, "")
            return
        self.at += 1
        self.skip_spaces()
        if self.byte() == b"\0":
            raise unclosed
        arguments[name] = self.quoted() if self.byte() in b"'\"" else self.name_token()
        if self.byte() == b"\0":
            raise unclosed

    def name_token(self) -> str:
        start = self.at
        while self.byte().isalnum() or self.byte() in (b".", b"-"):
            self.at += 1
        if self.byte() not in _SPACE + b">":
            raise ValueError(f"Unexpected end of name token at byte offset {start}")
        return self.source[start : self.at].decode().lower()

    def quoted(self) -> str:
        quote, value = self.byte(), bytearray()
        self.at += 1
        while self.byte() not in (quote, b"\0"):
            letter = self.reference() if self.byte() == b"&" else ""
            if letter:
                value += letter.encode()
            else:
                value += self.byte()
                self.at += 1
        if self.byte() == quote:
            self.at += 1
        return value.decode()

    def end_tag(self, begin: int) -> None:
        if not self.open:
            raise ValueError(f"Unexpected end tag at byte offset {begin}")
        self.at += 1
        name = self.until(_SPACE + b">").decode().lower()
        self.skip_spaces()
        if self.byte() != b">":
            raise ValueError(f"Unclosed end tag at byte offset {begin}")
        tag = self.open[-1].tag
        if name and name != tag:
            raise ValueError(f'Unmatched end tag at byte offset {begin}, expected "</{tag}>", found "</{name}>"')
        self.close(self.open.pop())

    def close(self, opened: _Open) -> None:
        length = self.size - opened.offset
        if length <= 0:
            return
        span: Entity = {"offset": opened.offset, "length": length}
        tag, arguments = opened.tag, opened.arguments
        if tag in _STYLES:
            self.found.append({"type": _STYLES[tag], **span})
        elif tag == "a":
            self.found += _link(arguments.get("href") or "".join(self.chunks[opened.chunk :]), span)
        elif tag == "blockquote":
            self.found.append({"type": "expandable_blockquote" if "expandable" in arguments else tag, **span})
        elif tag == "tg-emoji" and arguments.get("emoji-id", "").isdigit():
            self.found.append({"type": "custom_emoji", **span, "custom_emoji_id": arguments["emoji-id"]})
        elif tag == "tg-time" and arguments.get("unix", "").isdigit():
            self.found.append({"type": "date_time", **span, "unix_time": int(arguments["unix"])})
        elif tag == "pre":
            inner = self.found[-1] if self.found else {}
            language = {}
            if inner.get("type") == "code" and (inner["offset"], inner["length"]) == (opened.offset, length):
                language = {"language": inner["language"]} if "language" in inner else {}
                self.found.pop()
            self.found.append({"type": "pre", **span, **language})
        elif tag == "code":
            name = arguments.get("class", "")
            extra = {"language": name[9:]} if name.startswith("language-") else {}
            self.found.append({"type": "code", **span, **extra})


def utf16_length(text: str) -> int:
    """The length Telegram counts entities in."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_html(source: str) -> Parsed:
    """Parse as `parse_mode=HTML` does; a ValueError carries Telegram's words for what is wrong."""
    return _Reader(source.replace("\0", " ").encode() + b"\0").run()


def clean_text(source: str, entities: list[Entity]) -> Parsed:
    """The same cleaning and trimming for text sent without a parse mode."""
    return finish(source.translate(_DROPPED), [dict(entity) for entity in entities])


def _link(href: str, span: Entity) -> list[Entity]:
    if match := re.fullmatch(r"tg:(?://)?user\?id=(\d+)", href):
        user = {"id": int(match[1]), "is_bot": False, "first_name": "?"}
        return [{"type": "text_mention", **span, "user": user}]
    try:
        parts = urlsplit(href if "://" in href or href.startswith("tg:") else f"http://{href}")
        host = parts.hostname or ""
    except ValueError:
        return []
    good = parts.scheme in {"tg", "ton", "tonsite"} or (
        parts.scheme in {"http", "https"} and not re.search(r"\s", href) and ("." in host or "://" in href) and host
    )
    if not good:
        return []
    url = parts.geturl()
    return [{"type": "text_link", **span, "url": url if parts.path or parts.scheme == "tg" else f"{url}/"}]


def finish(text: str, entities: list[Entity]) -> Parsed:
    """Trim the text, put the entities in order, and add those Telegram finds by itself."""
    first = min((entity["offset"] for entity in entities), default=len(text))
    lead = min(len(text) - len(text.lstrip(" \n")), first)
    text = text[lead:].rstrip(" \n")
    end = utf16_length(text)
    kept = []
    for entity in entities:
        offset = entity["offset"] - lead
        length = min(offset + entity["length"], end) - offset
        if length > 0:
            kept.append({**entity, "offset": offset, "length": length})
    kept = _untangle(sorted(kept, key=_order))
    kept = sorted([*kept, *_automatic(text, kept)], key=_order)
    for entity in kept:
        if entity["type"] == "code":
            entity.pop("language", None)
    return Parsed(text, tuple(kept[:ENTITIES_LIMIT]))


def _order(entity: Entity) -> tuple[int, int, str]:
    return entity["offset"], -entity["length"], entity["type"]


def _overlap(one: Entity, other: Entity) -> bool:
    return bool(one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"])


def _untangle(entities: list[Entity]) -> list[Entity]:
    """Quotes and links do not nest, styles are cut around code, a style inside itself is one style."""
    quotes: list[Entity] = []
    solid: list[Entity] = []
    styles: list[Entity] = []
    for entity in entities:
        kind = quotes if entity["type"] in _QUOTES else styles if entity["type"] in _SPLITTABLE else solid
        rivals = [other for other in kind if kind is not styles or other["type"] == entity["type"]]
        if not any(_overlap(entity, other) for other in rivals):
            kind.append(entity)
    code = [entity for entity in solid if entity["type"] in {"code", "pre"}]
    code_free: list[Entity] = []
    for entity in styles:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        for hole in code:
            if hole["offset"] >= end or hole["offset"] + hole["length"] <= start:
                continue
            if hole["offset"] > start:
                code_free.append({**entity, "offset": start, "length": hole["offset"] - start})
            start = hole["offset"] + hole["length"]
        if start < end:
            code_free.append({**entity, "offset": start, "length": end - start})
    return [*quotes, *solid, *code_free]


def _automatic(text: str, entities: list[Entity]) -> list[Entity]:
    taken = [entity for entity in entities if entity["type"] not in _SPLITTABLE | _QUOTES]
    added: list[Entity] = []
    for kind, pattern in _AUTOMATIC:
        for match in pattern.finditer(text):
            entity = {"type": kind, "offset": utf16_length(text[: match.start()]), "length": utf16_length(match[0])}
            if not any(_overlap(entity, other) for other in [*taken, *added]):
                added.append(entity)
    return added
