"""Photos: by address, by upload and by identifier, with captions and edits, each refusal in Telegram's own words."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sandbox.files import FileStore
from sandbox.images import read_image
from sandbox.pictures import landscape
from sandbox.portal import Portal, serve_portal
from sandbox.rules import PHOTO_LIMIT, ApiError
from tests.sandbox.conftest import TOKEN, World
from tests.sandbox.photo_site import OTHER, PICTURE, picture_site, send, sized, upload
from tests.sandbox.test_errors import Setup, keyboard, standing


@pytest.fixture(autouse=True)
def _unhurried(world: World) -> None:
    world.telegram.rates.enabled = False


@pytest.fixture
async def web_site() -> AsyncIterator[str]:
    async with picture_site() as address:
        yield address


async def download(world: World, path: str) -> tuple[int, bytes, str]:
    assert world.http is not None
    async with world.http.get(world.url + path) as response:
        return response.status, await response.read(), response.headers["Content-Type"]


async def test_by_address(world: World, web_site: str) -> None:
    for path in ("/picture.jpg", "/moved.jpg"):
        answer = await world.ask("sendPhoto", chat_id=world.reader.id, photo=web_site + path, caption="Весна")
        message = answer["result"]
        assert "text" not in message
        assert message["caption"] == "Весна"
        assert [(size["width"], size["height"]) for size in message["photo"]] == [(90, 45), (200, 100)]
        assert message["photo"][-1]["file_size"] == len(PICTURE.data)
    assert world.telegram.accepted[world.reader.id, "Весна"] == 2


async def test_by_address_from_the_sample_site(world: World) -> None:
    async with serve_portal(Portal()) as site:
        for article in site.publish_samples():
            address = site.url + article.picture_path
            answer = await world.ask("sendPhoto", chat_id=world.reader.id, photo=address, caption=article.title)
            assert answer["result"]["photo"][-1]["width"] == 640
        site.trouble, site.trouble_at = "error_page", "picture"
        assert await world.refusal("sendPhoto", chat_id=world.reader.id, photo=address) == (
            "400 Bad Request: wrong type of the web page content"
        )


ADDRESSES = [
    ("/missing.jpg", "failed to get HTTP URL content"),
    ("/loop.jpg", "failed to get HTTP URL content"),
    ("/outside.jpg", "failed to get HTTP URL content"),
    ("/huge.jpg", "failed to get HTTP URL content"),
    ("/slow.jpg", "failed to get HTTP URL content"),
    ("/page.jpg", "wrong type of the web page content"),
    ("/fake.jpg", "IMAGE_PROCESS_FAILED"),
    ("/wide.png", "PHOTO_INVALID_DIMENSIONS"),
]


@pytest.mark.parametrize(("path", "expected"), ADDRESSES)
async def test_an_address_without_a_usable_picture(world: World, web_site: str, path: str, expected: str) -> None:
    world.telegram.fetch_seconds = 0.3
    words = await world.refusal("sendPhoto", chat_id=world.reader.id, photo=web_site + path)
    assert words == f"400 Bad Request: {expected}"
    assert not world.telegram.accepted


GIVEN = [
    ("", "there is no photo in the request"),
    ("attach://nothing", "there is no photo in the request"),
    ("http://", "wrong HTTP URL specified"),
    ("http://site.kg:port/a.jpg", "wrong HTTP URL specified"),
    ("http://site.kg/a b.jpg", "wrong HTTP URL specified"),
    ("ftp://site.kg/a.jpg", "wrong HTTP URL specified"),
    ("http://192.0.2.1/a.jpg", "failed to get HTTP URL content"),
    ("https://pictures.example/a.jpg", "failed to get HTTP URL content"),
    ("http://127.0.0.1:1/a.jpg", "failed to get HTTP URL content"),
    ("picture.jpg", "wrong file identifier/HTTP URL specified"),
    ("картинка", "wrong remote file identifier specified: can't unserialize it"),
    ("AgACAgIAAxkBAAI", "wrong remote file identifier specified: can't unserialize it"),
]


@pytest.mark.parametrize(("photo", "expected"), GIVEN)
async def test_what_is_no_photo(world: World, photo: str, expected: str) -> None:
    assert await world.refusal("sendPhoto", chat_id=world.reader.id, photo=photo) == f"400 Bad Request: {expected}"


UPLOADS = [
    (b"", "file must be non-empty"),
    (b"<svg/>", "IMAGE_PROCESS_FAILED"),
    (sized(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
    (sized(2001, 100), "PHOTO_INVALID_DIMENSIONS"),
    (
        sized(9, 9) + bytes(PHOTO_LIMIT),
        f"file of size {PHOTO_LIMIT + 24} bytes is too big for a photo; the maximum size is 10485760 bytes",
    ),
]


@pytest.mark.parametrize(("data", "expected"), UPLOADS, ids=["empty", "no picture", "large", "long", "heavy"])
async def test_an_upload_that_is_refused(world: World, data: bytes, expected: str) -> None:
    answer = await upload(world, "sendPhoto", {"photo": data}, chat_id=world.reader.id)
    assert answer["description"] == f"Bad Request: {expected}"


async def test_an_upload_at_the_limits_passes(world: World) -> None:
    for data in (sized(9000, 1000), sized(2000, 100), sized(9, 9) + bytes(PHOTO_LIMIT - 24)):
        await send(world, data)


async def test_more_than_a_server_takes_is_413(world: World) -> None:
    answer = await upload(world, "sendPhoto", {"photo": bytes(51 * 1024 * 1024)}, chat_id=world.reader.id)
    assert (answer["error_code"], answer["description"]) == (413, "Request Entity Too Large")


async def test_an_attachment_has_any_name(world: World) -> None:
    chat = world.reader.id
    answer = await upload(world, "sendPhoto", {"one": PICTURE.data}, chat_id=chat, photo="attach://one")
    assert answer["ok"]
    assert world.telegram.calls[-1].params == {"chat_id": str(chat), "photo": "attach://one"}
    assert world.telegram.violations == []


async def test_an_identifier_opens_a_photo_for_its_bot_only(world: World) -> None:
    sent = await send(world)
    for size in sent["photo"]:
        again = await world.ask("sendPhoto", chat_id=world.reader.id, photo=size["file_id"])
        assert again["result"]["photo"] == sent["photo"]
    file_id = sent["photo"][-1]["file_id"]
    world.telegram.add_bot("43:OTHER", "other_bot")
    world.telegram.start(world.reader.id, bot_id=43)
    foreign = await world.ask("sendPhoto", "43:OTHER", chat_id=world.reader.id, photo=file_id)
    assert foreign["description"] == "Bad Request: wrong remote file identifier specified: can't unserialize it"
    unseen = await world.ask("getFile", "43:OTHER", file_id=file_id)
    assert unseen["description"] == "Bad Request: invalid file_id"


async def test_a_kept_photo_can_be_fetched_back(world: World) -> None:
    sent = await send(world)
    file = (await world.ask("getFile", file_id=sent["photo"][0]["file_id"]))["result"]
    assert file["file_size"] == len(PICTURE.data)
    path = file["file_path"]
    assert await download(world, f"/file/bot{TOKEN}/{path}") == (200, PICTURE.data, "image/jpeg")
    assert (await download(world, f"/file/bot42:WRONG/{path}"))[0] == 401
    assert (await download(world, f"/file/bot{TOKEN}/photos/none.jpg"))[0] == 404
    assert await world.refusal("getFile", file_id="") == "400 Bad Request: invalid file_id"


async def test_old_photos_are_forgotten(world: World) -> None:
    world.telegram.files.memory = len(PICTURE.data)
    old = (await send(world))["photo"][-1]["file_id"]
    await send(world, OTHER.data)
    lost = {"chat_id": world.reader.id, "photo": old}
    assert await world.refusal("sendPhoto", **lost) == "400 Bad Request: wrong file identifier/HTTP URL specified"
    assert await world.refusal("getFile", file_id=old) == (
        "400 Bad Request: wrong file_id or the file is temporarily unavailable"
    )


def test_the_store_never_holds_more_than_its_memory() -> None:
    store = FileStore(memory=20_000)
    for number in range(40):
        picture = landscape(number, 400 + number % 3, 300)
        image = read_image(picture.data)
        assert image is not None
        store.keep(picture.data, image)
        assert sum(len(data) for _, data in store._kept.values()) <= 20_000
    with pytest.raises(ApiError):
        store.find(1, base64.urlsafe_b64encode(bytes(28)).decode())


CAPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("400 Bad Request: message caption is too long", {"caption": "ы" * 1025}),
    ("400 Bad Request: message caption is too long", {"caption": f"<b>{'ы' * 1025}</b>", "parse_mode": "HTML"}),
    ("400 Bad Request: text is too long", {"caption": "ы" * 16_385}),
    ("400 Bad Request: strings must be encoded in UTF-8", {"caption": "\ud800"}),
    (
        '400 Bad Request: can\'t parse entities: Unsupported start tag "br/" at byte offset 0',
        {"caption": "<br/>", "parse_mode": "HTML"},
    ),
    ("400 Bad Request: message thread not found", {"message_thread_id": 3}),
    ("400 Bad Request: message to be replied not found", {"reply_parameters": {"message_id": 999}}),
    ("400 Bad Request: text buttons are unallowed in the inline keyboard", {"reply_markup": keyboard()}),
]


@pytest.mark.parametrize(("expected", "params"), CAPTIONS)
async def test_the_words_around_a_photo_are_refused(world: World, expected: str, params: dict[str, Any]) -> None:
    file_id = (await send(world))["photo"][-1]["file_id"]
    assert await world.refusal("sendPhoto", chat_id=world.reader.id, photo=file_id, **params) == expected
    assert world.telegram.accepted.total() == 1


async def test_all_that_comes_with_a_photo_is_kept(world: World) -> None:
    first = await send(world)
    keys = keyboard(url="https://site.kg/view/1")
    sent = await send(
        world,
        caption=f"<b>{'ы' * 1024}</b>",
        parse_mode="HTML",
        has_spoiler="true",
        show_caption_above_media="true",
        disable_notification="true",
        reply_markup=keys,
        reply_parameters={"message_id": first["message_id"]},
    )
    assert sent["caption_entities"] == [{"type": "bold", "offset": 0, "length": 1024}]
    assert sent["has_media_spoiler"] is True
    assert sent["show_caption_above_media"] is True
    assert sent["reply_markup"] == keys
    assert sent["reply_to_message"]["photo"] == first["photo"]
    kept = world.telegram.messages(world.reader.id)[-1]
    assert (kept.text, kept.silent) == ("ы" * 1024, True)
    assert kept.photo is not None
    assert world.telegram.violations == []


FORBIDDEN = "400 Bad Request: not enough rights to send photos to the chat"


def everybody(**permissions: bool) -> Setup:
    def arrange(w: World) -> dict[str, Any]:
        w.telegram.permit(w.group.id, **permissions)
        return {"chat_id": w.group.id}

    return arrange


RIGHTS: list[tuple[str, Callable[[World], dict[str, Any]]]] = [
    (FORBIDDEN, standing("supergroup", "restricted", can_send_messages=True, can_send_photos=False)),
    (FORBIDDEN, everybody(can_send_photos=False)),
    (
        "400 Bad Request: need administrator rights in the channel chat",
        standing("channel", "administrator", can_post_messages=False),
    ),
    ("403 Forbidden: bot was kicked from the channel chat", standing("channel", "kicked")),
    ("403 Forbidden: bot can't initiate conversation with a user", lambda w: {"chat_id": w.stranger.id}),
    ("400 Bad Request: chat not found", lambda _: {"chat_id": 5}),
]


@pytest.mark.parametrize(("expected", "arrange"), RIGHTS)
async def test_who_may_not_send_photos(world: World, expected: str, arrange: Setup) -> None:
    chat = {name: value for name, value in arrange(world).items() if name == "chat_id"}
    assert await world.refusal("sendPhoto", photo="http://127.0.0.1:1/never-asked.jpg", **chat) == expected


async def test_what_everybody_may_not_an_administrator_may(world: World) -> None:
    world.telegram.permit(world.supergroup.id, can_send_photos=False, can_send_messages=False)
    await send(world, chat_id=world.supergroup.id)
    await world.send(world.supergroup.id, "слова")
    world.telegram.permit(world.group.id, can_send_messages=False)
    assert await world.refusal("sendMessage", chat_id=world.group.id, text="x") == (
        "400 Bad Request: not enough rights to send text messages to the chat"
    )
    await send(world, chat_id=world.group.id)
    assert (await world.ask("getChat", chat_id=world.group.id))["result"]["permissions"]["can_send_messages"] is False


async def test_photos_and_their_edits_count_as_messages(world: World) -> None:
    world.telegram.rates.enabled, world.telegram.rates.speed = True, 0.001
    chat = world.reader.id
    sent = await send(world, caption="раз")
    number, file_id = sent["message_id"], sent["photo"][-1]["file_id"]
    await world.ask("editMessageCaption", chat_id=chat, message_id=number, caption="два")
    media = {"type": "photo", "media": file_id}
    await world.ask("editMessageMedia", chat_id=chat, message_id=number, media=media)
    refused: tuple[tuple[str, dict[str, Any]], ...] = (
        ("sendPhoto", {"photo": file_id}),
        ("editMessageCaption", {"message_id": number, "caption": "три"}),
        ("editMessageMedia", {"message_id": number, "media": media | {"caption": "три"}}),
    )
    for method, params in refused:
        assert (await world.ask(method, chat_id=chat, **params))["status"] == 429
