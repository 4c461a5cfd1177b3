"""What the outbox keeps of a post, and the post a chat gets for it: here text from outside meets markup."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from newsroom.articles import FetchedArticle
from newsroom.places import PLACES, places_in
from newsroom.text.limits import LEAD, LINK, TITLE, shorten, units
from newsroom.text.post import Button, Post, Story, Style, post_of
from newsroom.text.words import Words

FORMAT = 2  # of stored content; what version 1 queued lacks picture, countries and buttons, and is read all the same


def article_content(article: FetchedArticle) -> str:
    """What the outbox keeps of an article."""
    stored = {
        "v": FORMAT,
        "kind": "article",
        "title": article.title,
        "lead": article.lead,
        "link": article.link,
        "image": article.image,
        "graphic": article.graphic,
        "places": [place.code for place in places_in(article.categories)],
    }
    return json.dumps(stored, ensure_ascii=False)


def notice_content(key: str, words: Mapping[str, str | int], buttons: Sequence[tuple[str, str]] = ()) -> str:
    """What the outbox keeps of a notice: the keys of its text and its buttons, and what is filled in."""
    short = {name: shorten(value, LEAD) if isinstance(value, str) else value for name, value in words.items()}
    stored = {"v": FORMAT, "kind": "notice", "key": key, "words": short, "buttons": list(buttons)}
    return json.dumps(stored, ensure_ascii=False)


def post(content: str, language: str | None, words: Words, style: Style, *, pictured: bool = True) -> Post:
    """The message a chat gets for stored content; without its picture unless it is `pictured`."""
    stored = json.loads(content)
    if stored["kind"] == "notice":
        rows = tuple((Button(words.say(language, key), data=data),) for key, data in stored.get("buttons", ()))
        return Post(words.say(language, stored["key"], **stored["words"]), rows)
    return post_of(_story(stored), language, words, style, pictured=pictured)


def _story(stored: Mapping[str, Any]) -> Story:
    codes = stored.get("places", ())
    return Story(
        title=stored["title"],
        lead=stored["lead"],
        link=stored["link"],
        image=stored.get("image"),
        graphic=bool(stored.get("graphic")),
        places=tuple(place for code in codes for place in PLACES if place.code == code),
    )


@lru_cache(maxsize=64)
def picture_of(content: str) -> str | None:
    """The address of the picture in stored content, if there is one and the content can be read."""
    try:
        image = json.loads(content).get("image")
    except (ValueError, AttributeError):
        return None
    return image if isinstance(image, str) else None


def headlines(articles: Iterable[FetchedArticle]) -> str:
    """Headlines that lead to their pages; it may be longer than a message (newsroom.text.split)."""
    return "\n\n".join(_line(one) for one in articles)


def _line(article: FetchedArticle) -> str:
    title = escape(shorten(article.headline if article.title or article.lead else article.link, TITLE), quote=False)
    if article.link.startswith(("http://", "https://")) and units(article.link) <= LINK:
        return f'<a href="{escape(article.link)}">{title}</a>'
    return title
