"""The editors' brake: hold all posting, and go on where it was."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message, User

from newsroom.ids import Arrived, UserId
from newsroom.text.words import Words
from services.chats import Chats


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


def build() -> Router:
    router = Router(name="editors")
    router.message.register(pause, Command("pause"))
    router.message.register(resume, Command("resume"))
    return router
