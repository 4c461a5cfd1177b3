"""The page that shows the chats: everything in it, nothing executable in it."""

from __future__ import annotations

import json
import re

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from sandbox.markup import parse_html
from sandbox.page import render_page, render_text
from sandbox.pictures import landscape
from sandbox.telegram import Telegram
from tests.sandbox.conftest import World


async def test_the_page_shows_a_chat(world: World) -> None:
    assert world.http is not None
    keys = {"inline_keyboard": [[{"text": "Читать <далее>", "url": "https://e.kg/1"}]]}
    number = await world.send("@step_news", "<b>Весна</b>", parse_mode="HTML", reply_markup=keys)
    await world.ask(
        "editMessageText",
        chat_id="@step_news",
        message_id=number,
        text="<i>Лето</i>",
        parse_mode="HTML",
        reply_markup=keys,
    )
    async with world.http.get(f"{world.url}/?chat={world.channel.id}") as response:
        page = await response.text()
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "<i>Лето</i>" in page
    assert "изменено" in page
    assert "Читать &lt;далее&gt;" in page
    assert "Новости степи" in page


async def test_the_page_shows_photos_and_leads_where_buttons_lead(world: World) -> None:
    assert world.http is not None
    keys = {
        "inline_keyboard": [[{"text": "Читать", "url": "https://e.kg/view/1"}, {"text": "Да", "callback_data": "1"}]]
    }
    form = aiohttp.FormData({"chat_id": "@step_news", "caption": "Гора <под> снегом", "reply_markup": json.dumps(keys)})
    form.add_field("has_spoiler", "true")
    form.add_field("photo", landscape(1).data, filename="a.jpg", content_type="image/jpeg")
    async with world.http.post(f"{world.url}/bot42:SANDBOX/sendPhoto", data=form) as response:
        assert response.status == 200
    async with world.http.get(f"{world.url}/?chat={world.channel.id}") as response:
        page = await response.text()
        assert "img-src 'self'" in response.headers["Content-Security-Policy"]
    assert "Гора &lt;под&gt; снегом" in page
    assert "Фото · Гора" in page
    assert '<div class="photo veiled"' in page
    assert '<a href="https://e.kg/view/1" rel="noreferrer noopener" target="_blank">Читать</a>' in page
    assert "<span>Да</span>" in page
    address = re.search(r'<img src="(photo/\w+)"', page)
    assert address is not None
    async with world.http.get(f"{world.url}/{address[1]}") as response:
        assert (response.content_type, await response.read()) == ("image/jpeg", landscape(1).data)
    async with world.http.get(f"{world.url}/photo/none") as response:
        assert response.status == 404


def test_an_empty_world_has_a_page() -> None:
    assert "Пока ни одного чата" in render_page(Telegram())


def test_links_go_only_where_harmless() -> None:
    bad = {"type": "text_link", "offset": 0, "length": 1, "url": "javascript:alert(1)"}
    assert render_text("x", [bad]) == "x"
    good = parse_html('<b>a<a href="https://e.kg/&quot;">😀</a></b> <s>b</s>')
    assert render_text(good.text, good.entities) == (
        '<b>a<a href="https://e.kg/&quot;" rel="noreferrer noopener" target="_blank">😀</a></b> <s>b</s>'
    )


ENTITIES = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["bold", "code", "spoiler"]), "offset": st.integers(0, 9), "length": st.integers(1, 9)}
    ),
    max_size=5,
)


@given(st.text(st.sampled_from("аb<&😀"), max_size=8), ENTITIES)
def test_crossing_entities_lose_no_text(text: str, entities: list[dict[str, object]]) -> None:
    rendered = render_text(text, [{**each, "type": "bold"} for each in entities])
    plain = rendered.replace("<b>", "").replace("</b>", "").replace("&lt;", "<").replace("&amp;", "&")
    assert plain.replace("�", "") == text or "😀" in text
    assert rendered.count("<b>") == rendered.count("</b>")
