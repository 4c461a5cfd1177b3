"""Photos, captions and previews are edited in place, and text never takes the place of a photo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.conftest import World
from tests.sandbox.photo_site import PICTURE, picture_site, send, upload
from tests.sandbox.test_errors import NOT_MODIFIED, keyboard


@pytest.fixture(autouse=True)
def _unhurried(world: World) -> None:
    world.telegram.rates.enabled = False


@pytest.fixture
async def web_site() -> AsyncIterator[str]:
    async with picture_site() as address:
        yield address


async def test_a_caption_is_edited_in_place(world: World) -> None:
    keys = keyboard(url="https://site.kg/view/1")
    number = (await send(world, caption="Весна", reply_markup=keys, has_spoiler="true"))["message_id"]
    same = {"chat_id": world.reader.id, "message_id": number, "reply_markup": keys}
    assert await world.refusal("editMessageCaption", caption="Весна", **same) == NOT_MODIFIED
    edited = await world.ask("editMessageCaption", caption="<i>Лето</i>", parse_mode="HTML", **same)
    assert (edited["result"]["caption"], edited["result"]["reply_markup"]) == ("Лето", keys)
    assert edited["result"]["has_media_spoiler"] is True
    bare = await world.ask("editMessageCaption", chat_id=world.reader.id, message_id=number)
    assert "caption" not in bare["result"]
    assert "reply_markup" not in bare["result"]
    assert world.telegram.messages(world.reader.id)[-1].history == ["Весна", "Лето"]
    assert await world.refusal("editMessageCaption", caption="ы" * 1025, **same) == (
        "400 Bad Request: message caption is too long"
    )
    again = await world.ask("editMessageReplyMarkup", **same)
    assert again["result"]["reply_markup"] == keys


async def test_text_and_caption_are_not_the_same_thing(world: World) -> None:
    chat = world.reader.id
    photo, text = (await send(world))["message_id"], await world.send(chat, "слова")
    assert await world.refusal("editMessageText", chat_id=chat, message_id=photo, text="x") == (
        "400 Bad Request: there is no text in the message to edit"
    )
    assert await world.refusal("editMessageCaption", chat_id=chat, message_id=text, caption="x") == (
        "400 Bad Request: there is no caption in the message to edit"
    )
    theirs = world.telegram.says(chat, "моё").message_id
    media = {"type": "photo", "media": "http://127.0.0.1:1/never-asked.jpg"}
    for method, params in (("editMessageCaption", {"caption": "x"}), ("editMessageMedia", {"media": media})):
        assert await world.refusal(method, chat_id=chat, message_id=theirs, **params) == (
            "400 Bad Request: message can't be edited"
        )
        assert await world.refusal(method, chat_id=chat, message_id=999, **params) == (
            "400 Bad Request: message to edit not found"
        )


async def test_a_photo_is_replaced_from_anywhere(world: World, web_site: str) -> None:
    sent = await send(world, caption="Весна")
    chat, number, file_id = world.reader.id, sent["message_id"], sent["photo"][-1]["file_id"]
    place = {"chat_id": chat, "message_id": number}
    by_id = {"type": "photo", "media": file_id, "caption": "Весна"}
    assert await world.refusal("editMessageMedia", media=by_id, **place) == NOT_MODIFIED
    by_address = {"type": "photo", "media": f"{web_site}/other.png", "caption": "<b>Лето</b>", "parse_mode": "HTML"}
    edited = (await world.ask("editMessageMedia", media=by_address, **place))["result"]
    assert edited["caption_entities"] == [{"type": "bold", "offset": 0, "length": 4}]
    assert (edited["photo"][-1]["width"], edited["photo"][-1]["height"]) == (400, 300)
    by_upload = {"type": "photo", "media": "attach://new", "has_spoiler": True}
    answer = await upload(world, "editMessageMedia", {"new": PICTURE.data}, media=by_upload, **place)
    assert answer["result"]["photo"] == sent["photo"]
    assert answer["result"]["has_media_spoiler"] is True
    assert "caption" not in answer["result"]
    assert world.telegram.violations == []


async def test_a_text_becomes_a_photo_and_never_goes_back(world: World) -> None:
    file_id = (await send(world))["photo"][-1]["file_id"]
    place: dict[str, Any] = {
        "chat_id": world.reader.id,
        "message_id": await world.send(world.reader.id, "слова"),
    }
    media = {"type": "photo", "media": file_id, "caption": "слова"}
    edited = (await world.ask("editMessageMedia", media=media, **place))["result"]
    assert edited["caption"] == "слова"
    assert "text" not in edited
    assert await world.refusal("editMessageText", text="снова", **place) == (
        "400 Bad Request: there is no text in the message to edit"
    )


MEDIA: list[tuple[Any, str]] = [
    (None, "can't parse InputMedia: media not found"),
    ("{", "can't parse input media JSON object"),
    ([], "can't parse InputMedia: expected an Object"),
    ({"media": "x"}, "can't parse InputMedia: Can't find field \"type\""),
    ({"type": "sticker", "media": "x"}, 'can\'t parse InputMedia: type "sticker" is unsupported'),
    ({"type": "photo"}, "can't parse InputMedia: media not found"),
    ({"type": "photo", "media": "attach://none"}, "can't parse InputMedia: media not found"),
    ({"type": "photo", "media": "http://"}, "wrong HTTP URL specified"),
    ({"type": "photo", "media": "http://127.0.0.1:1/a.jpg"}, "failed to get HTTP URL content"),
    ({"type": "photo", "media": "a.jpg"}, "wrong file identifier/HTTP URL specified"),
    ({"type": "photo", "media": "x", "caption": "ы" * 1025}, "message caption is too long"),
    ({"type": "photo", "media": "мусор"}, "wrong remote file identifier specified: can't unserialize it"),
]


@pytest.mark.parametrize(("media", "expected"), MEDIA)
async def test_media_that_is_refused(world: World, media: Any, expected: str) -> None:
    place: dict[str, Any] = {
        "chat_id": world.reader.id,
        "message_id": await world.send(world.reader.id, "слова"),
    }
    assert await world.refusal("editMessageMedia", media=media, **place) == f"400 Bad Request: {expected}"


# ---- previews of links


async def test_what_was_said_about_the_preview_is_kept(world: World) -> None:
    chat, text = world.reader.id, "Весна https://site.kg/view/1"
    large = {"url": "https://site.kg/view/2", "prefer_large_media": True, "show_above_text": True}
    sent = await world.ask("sendMessage", chat_id=chat, text=text, link_preview_options=large)
    assert sent["result"]["link_preview_options"] == large
    place = {"chat_id": chat, "message_id": sent["result"]["message_id"], "text": text}
    assert await world.refusal("editMessageText", link_preview_options=large, **place) == NOT_MODIFIED
    edited = await world.ask("editMessageText", link_preview_options={"is_disabled": True}, **place)
    assert edited["result"]["link_preview_options"] == {"is_disabled": True}
    assert await world.refusal("editMessageText", disable_web_page_preview=True, **place) == NOT_MODIFIED
    assert "link_preview_options" not in (await world.ask("editMessageText", **place))["result"]


async def test_no_preview_can_change_where_there_is_no_link(world: World) -> None:
    number = await world.send(world.reader.id, "<b>Весна</b>", parse_mode="HTML")
    params = {"text": "<b>Весна</b>", "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
    assert await world.refusal("editMessageText", chat_id=world.reader.id, message_id=number, **params) == NOT_MODIFIED


async def test_unknown_fields_of_nested_objects_are_noticed(world: World) -> None:
    await world.send(world.reader.id, "x", link_preview_options={"disabled": True})
    assert world.telegram.violations == ["sendMessage: link_preview_options has unknown fields: disabled"]
