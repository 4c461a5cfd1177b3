"""The pages of the sample site, arranged like those of a Central Asian news site of the 2010s."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from sandbox.portal_articles import Article
from sandbox.portal_dates import as_seen, day_in_words, in_words
from sandbox.portal_feed import FeedMood, link_of

ON_A_PAGE: Final = 6


def article_page(mood: FeedMood, name: str, url: str, article: Article, now: float) -> str:
    """Today, the title, the way here, the headline twice, when and by whom, and the text."""
    title = escape(article.title)
    views = 100 + article.id * 37
    head = (
        f'<meta property="og:title" content="{title}"><meta property="og:type" content="article">'
        f'<meta property="og:url" content="{escape(url)}/view/{article.id}">'
    )
    picture = ""
    if article.picture is not None:
        address = escape(url + article.picture_path)
        head += f'<meta property="og:image" content="{address}">'
        picture = f'<div class="photo"><img src="{address}" alt="{title}" width="320"></div>\n'
    way = " / ".join(escape(step) for step in (article.section, article.category) if step)
    body = (
        f'<div class="path">{way} <a href="/rss/all">RSS</a></div>\n'
        f'<div class="headline">{title}</div>\n<h1>{title}</h1>\n'
        f'<div class="date">{in_words(article.published, mood.utc_offset)}    Просмотров: {views}</div>\n'
        f'<div class="author">Отдел новостей, © {escape(name)}</div>\n{picture}'
        f'<div class="content">\n{_paragraphs(article)}\n'
        '<div class="banner"><p>Подпишитесь на нашу рассылку: письмо приходит по утрам.</p></div>\n</div>\n'
        '<a name="comments" id="comments"></a><h3>Комментарии [0]</h3>\n<p>Пока никто ничего не написал.</p>\n'
    )
    return _page(mood, f"{article.title} - {name}", head, body, now)


def front_page(mood: FeedMood, name: str, url: str, articles: Sequence[Article], number: int, now: float) -> str:
    """The day's story in full, then the others by date, six to a page."""
    rows = [_day_story(mood, url, each, now) for each in articles[:1] if number == 1]
    articles = articles[1:]
    begin = (number - 1) * ON_A_PAGE
    for article in articles[begin : begin + ON_A_PAGE]:
        date = as_seen(article.published, now, mood.utc_offset)
        link = escape(link_of(mood, url, article))
        rows.append(f'<div class="item"><i>{date}</i> <a href="{link}">{escape(article.title)}</a></div>\n')
    pages = max(1, -(-len(articles) // ON_A_PAGE))
    pager = " ".join(f'<a href="/?pg={each}">{each}</a>' for each in range(1, pages + 1))
    head = (
        '<link rel="alternate" type="application/rss+xml" title="RSS" href="/rss/all">'
        '<link rel="alternate" type="application/feed+json" title="JSON" href="/feed.json">'
    )
    body = f'<h1>{escape(name)}</h1>\n{"".join(rows)}<div class="pager">{pager}</div>\n<a href="/rss">RSS</a>\n'
    return _page(mood, name, head, body, now)


def _day_story(mood: FeedMood, url: str, article: Article, now: float) -> str:
    return (
        f'<div class="day"><a href="{escape(link_of(mood, url, article))}"><span>Новость дня</span>'
        f'{escape(article.title)}</a>\n<div class="text">{_paragraphs(article)}</div>\n'
        f"<div>{as_seen(article.published, now, mood.utc_offset)}     Комментарии [0]</div></div>\n"
    )


def error_page(status: int) -> str:
    """What a tired server says, whatever status it says it with."""
    return _whole("Ошибка", "", f"<h1>Ошибка {status}</h1><p>Сайт временно недоступен, зайдите позже.</p>")


def _paragraphs(article: Article) -> str:
    return "\n".join(f"<p>{escape(each)}</p>" for each in article.body)


def _page(mood: FeedMood, title: str, head: str, body: str, now: float) -> str:
    top = (
        f'<div class="today">{day_in_words(now, mood.utc_offset)}</div>\n<div class="title">{escape(title)}</div>\n'
        '<a href="/people">Народный репортер</a>\n<a href="/write">Напишите нам</a>\n'
    )
    return _whole(title, head, top + body)


def _whole(title: str, head: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="ru"><head><meta charset="{charset}">'
        f"<title>{escape(title)}</title>{head}</head>\n<body>\n{body}</body></html>\n"
    )
