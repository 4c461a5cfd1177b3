"""What a chat is shown: text with its buttons, and a picture where there is one."""

from dataclasses import dataclass
from html import escape
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from newsroom.places import Place
from newsroom.text.limits import CAPTION, LEAD, LINK, TEXT, TITLE, excerpt, sentences, shorten, units
from newsroom.text.plain import collapse
from newsroom.text.words import Words

SENTENCES = 2  # of a lead: a post is an invitation, not the article
HASHTAGS = 4
Preview = Literal["off", "small", "large"]


@dataclass(frozen=True, slots=True)
class Button:
    """Opens an address, or is pressed with `data` (at most 64 bytes, Bot API InlineKeyboardButton)."""

    text: str
    url: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """A message as it should stand in a chat; `html` is Telegram's, `photo` an address."""

    html: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    photo: str | None = None
    spoiler: bool = False
    """the picture is covered until it is touched"""
    preview: Preview = "off"
    """how Telegram shows the page behind the link, where there is no picture"""
    link: str = ""
    """the page to preview"""


@dataclass(frozen=True, slots=True)
class Style:
    """How this newsroom's posts look."""

    comments: str = "#comments"
    """what leads from an article's address to its comments; no button when empty"""
    preview: Preview = "small"


@dataclass(frozen=True, slots=True)
class Story:
    """An article, ready to be shown: plain text, addresses, countries."""

    title: str
    lead: str = ""
    link: str = ""
    image: str | None = None
    graphic: bool = False
    places: tuple[Place, ...] = ()


def post_of(story: Story, language: str | None, words: Words, style: Style, *, pictured: bool = True) -> Post:
    """Flags and headline, a short lead, hashtags; buttons that lead to the page; a caption if it is `pictured`."""
    link = story.link if opens(story.link) else ""
    photo = story.image if pictured else None
    room = CAPTION if pictured else TEXT  # a photo stays one, also when the article has lost its picture
    head = _headline(story, link)
    tags = " ".join(place.hashtag for place in story.places[:HASHTAGS])
    left = room - _visible(story, tags) - 4  # two blank lines
    parts = [head, escape(_lead(story.lead, min(left, LEAD)), quote=False), tags]
    html = "\n\n".join(part for part in parts if part) or escape(shorten(story.link, min(LINK, room)), quote=False)
    return Post(
        html=html,
        buttons=_buttons(link, language, words, style),
        photo=photo,
        spoiler=story.graphic,
        preview=style.preview if link else "off",
        link=link,
    )


def opens(link: str) -> bool:
    """Whether Telegram takes the address for a button; it refuses the whole message for one that it does not."""
    if not link.startswith(("http://", "https://")) or units(link) > LINK:
        return False
    if any(letter.isspace() or not letter.isprintable() for letter in link):
        return False
    try:
        host = urlsplit(link).hostname or ""
        return bool(host.strip(".")) and ("." in host.strip(".") or bool(ip_address(host)))
    except ValueError:  # brackets that hold no address, or a name without a dot
        return False


def _headline(story: Story, link: str) -> str:
    title = _title(story)
    if not title:
        return ""
    flags = "".join(place.flag for place in story.places[:HASHTAGS])
    bold = f"<b>{escape(title, quote=False)}</b>"
    linked = f'<a href="{escape(link)}">{bold}</a>' if link else bold
    return f"{flags} {linked}" if flags else linked


def _title(story: Story) -> str:
    """The title; for an untitled story the beginning of its lead is all there is, and stands as the lead."""
    return shorten(collapse(story.title), TITLE)


def _visible(story: Story, tags: str) -> int:
    flags = sum(units(place.flag) for place in story.places[:HASHTAGS])
    return units(_title(story)) + flags + 1 + units(tags)


def _lead(text: str, limit: int) -> str:
    return excerpt(sentences(collapse(text), SENTENCES, limit), limit) if limit > 0 else ""


def _buttons(link: str, language: str | None, words: Words, style: Style) -> tuple[tuple[Button, ...], ...]:
    if not link:
        return ()
    row = [Button(words.say(language, "button-read"), link)]
    if style.comments:
        row.append(Button(words.say(language, "button-comments"), link.partition("#")[0] + style.comments))
    return (tuple(row),)
