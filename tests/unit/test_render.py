"""Whatever a feed sends, the post is a headline, a lead and a link that Telegram takes and a person can read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.articles import FetchedArticle
from newsroom.text import render
from newsroom.text.limits import LEAD, TEXT, TITLE, shorten, units
from newsroom.text.words import Words
from sandbox.markup import parse_html

GOLDEN = Path(__file__).parent.parent / "golden" / "posts"
LINK = "https://news.example.kg/2026/02/20?id=7&from=rss"
LONG = "Парламент принял в третьем чтении закон о бюджете, который спорили менять с прошлой осени: что в нём нового, "

# title, lead, link
POSTS = {
    "russian": ("«Манас» открыл рейс в Ош — впервые за год", "Билеты — от 3 500 сомов. «Ак-Кула» уже в пути.", LINK),
    "markup": ('<b>5 < 7</b> & "R&D" isn\'t &amp;', "<script>alert('x')</script> a > b && c </b>", LINK),
    "long-title": (LONG * 5, "Коротко о главном.", LINK),
    "long-lead": ("Бюджет принят", LONG * 12, LINK),
    "no-lead": ("Мост закрыт до вечера", "", LINK),
    "no-title": ("", "Объезд — по улице Токтогула.", LINK),
    "no-link": ("Мост закрыт до вечера", "Объезд — по улице Токтогула.", ""),
    "emoji-and-cjk": ("🇰🇬吉尔吉斯斯坦：" + "地震" * 160, "速報です。👩‍🚒🧑🏽‍🚀", LINK),
    "right-to-left": ("افتتاح مطار «ماناس» — 2026", "تبدأ الرحلات من 3500 سوم (USD 40).", LINK),
}

TEXTS = st.one_of(
    st.text(),
    st.text("<>&\"'/;#ab lt\0\x1f\r\n\u2028", max_size=40),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=30), st.sampled_from([20, 100])),
)
# What the reader of feeds hands over: no letter that cannot be seen, no space at an end.
PLAIN = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100)


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
    visible = parse_html(render.article(title, lead, LINK)).text
    assert visible.endswith(LINK)
    assert len(visible) <= units(visible) <= TEXT


@given(PLAIN, PLAIN)
def test_people_read_exactly_what_the_site_wrote(title: str, lead: str) -> None:
    parsed = parse_html(render.article(title, lead, LINK))
    assert parsed.text == f"{title}\n\n{lead}\n\n{LINK}"
    bold = [entity for entity in parsed.entities if entity["type"] == "bold"]
    assert bold == [{"type": "bold", "offset": 0, "length": units(title)}]


@given(TEXTS, st.sampled_from([TITLE, LEAD]))
def test_what_is_shortened_fits_and_says_so(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert units(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(PLAIN, TEXTS)
def test_the_outbox_keeps_all_of_an_article(title: str, lead: str) -> None:
    stored = render.article_content(FetchedArticle("1", title, LINK, lead))
    assert render.html(stored, None, Words()) == render.article(title, lead, LINK)


def test_a_notice_is_said_in_the_language_of_its_reader() -> None:
    stored = render.notice_content("chat-connected", {"title": "R&D <Ош>"})
    assert render.html(stored, "en", Words()).startswith("“R&amp;D &lt;Ош&gt;” is connected")
    assert render.html(stored, "ky", Words()).startswith("«R&amp;D &lt;Ош&gt;» подключён")
