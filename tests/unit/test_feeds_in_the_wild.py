"""Feeds as careless engines send them: wrong or no encoding, a broken byte, a cut, Russian dates; each is scored."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from bot.gateways.feed_parsing import read_feed
from newsroom.articles import FeedRead, FetchedArticle

BISHKEK: Final = ZoneInfo("Asia/Bishkek")
NOW: Final = datetime(2026, 2, 20, 9, 30, tzinfo=UTC)  # 15:30 in Bishkek
BASE: Final = "https://news.example.kg/rss"

RUSSIAN: Final = (
    ("Мэр Бишкека рассказал о ремонте дорог", "Работы начнутся весной и займут два месяца, сообщили в мэрии."),
    ("В Оше открыли новую школу на 800 мест", "Занятия начались в понедельник, учителей хватает на все классы."),
    ("Цены на хлеб выросли на 5 %", "Причиной называют неурожай и подорожание муки у соседей."),
    ("Сборная по борьбе вернулась с медалями", "Спортсмены привезли три золота и одну бронзу."),
    ("Ученые нашли на Иссык-Куле древний город", "Стены ушли под воду около семисот лет назад."),
    ("Электричество отключат в двух районах", "Плановый ремонт продлится до вечера четверга."),
)
CHINESE: Final = (
    ("吉尔吉斯斯坦总统访问北京", "两国签署了关于铁路建设的合作文件，双方表示满意。"),
    ("比什凯克新机场开放", "第一架飞机来自上海，机场每年可以接待五百万人。"),
    ("中亚五国经济增长加快", "专家认为出口和建设是主要原因，明年还会更好。"),
    ("伊塞克湖发现古代城市", "考古学家说城墙在水下保存了七百年。"),
    ("学校今年将增加中文课", "教育部说老师已经准备好，学生可以自己选择。"),
    ("今天全国有雨", "气象部门请大家出门注意安全，晚上山区可能下雪。"),
)
_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
MONTHS: Final = _MONTHS.split()
SHORT: Final = [month[:3].replace("мая", "май") for month in MONTHS]
DAYS: Final = ("Пн", "Вт", "Ср", "Чт", "Пт", "Сб", "Вс")
TRUE: Final = "the true one"
FIELDS: Final = ("title", "link", "id", "published")


@dataclass(frozen=True)
class Item:
    """One entry as its editor meant it."""

    title: str
    lead: str
    number: int
    published: datetime

    @property
    def link(self) -> str:
        return f"https://news.example.kg/view/{self.number}"


@dataclass(frozen=True)
class Variant:
    """One way of sending a feed badly."""

    encoding: str
    declared: str
    header: str
    damage: str

    def name_of(self, said: str) -> str:
        return self.encoding if said == TRUE else said


def variants() -> Iterator[Variant]:
    declared = ("", TRUE, "utf-8", "iso-8859-1", "windows-1252")
    header = ("", TRUE, "utf-8", "iso-8859-1")
    damage = ("none", "a broken byte", "a cut", "both")
    for parts in product(("windows-1251", "koi8-r", "gb2312"), declared, header, damage):
        yield Variant(*parts)


def written(moment: datetime, style: int, *, russian: bool) -> str:
    """A date as people write it; those without a zone are in the site's."""
    local = moment.astimezone(BISHKEK)
    if not russian:
        return f"{local:%Y-%m-%d %H:%M}" if style % 2 else f"{local:%Y-%m-%dT%H:%M:%S+06:00}"
    month = local.month - 1
    ago = (NOW.astimezone(BISHKEK).date() - local.date()).days
    near = {0: "Сегодня", 1: "Вчера"}.get(ago)
    forms = (
        f"{DAYS[local.weekday()]}, {local:%d} {SHORT[month]} {local:%Y %H:%M:%S} +0600",
        f"{local.day} {MONTHS[month]} {local:%Y %H:%M}",
        f"{local:%d.%m.%y %H:%M}",
        f"{local.day} {MONTHS[month]} {local.year} г., {local:%H:%M}",
        f"{near} {local:%H:%M}" if near else f"{local:%d.%m.%Y, %H:%M}",
        f"{local:%H:%M}, {local.day} {MONTHS[month]} {local.year}",
    )
    return forms[style % len(forms)]


def made(variant: Variant, seed: int) -> tuple[bytes, list[Item]]:
    """The bytes of a feed sent like this, and the entries a reader should find in them."""
    chance = random.Random(seed)
    russian = variant.encoding != "gb2312"
    items = [
        Item(title, lead, 7200 + number, NOW.replace(minute=0) - timedelta(hours=5 * number, minutes=seed % 60))
        for number, (title, lead) in enumerate(RUSSIAN if russian else CHINESE)
    ]
    declared = variant.name_of(variant.declared)
    declaration = f' encoding="{declared}"' if declared else ""
    head = f'<?xml version="1.0"{declaration}?>'
    head += f'<rss version="2.0"><channel><title>{"Вестник" if russian else "新闻"}</title>'
    pieces = [head.encode(variant.encoding)]
    for number, item in enumerate(items):
        date = written(item.published, seed + number, russian=russian)
        text = (
            f"<item><title>{escape(item.title)}</title><link>{item.link}</link><guid>{item.number}</guid>"
            f"<pubDate>{date}</pubDate><description>{escape(item.lead)}</description></item>"
        )
        pieces.append(text.encode(variant.encoding))
    if variant.damage in {"a broken byte", "both"}:
        place = chance.randrange(1, len(pieces))
        tag = b"<title>" if seed % 2 else b"<description>"
        begin = pieces[place].index(tag) + len(tag)
        broken = bytearray(pieces[place])
        broken[begin + chance.randrange(4)] = chance.choice([0xFF, 0x98, 0x01])
        pieces[place] = bytes(broken)
    if variant.damage in {"a cut", "both"}:
        kept = chance.randrange(3, len(items))
        half = pieces[kept + 1][: chance.randrange(10, len(pieces[kept + 1]) - len("</item>"))]
        return b"".join([*pieces[: kept + 1], half]), items[:kept]
    return b"".join([*pieces, b"</channel></rss>"]), items


def same_title(found: str, meant: str) -> bool:
    """A broken byte may cost a letter or two, and never more."""
    lost = Counter(meant) - Counter(found)
    return sum(lost.values()) <= 2 and len(found) <= len(meant) + 2


def hits(found: list[FetchedArticle], meant: list[Item], *, damaged: bool) -> Counter[str]:
    """How many fields were found; an entry that is missing misses all of them, and one too many is a miss itself."""
    by_id = {article.identity: article for article in found}
    score: Counter[str] = Counter(entries=int(len(found) == len(meant)))
    for item in meant:
        article = by_id.get(str(item.number))
        if article is None:
            continue
        score["id"] += 1
        score["link"] += article.link == item.link
        score["published"] += article.published == item.published
        score["title"] += same_title(article.title, item.title) if damaged else article.title == item.title
    return score


def test_nearly_everything_is_found_in_hundreds_of_careless_feeds() -> None:
    score: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    missed: list[str] = []
    for seed, variant in enumerate(variants()):
        body, meant = made(variant, seed)
        header = f"text/xml; charset={variant.name_of(variant.header)}" if variant.header else "text/xml"
        result = read_feed(body, content_type=header, base_url=BASE, timezone=BISHKEK, now=NOW)
        found = list(result.articles) if isinstance(result, FeedRead) else []
        got = hits(found, meant, damaged=variant.damage in {"a broken byte", "both"})
        goal = Counter({"entries": 1} | dict.fromkeys(FIELDS, len(meant)))
        score += got
        possible += goal
        if got != goal:
            missed.append(f"{variant}: {goal - got}")
    shares = {field: score[field] / possible[field] for field in possible}
    assert sum(1 for _ in variants()) >= 200
    assert min(shares.values()) >= 0.99, f"{shares}\n" + "\n".join(missed)
