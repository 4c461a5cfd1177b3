"""Whatever a feed sends, the post is a headline, a lead and a way to the page, in a form that Telegram takes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.articles import FetchedArticle
from newsroom.text import render
from newsroom.text.limits import CAPTION, LEAD, LINK, TEXT, TITLE, excerpt, sentences, shorten, units
from newsroom.text.post import Post, Style, opens
from newsroom.text.split import split
from newsroom.text.words import Words
from sandbox.markup import parse_html

GOLDEN = Path(__file__).parent.parent / "golden" / "posts"
ADDRESS = "https://news.example.kg/2026/02/20?id=7&from=rss"
IMAGE = "https://news.example.kg/pictures/7.jpg"
LONG = "Парламент принял в третьем чтении закон о бюджете, который спорили менять с прошлой осени: что в нём нового, "
CLEAR = LONG.removesuffix(" что в нём нового, ") + " ясно. Что нового? "
PLAIN_STYLE = Style()


def article(
    title: str, lead: str = "", link: str = ADDRESS, image: str | None = None, *categories: str, graphic: bool = False
) -> FetchedArticle:
    return FetchedArticle("1", title, link, lead, image=image, categories=categories, graphic=graphic)


POSTS = {
    "russian": article("«Манас» открыл рейс в Ош — впервые за год", "Билеты — от 3 500 сомов. Летают по средам."),
    "picture": article(
        "Мост закрыт до вечера", "Объезд — по улице Токтогула.", ADDRESS, IMAGE, "Кыргызстан", "Общество"
    ),
    "graphic-picture": article(
        "Столкнулись два поезда", "Пострадавших нет.", ADDRESS, IMAGE, "Казахстан", graphic=True
    ),
    "two-countries": article("Границу откроют в марте", "", ADDRESS, None, "Узбекистан", "Таджикистан", "Политика"),
    "markup": article('<b>5 < 7</b> & "R&D" isn\'t &amp;', "<script>alert('x')</script> a > b && c </b>"),
    "long-title": article(LONG * 5, "Коротко о главном."),
    "long-lead": article("Бюджет принят", LONG * 12, ADDRESS, IMAGE, "Китай"),
    "sentences": article("Бюджет принят", CLEAR * 12),
    "no-lead": article("Мост закрыт до вечера"),
    "no-title": article("", "Объезд — по улице Токтогула."),
    "no-link": article("Мост закрыт до вечера", "Объезд — по улице Токтогула.", ""),
    "long-link": article("Мост закрыт до вечера", "Объезд.", ADDRESS + "&utm=" + "0" * 2000),
    "link-only": article("", ""),
    "emoji-and-cjk": article("🇰🇬吉尔吉斯斯坦：" + "地震" * 160, "速報です。👩‍🚒🧑🏽‍🚀"),
    "right-to-left": article("افتتاح مطار «ماناس» — 2026", "تبدأ الرحلات من 3500 سوم (USD 40)."),
}

TEXTS = st.one_of(
    st.text(),
    st.text("<>&\"'/;#ab lt\0\x1f\r\n\u2028", max_size=40),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=30), st.sampled_from([20, 100])),
)
LINKS = st.builds(lambda letter, times: ADDRESS + letter * times, st.sampled_from("x&я🇰\"'<"), st.integers(0, 5000))
NAMES = st.lists(st.sampled_from(["Кыргызстан", "Казахстан", "КНР", "Киргизия", "Ташкент", "<b>"]), max_size=6)
# What the reader of feeds hands over: no letter that cannot be seen, no space at an end.
PLAIN = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100)
WRITTEN = st.just("") | st.builds(lambda text, times: text * times, PLAIN, st.sampled_from([1, 30]))


def posted(fetched: FetchedArticle, language: str | None = "ru", *, pictured: bool = True) -> Post:
    return render.post(render.article_content(fetched), language, Words(), PLAIN_STYLE, pictured=pictured)


def picture_of(post: Post) -> str:
    """A post as a page: the text, then what stands around it."""
    photo = f"photo{' under a spoiler' if post.spoiler else ''}: {post.photo}" if post.photo else "no photo"
    rows = [" ".join(f"[{button.text}]({button.url})" for button in row) for row in post.buttons]
    return "\n".join([post.html, "---", photo, f"preview: {post.preview}", *rows]) + "\n"


@pytest.mark.parametrize("kind", POSTS)
def test_golden_posts(kind: str, request: pytest.FixtureRequest) -> None:
    got = picture_of(posted(POSTS[kind]))
    golden = GOLDEN / f"{kind}.txt"
    if request.config.getoption("--bless"):
        golden.write_text(got, encoding="utf-8")
    assert got == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_post_of_nothing() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(POSTS)


@given(TEXTS, TEXTS, LINKS, NAMES, st.booleans())
def test_telegram_takes_every_post(title: str, lead: str, link: str, names: list[str], pictured: bool) -> None:
    post = posted(article(title, lead, link, IMAGE, *names), pictured=pictured)
    visible = parse_html(post.html).text
    assert visible.strip()
    assert units(visible) <= (CAPTION if pictured else TEXT)
    assert (post.photo == IMAGE) is pictured


@given(TEXTS, TEXTS, LINKS)
def test_every_way_to_the_page_is_the_whole_address_or_none(title: str, lead: str, link: str) -> None:
    post = posted(article(title, lead, link))
    ways = [entity["url"] for entity in parse_html(post.html).entities if entity["type"] == "text_link"]
    ways += [button.url for row in post.buttons for button in row][:1]
    assert set(ways) <= ({link} if units(link) <= LINK else set())
    assert bool(post.buttons) == (units(link) <= LINK)


@given(PLAIN, PLAIN)
def test_people_read_exactly_what_the_site_wrote(title: str, lead: str) -> None:
    parsed = parse_html(posted(article(title, lead)).html)
    assert parsed.text.startswith(title)
    assert parsed.text.removeprefix(title).strip() in ("", lead) or lead.startswith(parsed.text.split("\n\n")[-1])
    bold = [entity for entity in parsed.entities if entity["type"] == "bold"]
    assert bold == [{"type": "bold", "offset": 0, "length": units(title)}]


def test_the_comments_stand_at_the_address_of_the_page() -> None:
    read, comments = posted(article("Мост", "", "https://news.example.kg/view/7#top")).buttons[0]
    assert (read.text, read.url) == ("Читать", "https://news.example.kg/view/7#top")
    assert (comments.text, comments.url) == ("Комментарии", "https://news.example.kg/view/7#comments")


def test_without_comments_there_is_no_button_for_them() -> None:
    post = render.post(render.article_content(article("Мост")), "en", Words(), Style(comments=""))
    assert [button.text for button in post.buttons[0]] == ["Read"]


def test_a_link_that_opens_nothing_is_no_button() -> None:
    assert posted(article("Мост", "Объезд.", "tag:example.kg,2026:7")).buttons == ()


@pytest.mark.parametrize(
    "link",
    [
        "http://newsroom/7",
        "http://localhost:8080/",
        "http:///7",
        "http://./7",
        "http://[::1/7",
        "http://[newsroom.kg]/7",
        "https://news.kg/a b",
        "https://news.kg/\u202e7",
        "ftp://news.kg/7",
        "https://news.kg/" + "x" * LINK,
    ],
)
def test_an_address_that_telegram_refuses_is_neither_button_nor_link(link: str) -> None:
    assert not opens(link)
    post = posted(article("Мост", "Объезд.", link))
    assert post.buttons == ()
    assert "<a" not in post.html


@pytest.mark.parametrize("link", [ADDRESS, "http://127.0.0.1:8088/7", "http://[::1]:8088/7", "https://мост.кг/путь"])
def test_an_address_with_a_dot_or_a_number_opens(link: str) -> None:
    assert opens(link)


def test_what_an_older_version_queued_is_still_posted() -> None:
    queued = json.dumps({"v": 1, "kind": "article", "title": "Мост", "lead": "Объезд.", "link": ADDRESS})
    assert parse_html(render.post(queued, None, Words(), PLAIN_STYLE).html).text == "Мост\n\nОбъезд."


@pytest.mark.parametrize("lead", ["Объезд — по улице Токтогула.", LONG * 3])
def test_an_article_without_a_title_says_nothing_twice(lead: str) -> None:
    assert parse_html(posted(article("", lead)).html).text == lead.strip()


@given(st.lists(st.builds(FetchedArticle, st.just("1"), WRITTEN, LINKS, WRITTEN), max_size=20))
def test_a_list_of_headlines_is_as_many_messages_as_it_takes(articles: list[FetchedArticle]) -> None:
    parts = [parse_html(part).text for part in split(render.headlines(articles))]
    assert all(units(part) <= TEXT for part in parts)
    assert bool(parts) == bool(articles)


@pytest.mark.parametrize(
    ("title", "lead", "said"), [("Мост", "Объезд.", "Мост"), ("", "Объезд.", "Объезд."), ("", "", ADDRESS)]
)
def test_a_headline_in_a_list_says_nothing_twice(title: str, lead: str, said: str) -> None:
    parsed = parse_html(render.headlines([article(title, lead)] * 2))
    assert parsed.text == f"{said}\n\n{said}"
    assert {entity.get("url") for entity in parsed.entities if entity["type"] == "text_link"} == {ADDRESS}


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


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Первое предложение. Второе предложение. Третье.", "Первое предложение. Второе предложение."),
        ("Одно предложение.", "Одно предложение."),
        ("Первое предложение. Второе", "Первое предложение. Второе"),
        ("", ""),
    ],
)
def test_a_lead_is_two_sentences(text: str, kept: str) -> None:
    assert sentences(text, 2, LEAD) == kept


def test_a_notice_is_never_longer_than_a_message() -> None:
    stored = render.notice_content("alarm-feed-failing", {"url": ADDRESS + "0" * 9000, "reason": "<" * 9000})
    assert units(parse_html(render.post(stored, "ru", Words(), PLAIN_STYLE).html).text) <= TEXT


def test_a_notice_is_said_in_the_language_of_its_reader() -> None:
    stored = render.notice_content("chat-connected", {"title": "R&D <Ош>"})
    assert render.post(stored, "en", Words(), PLAIN_STYLE).html.startswith("“R&amp;D &lt;Ош&gt;” is connected")
    assert render.post(stored, "ky", Words(), PLAIN_STYLE).html.startswith("«R&amp;D &lt;Ош&gt;» подключён")
