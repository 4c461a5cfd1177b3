"""aiogram 3.31 talks to the stand-in: every result is one its types accept."""

from __future__ import annotations

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramMigrateToChat
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BufferedInputFile,
    ChatMemberAdministrator,
    ChatMemberBanned,
    ChatMemberLeft,
    ChatMemberOwner,
    ChatMemberRestricted,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)

from sandbox.pictures import landscape
from tests.sandbox.conftest import World


async def test_messages(world: World, client: Bot) -> None:
    keys = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Да", callback_data="yes")]])
    sent = await client.send_message(
        "@step_news",
        "<b>Весна</b> &amp; лето",
        parse_mode="HTML",
        reply_markup=keys,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert sent.html_text == "<b>Весна</b> &amp; лето"
    assert (sent.message_id, sent.chat.id, sent.chat.type) == (1, world.channel.id, "channel")
    edited = await client.edit_message_text("Осень", chat_id=world.channel.id, message_id=1)
    assert isinstance(edited, Message)
    assert edited.reply_markup is None
    assert edited.edit_date is not None
    await client.edit_message_reply_markup(chat_id=world.channel.id, message_id=1, reply_markup=keys)
    kept = world.telegram.messages(world.channel.id)[0]
    assert (kept.text, kept.edits, kept.history) == ("Осень", 2, ["Весна & лето"])
    answer = await client.send_message(world.channel.id, "ответ", reply_parameters=ReplyParameters(message_id=1))
    assert answer.reply_to_message is not None
    assert await client.delete_message(world.channel.id, 1)
    assert [message.text for message in world.telegram.messages(world.channel.id)] == ["ответ"]
    assert await client.send_chat_action(world.reader.id, "typing")
    assert world.telegram.violations == []


async def test_photos(world: World, client: Bot) -> None:
    keys = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Читать", url="https://e.kg/view/1")]])
    picture = BufferedInputFile(landscape(1, 1600, 900).data, "hill.jpg")
    sent = await client.send_photo(
        "@step_news",
        picture,
        caption="<b>Весна</b>",
        parse_mode="HTML",
        has_spoiler=True,
        show_caption_above_media=True,
        reply_markup=keys,
    )
    assert sent.html_text == "<b>Весна</b>"
    assert sent.photo is not None
    assert [size.width for size in sent.photo] == [90, 320, 800, 1280, 1600]
    assert (sent.has_media_spoiler, sent.show_caption_above_media) == (True, True)
    assert sent.reply_markup is not None
    assert sent.reply_markup.inline_keyboard[0][0].url == "https://e.kg/view/1"
    again = await client.send_photo(world.reader.id, sent.photo[-1].file_id)
    assert again.photo == sent.photo
    fetched = await client.download(sent.photo[0])
    assert fetched is not None
    assert fetched.read() == landscape(1, 1600, 900).data
    chat, number = world.channel.id, sent.message_id
    edited = await client.edit_message_caption(chat_id=chat, message_id=number, caption="Лето")
    assert isinstance(edited, Message)
    assert (edited.caption, edited.reply_markup) == ("Лето", None)
    media = InputMediaPhoto(media=BufferedInputFile(landscape(2).data, "lake.jpg"), caption="Осень", has_spoiler=True)
    edited = await client.edit_message_media(media, chat_id=chat, message_id=number)
    assert isinstance(edited, Message)
    assert edited.photo is not None
    assert (edited.caption, edited.photo[-1].width) == ("Осень", 640)
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await client.edit_message_text("x", chat_id=chat, message_id=number)
    assert world.telegram.violations == []


async def test_a_button_under_a_photo_is_pressed(world: World, client: Bot) -> None:
    keys = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Да", callback_data="yes")]])
    picture = BufferedInputFile(landscape(1).data, "hill.jpg")
    sent = await client.send_photo(world.reader.id, picture, caption="?", reply_markup=keys)
    world.telegram.presses(world.reader.id, world.telegram.messages(world.reader.id)[-1], "Да")
    (update,) = await client.get_updates()
    assert update.callback_query is not None
    pressed = update.callback_query.message
    assert isinstance(pressed, Message)
    assert (pressed.photo, pressed.caption) == (sent.photo, "?")


async def test_the_preview_of_a_link(world: World, client: Bot) -> None:
    options = LinkPreviewOptions(url="https://e.kg/1", prefer_large_media=True, show_above_text=True)
    sent = await client.send_message(world.reader.id, "Весна", link_preview_options=options)
    assert sent.link_preview_options is not None
    assert sent.link_preview_options.url == "https://e.kg/1"
    assert world.telegram.violations == []


async def test_message_numbers_are_shared_by_private_chats_and_basic_groups(world: World, client: Bot) -> None:
    one = await client.send_message(world.reader.id, "x")
    two = await client.send_message(world.group.id, "x")
    three = await client.send_message(world.supergroup.id, "x")
    assert two.message_id == one.message_id + 1
    assert three.message_id == 1


async def test_a_conversation(world: World, client: Bot) -> None:
    telegram, reader = world.telegram, world.reader
    telegram.start(reader.id, "rubric_sport")
    keys = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Да", callback_data="yes")]])
    sent = await client.send_message(reader.id, "?", reply_markup=keys)
    query = telegram.presses(reader.id, telegram.messages(reader.id)[-1], "yes")
    telegram.add_admin_post(world.channel.id, "от редактора")
    telegram.block(reader.id)
    telegram.unblock(reader.id)
    updates = await client.get_updates()
    kinds = [update.event_type for update in updates]
    assert kinds == ["message", "callback_query", "channel_post", "my_chat_member", "my_chat_member"]
    assert updates[0].message is not None
    assert updates[0].message.text == "/start rubric_sport"
    pressed = updates[1].callback_query
    assert pressed is not None
    assert (pressed.id, pressed.data) == (query, "yes")
    assert pressed.message is not None
    assert pressed.message.message_id == sent.message_id
    blocked, unblocked = (update.my_chat_member for update in updates[3:])
    assert blocked is not None
    assert unblocked is not None
    assert isinstance(blocked.new_chat_member, ChatMemberBanned)
    assert unblocked.new_chat_member.status == "member"
    assert await client.answer_callback_query(query, text="Принято", show_alert=True)
    assert [(each["text"], each["callback_query_id"]) for each in telegram.answers] == [("Принято", query)]


async def test_a_group_becomes_a_supergroup(world: World, client: Bot) -> None:
    new = world.telegram.migrate(world.group.id)
    with pytest.raises(TelegramMigrateToChat) as caught:
        await client.send_message(world.group.id, "x")
    assert caught.value.migrate_to_chat_id == new.id
    updates = await client.get_updates()
    assert [update.event_type for update in updates] == ["message", "message", "my_chat_member", "my_chat_member"]
    assert updates[0].message is not None
    assert updates[0].message.migrate_to_chat_id == new.id


async def test_people_and_places(world: World, client: Bot) -> None:
    telegram, chat = world.telegram, world.supergroup.id
    telegram.link(world.channel.id, chat)
    assert (await client.get_chat("@STEP_news")).linked_chat_id == chat
    assert (await client.get_chat(chat)).linked_chat_id == world.channel.id
    assert (await client.get_chat(world.reader.id)).first_name == "Айгуль"
    telegram.set_member(chat, world.stranger.id, "creator")
    assert isinstance(await client.get_chat_member(chat, world.stranger.id), ChatMemberOwner)
    me = await client.get_chat_member(chat, world.bot.id)
    assert isinstance(me, ChatMemberAdministrator)
    assert me.can_pin_messages
    telegram.set_member(chat, world.reader.id, "restricted", can_send_messages=True)
    restricted = await client.get_chat_member(chat, world.reader.id)
    assert isinstance(restricted, ChatMemberRestricted)
    telegram.set_member(chat, world.reader.id, "left")
    assert isinstance(await client.get_chat_member(chat, world.reader.id), ChatMemberLeft)
    telegram.set_member(chat, world.reader.id, "kicked")
    assert isinstance(await client.get_chat_member(chat, world.reader.id), ChatMemberBanned)
    admins = await client.get_chat_administrators(chat)
    assert {admin.user.id for admin in admins} == {world.bot.id, world.stranger.id}
    assert await client.get_chat_member_count(chat) == 2
    assert await client.leave_chat(chat)
    assert not telegram.chats[chat].member(world.bot).inside


async def test_the_bots_own_papers(world: World, client: Bot) -> None:
    assert (await client.me()).username == "elchi_bot"
    commands, scope = [BotCommand(command="start", description="Начать")], BotCommandScopeAllGroupChats()
    assert await client.set_my_commands(commands, scope=scope, language_code="ru")
    kept = await client.get_my_commands(scope=scope, language_code="ru")
    assert [(each.command, each.description) for each in kept] == [("start", "Начать")]
    assert await client.get_my_commands() == []
    assert await client.delete_my_commands(scope=scope, language_code="ru")
    assert await client.set_my_description("Новости")
    assert await client.set_my_short_description("Новости")
    assert (await client.get_webhook_info()).url == ""
    assert await client.delete_webhook()
    assert world.telegram.violations == []


async def test_arguments_come_in_any_form(world: World) -> None:
    assert world.http is not None
    path = f"{world.url}/bot42:SANDBOX/SENDmessage"
    chat = str(world.reader.id)
    async with world.http.get(path, params={"chat_id": chat, "text": "запрос"}) as response:
        assert (await response.json())["ok"]
    async with world.http.post(path, data={"chat_id": chat, "text": "форма"}) as response:
        assert (await response.json())["ok"]
    async with world.http.post(path, json={"chat_id": chat, "text": "json"}) as response:
        assert (await response.json())["ok"]
    assert [message.text for message in world.telegram.messages(world.reader.id)][-3:] == ["запрос", "форма", "json"]


async def test_people_cannot_do_the_impossible(world: World) -> None:
    telegram, reader = world.telegram, world.reader.id
    message = telegram.says(reader, "x")
    with pytest.raises(LookupError):
        telegram.presses(reader, message, "нет такой")
    with pytest.raises(ValueError):
        telegram.start(reader, "не годится")
    telegram.block(reader)
    with pytest.raises(ValueError):
        telegram.says(reader, "x")
    telegram.start(reader)
    telegram.delete_message(reader, message.message_id)
    with pytest.raises(LookupError):
        telegram.presses(reader, message, "x")
