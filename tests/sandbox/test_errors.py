"""Every refusal in Telegram's own words, one row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.rules import code_of, describe
from tests.sandbox.conftest import World

Setup = Callable[[World], dict[str, Any]]


def keyboard(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Кнопка", **button}]]}


def blocked(w: World) -> dict[str, Any]:
    w.telegram.block(w.reader.id)
    return {"chat_id": w.reader.id, "text": "x"}


def deactivated(w: World) -> dict[str, Any]:
    w.telegram.deactivate(w.reader.id)
    return {"chat_id": w.reader.id, "text": "x"}


def standing(place: str, status: str, **rights: bool) -> Setup:
    def arrange(w: World) -> dict[str, Any]:
        chat = getattr(w, place)
        w.telegram.set_member(chat.id, w.bot.id, status, **rights)
        return {"chat_id": chat.id, "text": "x"}

    return arrange


def gone_group(w: World) -> dict[str, Any]:
    w.group.deleted = True
    return {"chat_id": w.group.id, "text": "x"}


def to_bot(w: World) -> dict[str, Any]:
    return {"chat_id": w.telegram.add_bot("43:OTHER", "other_bot").id, "text": "x"}


def text(value: str, **more: Any) -> Setup:
    return lambda w: {"chat_id": w.reader.id, "text": value, **more}


SEND: list[tuple[str, Setup]] = [
    ("403 Forbidden: bot was blocked by the user", blocked),
    ("403 Forbidden: user is deactivated", deactivated),
    ("403 Forbidden: bot can't initiate conversation with a user", lambda w: {"chat_id": w.stranger.id, "text": "x"}),
    ("403 Forbidden: the bot can't send messages to the bot", to_bot),
    ("403 Forbidden: bot was kicked from the group chat", standing("group", "kicked")),
    ("403 Forbidden: bot was kicked from the supergroup chat", standing("supergroup", "kicked")),
    ("403 Forbidden: bot was kicked from the channel chat", standing("channel", "kicked")),
    ("403 Forbidden: bot is not a member of the group chat", standing("group", "left")),
    ("403 Forbidden: bot is not a member of the supergroup chat", standing("supergroup", "left")),
    ("403 Forbidden: bot is not a member of the channel chat", standing("channel", "left")),
    ("403 Forbidden: the group chat was deleted", gone_group),
    (
        "400 Bad Request: need administrator rights in the channel chat",
        standing("channel", "administrator", can_post_messages=False),
    ),
    (
        "400 Bad Request: not enough rights to send text messages to the chat",
        standing("supergroup", "restricted", can_send_messages=False),
    ),
    ("400 Bad Request: chat not found", lambda _: {"chat_id": 999, "text": "x"}),
    ("400 Bad Request: chat not found", lambda _: {"chat_id": "@nobody_here", "text": "x"}),
    ("400 Bad Request: chat_id is empty", lambda _: {"text": "x"}),
    ("400 Bad Request: message text is empty", text("")),
    ("400 Bad Request: text must be non-empty", text(" \n ")),
    ("400 Bad Request: text must be non-empty", text("<b> </b>", parse_mode="HTML")),
    ("400 Bad Request: text is too long", text("ы" * 16_385)),
    ("400 Bad Request: message is too long", text("ы" * 4097)),
    ("400 Bad Request: strings must be encoded in UTF-8", text("\ud800")),
    (
        '400 Bad Request: can\'t parse entities: Unsupported start tag "p" at byte offset 5',
        text("да <p>", parse_mode="HTML"),
    ),
    ("400 Bad Request: unsupported parse_mode", text("x", parse_mode="Wiki")),
    ("400 Bad Request: BUTTON_DATA_INVALID", text("x", reply_markup=keyboard(callback_data="ы" * 33))),
    (
        "400 Bad Request: inline keyboard button URL 'http://newsroom/7' is invalid: Wrong HTTP URL",
        text("x", reply_markup=keyboard(url="http://newsroom/7")),
    ),
    ("400 Bad Request: BUTTON_URL_INVALID", text("x", reply_markup=keyboard(url="http://news..kg/7"))),
    ("400 Bad Request: text buttons are unallowed in the inline keyboard", text("x", reply_markup=keyboard())),
    (
        '400 Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        text("x", reply_markup={"inline_keyboard": [{"text": "x"}]}),
    ),
    ("400 Bad Request: object expected as reply markup", text("x", reply_markup=[])),
    ("400 Bad Request: can't parse reply keyboard markup JSON object", text("x", reply_markup="{")),
    ("400 Bad Request: reply markup is too long", text("x", reply_markup=keyboard(url="https://e.kg/" + "x" * 10_000))),
    ("400 Bad Request: message to be replied not found", text("x", reply_parameters={"message_id": 99})),
    ("400 Bad Request: message thread not found", text("x", message_thread_id=7)),
]


@pytest.mark.parametrize(("expected", "arrange"), SEND)
async def test_send_is_refused(world: World, expected: str, arrange: Setup) -> None:
    assert await world.refusal("sendMessage", **arrange(world)) == expected
    assert not world.telegram.accepted


NOT_MODIFIED = (
    "400 Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


async def test_edits_that_are_refused(world: World) -> None:
    chat = world.reader.id
    number = await world.send(chat, "<b>а</b>", parse_mode="HTML", reply_markup=keyboard(callback_data="1"))
    same = {"chat_id": chat, "message_id": number, "reply_markup": keyboard(callback_data="1")}
    assert await world.refusal("editMessageText", text="<b>а</b>", parse_mode="HTML", **same) == NOT_MODIFIED
    assert await world.refusal("editMessageReplyMarkup", **same) == NOT_MODIFIED
    missing = {"chat_id": chat, "message_id": 999, "text": "x"}
    assert await world.refusal("editMessageText", **missing) == "400 Bad Request: message to edit not found"
    theirs = world.telegram.says(chat, "моё")
    foreign = {"chat_id": chat, "message_id": theirs.message_id, "text": "x"}
    assert await world.refusal("editMessageText", **foreign) == "400 Bad Request: message can't be edited"
    world.telegram.set_member(world.channel.id, world.bot.id, "administrator", can_edit_messages=False)
    post = world.telegram.add_admin_post(world.channel.id, "от редактора")
    foreign = {"chat_id": world.channel.id, "message_id": post.message_id, "text": "x"}
    assert await world.refusal("editMessageText", **foreign) == "400 Bad Request: message can't be edited"


async def test_deletions_that_are_refused(world: World) -> None:
    chat = world.group.id
    assert await world.refusal("deleteMessage", chat_id=chat, message_id=9) == (
        "400 Bad Request: message to delete not found"
    )
    theirs = world.telegram.says(world.reader.id, "моё", chat)
    assert await world.refusal("deleteMessage", chat_id=chat, message_id=theirs.message_id) == (
        "400 Bad Request: message can't be deleted"
    )
    own = await world.send(chat, "x")
    world.telegram.shift(49 * 3600)
    assert await world.refusal("deleteMessage", chat_id=chat, message_id=own) == (
        "400 Bad Request: message can't be deleted for everyone"
    )


async def test_migrated_group_names_its_successor(world: World) -> None:
    new = world.telegram.migrate(world.group.id)
    answer = await world.ask("sendMessage", chat_id=world.group.id, text="x")
    assert answer["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
    assert answer["parameters"] == {"migrate_to_chat_id": new.id}
    await world.send(new.id, "x")


OTHER: list[tuple[str, str, Setup]] = [
    (
        "getChatAdministrators",
        "400 Bad Request: there are no administrators in the private chat",
        lambda w: {"chat_id": w.reader.id},
    ),
    ("getChatMember", "400 Bad Request: user not found", lambda w: {"chat_id": w.group.id, "user_id": 1}),
    ("getChat", "400 Bad Request: chat not found", lambda w: {"chat_id": w.stranger.id}),
    ("getChatMemberCount", "403 Forbidden: bot is not a member of the group chat", standing("group", "left")),
    ("leaveChat", "403 Forbidden: bot is not a member of the channel chat", standing("channel", "left")),
    (
        "answerCallbackQuery",
        "400 Bad Request: query is too old and response timeout expired or query ID is invalid",
        lambda _: {"callback_query_id": "1"},
    ),
    (
        "setWebhook",
        "400 Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
        lambda _: {"url": "http://e.kg"},
    ),
    (
        "setWebhook",
        "400 Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        lambda _: {"url": "https://e.kg:99"},
    ),
    ("setMyCommands", "400 Bad Request: BOT_COMMAND_INVALID", lambda _: {"commands": [{"command": "НЕТ"}]}),
    ("sendChatAction", "400 Bad Request: wrong parameter action in request", lambda w: {"chat_id": w.reader.id}),
]


@pytest.mark.parametrize(("method", "expected", "arrange"), OTHER)
async def test_other_methods_refuse(world: World, method: str, expected: str, arrange: Setup) -> None:
    params = arrange(world)
    params.pop("text", None)
    assert await world.refusal(method, **params) == expected


@pytest.mark.parametrize(
    ("token", "method", "expected"),
    [
        ("42:WRONG", "getMe", "401 Unauthorized"),
        ("042:SANDBOX", "getMe", "401 Unauthorized: invalid token specified"),
        ("nocolon", "getMe", "401 Unauthorized: invalid token specified"),
        ("42:" + "x" * 80, "getMe", "401 Unauthorized: invalid token specified"),
        ("abc:def", "getMe", "421 Misdirected Request: unallowed token specified"),
        ("42:SANDBOX", "sendDice", "404 Not Found: method not found"),
        ("42:SANDBOX", "a/b", "404 Not Found"),
    ],
)
async def test_tokens_and_paths(world: World, token: str, method: str, expected: str) -> None:
    assert await world.refusal(method, token=token) == expected


async def test_a_revoked_token_is_unauthorized(world: World) -> None:
    world.telegram.revoke("42:SANDBOX")
    assert await world.refusal("getMe") == "401 Unauthorized"


@pytest.mark.parametrize(
    ("code", "raw", "expected"),
    [
        (403, "CHAT_WRITE_FORBIDDEN", (400, "Bad Request: CHAT_WRITE_FORBIDDEN")),
        (403, "Bot was blocked by the user", (403, "Forbidden: bot was blocked by the user")),
        (404, "Chat gone", (400, "Bad Request: chat gone")),
        (404, "Not Found: method not found", (404, "Not Found: method not found")),
        (7, "Odd", (400, "Bad Request: odd")),
        (400, "Bad Request: as it is", (400, "Bad Request: as it is")),
        (500, "Internal Server Error: restart", (500, "Internal Server Error: restart")),
        (400, "", (400, "Bad Request: unknown error")),
    ],
)
def test_the_one_rule_for_descriptions(code: int, raw: str, expected: tuple[int, str]) -> None:
    assert describe(code, raw) == expected


def test_a_description_knows_its_code() -> None:
    assert code_of("Forbidden: x") == 403
    assert code_of("Conflict: x") == 409
    assert code_of("whatever") == 400
