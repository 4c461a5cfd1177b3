"""What editors decide: hold all posting and go on where it was; and what becomes of a storm."""

from aiogram import Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, Message, User

from newsroom.ids import Arrived, StormId, UserId
from newsroom.text.words import Words
from services.chats import Chats
from services.storms import Storms


class Decide(CallbackData, prefix="storm"):
    """The button names the storm and what becomes of it, so pressing twice is harmless."""

    storm: int
    post: bool


async def pause(
    message: Message, cause: Arrived, chats: Chats, words: Words, tongue: str, person: User, editors_chat: int | None
) -> None:
    await _hold(message, cause, chats, words, tongue, person, editors_chat, paused=True)


async def resume(
    message: Message, cause: Arrived, chats: Chats, words: Words, tongue: str, person: User, editors_chat: int | None
) -> None:
    await _hold(message, cause, chats, words, tongue, person, editors_chat, paused=False)


async def _hold(
    message: Message,
    cause: Arrived,
    chats: Chats,
    words: Words,
    tongue: str,
    person: User,
    editors_chat: int | None,
    *,
    paused: bool,
) -> None:
    in_private, at_home = message.chat.type == "private", message.chat.id == editors_chat
    if not in_private and not at_home:
        return
    if not (at_home and _speaks_as_the_chat(message)) and not await chats.is_editor(UserId(person.id)):
        if in_private:
            await message.answer(words.say(tongue, "editors-only"))
        return
    changed = await chats.hold(cause, paused=paused)
    key = ("pause" if paused else "resume") + ("-on" if changed else "-already")
    await message.answer(words.say(tongue, key))


def _speaks_as_the_chat(message: Message) -> bool:
    """An anonymous administrator: Telegram lets nobody else speak in a group's own name."""
    return message.sender_chat is not None and message.sender_chat.id == message.chat.id


async def decide_storm(
    query: CallbackQuery,
    callback_data: Decide,
    cause: Arrived,
    chats: Chats,
    storms: Storms,
    words: Words,
    tongue: str,
    person: User,
) -> None:
    if not await chats.is_editor(UserId(person.id)):
        await _answer(query, words.say(tongue, "editors-only"))
        return
    post = callback_data.post
    decided = await storms.decide(cause, StormId(callback_data.storm), UserId(person.id), post=post)
    if not decided:
        await _answer(query, words.say(tongue, "storm-decided-before"))
        return
    text = words.say(tongue, "storm-posted" if post else "storm-dropped")
    await _answer(query, text)
    if isinstance(query.message, Message):
        await query.message.edit_text(f"{query.message.html_text}\n\n{text}")


async def _answer(query: CallbackQuery, text: str) -> None:
    try:
        await query.answer(text)
    except TelegramBadRequest:  # pressed more than 150 s ago: applied all the same, only not answered
        return


def build() -> Router:
    router = Router(name="editors")
    router.callback_query.register(decide_storm, Decide.filter())
    router.message.register(pause, Command("pause"))
    router.message.register(resume, Command("resume"))
    return router
