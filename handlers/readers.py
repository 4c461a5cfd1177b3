"""What a reader does in the private chat: subscribe, look, choose a language, leave."""

from aiogram import F, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command, CommandStart
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, User

from newsroom.ids import Arrived, ChatId, UserId
from newsroom.text import render
from newsroom.text.split import split
from newsroom.text.words import Words
from services.chats import Chats

LATEST = 5
NAMES = {"ru": "Русский", "en": "English"}


class Speak(CallbackData, prefix="language"):
    """The button names the language it wants, so pressing twice is harmless."""

    code: str


async def start(message: Message, cause: Arrived, chats: Chats, words: Words, tongue: str, person: User) -> None:
    await chats.meet(cause, UserId(person.id), person.full_name)
    await message.answer(words.say(tongue, "welcome"))


async def subscribe(message: Message, cause: Arrived, chats: Chats, words: Words, tongue: str, person: User) -> None:
    began = await chats.subscribe(cause, UserId(person.id), person.full_name)
    await message.answer(words.say(tongue, "subscribed" if began else "subscribed-already"))


async def unsubscribe(message: Message, cause: Arrived, chats: Chats, words: Words, tongue: str) -> None:
    ended = await chats.unsubscribe(cause, ChatId(message.chat.id))
    await message.answer(words.say(tongue, "unsubscribed" if ended else "unsubscribed-already"))


async def latest(message: Message, chats: Chats, words: Words, tongue: str) -> None:
    articles = await chats.latest(LATEST)
    for part in split(render.headlines(articles)) or (words.say(tongue, "latest-empty"),):
        await message.answer(part)


async def ask_language(message: Message, words: Words, tongue: str) -> None:
    buttons = [
        InlineKeyboardButton(text=NAMES[code], callback_data=Speak(code=code).pack()) for code in words.languages
    ]
    await message.answer(
        words.say(tongue, "language-ask"), reply_markup=InlineKeyboardMarkup(inline_keyboard=[buttons])
    )


async def set_language(
    query: CallbackQuery, callback_data: Speak, cause: Arrived, chats: Chats, words: Words, person: User
) -> None:
    code = words.language(callback_data.code)
    await chats.speak(cause, ChatId(person.id), person.full_name, code)
    text = words.say(code, "language-set")
    try:
        await query.answer(text)
    except TelegramBadRequest:  # pressed more than 150 s ago: applied all the same, only not answered
        return
    if isinstance(query.message, Message) and query.message.text != text:
        await query.message.edit_text(text)


async def show_help(message: Message, words: Words, tongue: str) -> None:
    await message.answer(words.say(tongue, "help"))


async def not_understood(message: Message, words: Words, tongue: str) -> None:
    await message.answer(words.say(tongue, "not-understood"))


def build() -> Router:
    router = Router(name="readers")
    router.message.filter(F.chat.type == "private")
    router.message.register(start, CommandStart())
    router.message.register(subscribe, Command("subscribe"))
    router.message.register(unsubscribe, Command("unsubscribe"))
    router.message.register(latest, Command("latest"))
    router.message.register(ask_language, Command("language"))
    router.message.register(show_help, Command("help"))
    router.message.register(not_understood)
    router.callback_query.register(set_language, Speak.filter())
    return router
