"""From stored content to Telegram HTML: the one place where text from outside meets markup."""

import json
from collections.abc import Mapping
from html import escape

from newsroom.articles import FetchedArticle
from newsroom.text.limits import LEAD, TITLE, shorten
from newsroom.text.words import Words

FORMAT = 1  # of stored content; an upgrade still reads what an older version queued


def article_content(article: FetchedArticle) -> str:
    """What the outbox keeps of an article."""
    return json.dumps(
        {"v": FORMAT, "kind": "article", "title": article.headline, "lead": article.lead, "link": article.link},
        ensure_ascii=False,
    )


def notice_content(key: str, words: Mapping[str, str | int]) -> str:
    """What the outbox keeps of a notice: the key of its text, and what is filled in."""
    return json.dumps({"v": FORMAT, "kind": "notice", "key": key, "words": dict(words)}, ensure_ascii=False)


def html(content: str, language: str | None, words: Words) -> str:
    """The message a chat gets for stored content."""
    stored = json.loads(content)
    if stored["kind"] == "notice":
        return words.say(language, stored["key"], **stored["words"])
    return article(stored["title"], stored["lead"], stored["link"])


def article(title: str, lead: str, link: str) -> str:
    """Headline, lead if the feed has one, link."""
    parts = [f"<b>{escape(shorten(title, TITLE), quote=False)}</b>"] if title else []
    if lead:
        parts.append(escape(shorten(lead, LEAD), quote=False))
    if link:
        parts.append(escape(link, quote=False))
    return "\n\n".join(parts)
