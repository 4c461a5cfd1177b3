"""Whatever a feed sends, the post is a headline, a lead and a link that Telegram takes and a person can read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.articles import FetchedArticle
from newsroom.text import render
from newsroom.text.limits import LEAD, LINK, TEXT, TITLE, excerpt, shorten, units
from newsroom.text.words import Words
from sandbox.markup import parse_html

GOLDEN = Path(__file__).parent.parent / "golden" / "posts"
ADDRESS = "https://news.example.kg/2026/02/20?id=7&from=rss"
HREF = ADDRESS.replace("&", "&amp;")
LONG = "Парламент принял в третьем чтении закон о бюджете, который спорили менять с прошлой осени: что в нём нового, "

# title, lead, link
POSTS = {
    "russian": ("«Манас» открыл рейс в Ош — впервые за год", "Билеты — от 3 500 сомов. «Ак-Кула» уже в пути.", ADDRESS),
    "markup": ('<b>5 < 7</b> & "R&D" isn\'t &amp;', "<script>alert('x')</script> a > b && c </b>", ADDRESS),
    "long-title": (LONG * 5, "Коротко о главном.", ADDRESS),
    "long-lead": ("Бюджет принят", LONG * 12, ADDRESS),
    "no-lead": ("Мост закрыт до вечера", "", ADDRESS),
    "no-title": ("", "Объезд — по улице Токтогула.", ADDRESS),
    "no-link": ("Мост закрыт до вечера", "Объезд — по улице Токтогула.", ""),
    "long-link": ("Мост закрыт до вечера", "Объезд — по улице Токтогула.", ADDRESS + "&utm=" + "0" * 2000),
    "sentences": ("Бюджет принят", (LONG.removesuffix(" что в нём нового, ") + " ясно. Что нового? ") * 12, ADDRESS),
    "emoji-and-cjk": ("🇰🇬吉尔吉斯斯坦：" + "地震" * 160, "速報です。👩‍🚒🧑🏽‍🚀", ADDRESS),
    "right-to-left": ("افتتاح مطار «ماناس» — 2026", "تبدأ الرحلات من 3500 سوم (USD 40).", ADDRESS),
}

TEXTS = st.one_of(
    st.text(),
    st.text("<>&\"'/;#ab lt\0\x1f\r\n\u2028", max_size=40),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=30), st.sampled_from([20, 100])),
)
LINKS = st.builds(lambda letter, times: ADDRESS + letter * times, st.sampled_from("x&я🇰"), st.integers(0, 5000))
# What the reader of feeds hands over: no letter that cannot be seen, no space at an end.
PLAIN = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100)
WRITTEN = st.just("") | st.builds(lambda text, times: text * times, PLAIN, st.sampled_from([1, 30]))


@pytest.mark.parametrize("kind", POSTS)
def test_golden_posts(kind: str, request: pytest.FixtureRequest) -> None:
    got = render.article(*POSTS[kind]) + "\n"
    golden = GOLDEN / f"{kind}.html"
    if request.config.getoption("--bless"):
        golden.write_text(got, encoding="utf-8")
    assert got == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_post_of_nothing() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} <= set(POSTS)


@given(TEXTS, TEXTS)
def test_telegram_takes_every_post(title: str, lead: str) -> None:
    visible = parse_html(render.article(title, lead, ADDRESS)).text
    assert visible.endswith(ADDRESS)
    assert len(visible) <= units(visible) <= TEXT


@given(TEXTS, TEXTS, LINKS)
def test_no_post_is_longer_than_a_message_or_has_half_an_address(title: str, lead: str, link: str) -> None:
    visible = parse_html(render.article(title, lead, link)).text
    assert units(visible) <= TEXT
    assert visible.endswith(link) if units(link) <= LINK else "https://" not in visible or not (title + lead).strip()


def test_a_post_of_nothing_but_a_long_address_is_not_empty() -> None:
    assert render.article("", "", ADDRESS + "0" * 5000).startswith("https://news.example.kg/")


@given(st.lists(st.builds(FetchedArticle, st.just("1"), WRITTEN, LINKS, WRITTEN), max_size=5))
def test_a_list_of_headlines_is_as_long_as_a_message_holds(articles: list[FetchedArticle]) -> None:
    visible = parse_html(render.headlines(articles)).text
    assert units(visible) <= TEXT
    assert bool(visible) == bool(articles)


@pytest.mark.parametrize(
    ("title", "lead", "said"),
    [
        ("Мост", "Объезд.", f"<b>Мост</b>\n\n{HREF}"),
        ("", "Объезд.", f"<b>Объезд.</b>\n\n{HREF}"),
        ("", "", HREF),
    ],
)
def test_a_headline_in_a_list_says_nothing_twice(title: str, lead: str, said: str) -> None:
    assert render.headlines([FetchedArticle("1", title, ADDRESS, lead)]) == said
    assert render.headlines([FetchedArticle("1", title, ADDRESS, lead)] * 2) == f"{said}\n\n{said}"


@pytest.mark.parametrize("lead", ["Объезд — по улице Токтогула.", LONG * 3, ""])
def test_an_article_without_a_title_says_nothing_twice(lead: str) -> None:
    stored = render.article_content(FetchedArticle("1", "", ADDRESS, lead))
    assert render.html(stored, None, Words()) == (f"{lead}\n\n{HREF}" if lead else HREF)


@given(PLAIN, PLAIN)
def test_people_read_exactly_what_the_site_wrote(title: str, lead: str) -> None:
    parsed = parse_html(render.article(title, lead, ADDRESS))
    assert parsed.text == f"{title}\n\n{lead}\n\n{ADDRESS}"
    bold = [entity for entity in parsed.entities if entity["type"] == "bold"]
    assert bold == [{"type": "bold", "offset": 0, "length": units(title)}]


@given(TEXTS, st.sampled_from([TITLE, LEAD]))
def test_what_is_shortened_fits_and_says_so(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert units(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@pytest.mark.parametrize("space", range(300))
def test_a_long_word_is_cut_rather_than_most_of_the_text_lost(space: int) -> None:
    text = "я" * space + " " + "землетрясение" * 50
    assert units(shorten(text, TITLE)) >= TITLE // 2
    assert units(shorten("Срочно: " + "землетрясение" * 50, TITLE)) == TITLE


@given(TEXTS, st.sampled_from([TITLE, LEAD]))
def test_an_excerpt_fits_and_is_the_beginning(text: str, limit: int) -> None:
    short = excerpt(text, limit)
    assert units(short) <= limit
    assert short in (text, shorten(text, limit)) or (text.startswith(short) and len(short) >= limit // 4)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Мост закрыт. Объезд по улице Токтогула и далее", "Мост закрыт. Объезд по улице…"),
        ("Мост через реку Чу закрыт. Объезд идёт по", "Мост через реку Чу закрыт."),
        ("Мост через Чу теперь закрыт! «Объезд идёт", "Мост через Чу теперь закрыт!"),
        ("Мост «через Чу теперь закрыт». Объезд идёт", "Мост «через Чу теперь закрыт»."),
        ("Мост «через Чу теперь закрыт!» Объезд идёт", "Мост «через Чу теперь закрыт!»"),
        ("Мост закрыт к западу от города им. Токтогула", "Мост закрыт к западу от города им…"),
        ("Мост стоит уже пять млрд долл. США и более", "Мост стоит уже пять млрд долл. США…"),
    ],
)
def test_an_excerpt_ends_with_a_sentence_when_that_keeps_half(text: str, kept: str) -> None:
    assert excerpt(text, 36) == kept


def test_a_notice_is_never_longer_than_a_message() -> None:
    stored = render.notice_content("alarm-feed-failing", {"url": ADDRESS + "0" * 9000, "reason": "<" * 9000})
    assert units(parse_html(render.html(stored, "ru", Words())).text) <= TEXT


@given(PLAIN, TEXTS)
def test_the_outbox_keeps_all_of_an_article(title: str, lead: str) -> None:
    stored = render.article_content(FetchedArticle("1", title, ADDRESS, lead))
    assert render.html(stored, None, Words()) == render.article(title, lead, ADDRESS)


def test_a_notice_is_said_in_the_language_of_its_reader() -> None:
    stored = render.notice_content("chat-connected", {"title": "R&D <Ош>"})
    assert render.html(stored, "en", Words()).startswith("“R&amp;D &lt;Ош&gt;” is connected")
    assert render.html(stored, "ky", Words()).startswith("«R&amp;D &lt;Ош&gt;» подключён")
