"""From stored content to Telegram HTML: the one place where text from outside meets markup."""

import json
from collections.abc import Iterable, Mapping
from html import escape, unescape

from newsroom.articles import FetchedArticle
from newsroom.text.limits import LEAD, LINK, TEXT, TITLE, excerpt, shorten, units
from newsroom.text.words import Words

FORMAT = 1  # of stored content; an upgrade still reads what an older version queued


def article_content(article: FetchedArticle) -> str:
    """What the outbox keeps of an article."""
    return json.dumps(
        {"v": FORMAT, "kind": "article", "title": article.title, "lead": article.lead, "link": article.link},
        ensure_ascii=False,
    )


def notice_content(key: str, words: Mapping[str, str | int]) -> str:
    """What the outbox keeps of a notice: the key of its text, and what is filled in."""
    short = {name: shorten(value, LEAD) if isinstance(value, str) else value for name, value in words.items()}
    return json.dumps({"v": FORMAT, "kind": "notice", "key": key, "words": short}, ensure_ascii=False)


def html(content: str, language: str | None, words: Words) -> str:
    """The message a chat gets for stored content."""
    stored = json.loads(content)
    if stored["kind"] == "notice":
        return words.say(language, stored["key"], **stored["words"])
    return article(stored["title"], stored["lead"], stored["link"])


def article(title: str, lead: str, link: str) -> str:
    """Headline, lead if the feed has one, link if it is one that works; never longer than a message."""
    parts = [f"<b>{escape(shorten(title, TITLE), quote=False)}</b>"] if title.strip() else []
    if lead.strip():
        parts.append(escape(excerpt(lead, LEAD), quote=False))
    if link and (units(link) <= LINK or not parts):
        parts.append(escape(shorten(link, LINK), quote=False))
    return "\n\n".join(parts)


def headlines(articles: Iterable[FetchedArticle]) -> str:
    """Headlines with their links, as many as one message holds."""
    message = ""
    for one in articles:
        post = article(one.headline if one.title or one.lead else "", "", one.link)
        longer = f"{message}\n\n{post}" if message else post
        if units(unescape(longer)) > TEXT:
            break
        message = longer
    return message
