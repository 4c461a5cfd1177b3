"""Where the bot stands: added to a channel or group, removed, blocked, moved; and the list of one's channels."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import ChatMemberUpdated, InlineKeyboardButton, InlineKeyboardMarkup, Message, User

from newsroom.chats import kind_of
from newsroom.deliveries import ChatKind
from newsroom.ids import Arrived, ChatId, UserId
from newsroom.text.words import Words
from services.chats import Chats

ADMIN_LINK = "https://t.me/{name}?startchannel&admin=post_messages+edit_messages+delete_messages"
GROUP_LINK = "https://t.me/{name}?startgroup&admin=post_messages+pin_messages"
GONE = {"left": "kicked", "kicked": "kicked"}
REASONS = {"no-rights", "kicked", "linked"}


async def standing_changed(event: ChatMemberUpdated, cause: Arrived, chats: Chats, editors_chat: int | None) -> None:
    """my_chat_member: the one update that says where the bot may speak."""
    chat, kind, status = ChatId(event.chat.id), kind_of(event.chat.type), event.new_chat_member.status
    if chat == editors_chat:
        return
    if kind is ChatKind.PRIVATE:
        if status == "kicked":
            await chats.bot_fell(cause, chat, "blocked")
        return
    if status in GONE:
        await chats.bot_fell(cause, chat, GONE[status])
        return
    title = event.chat.title or str(chat)
    await chats.bot_rose(cause, chat, kind, title, event.chat.username, UserId(event.from_user.id))


async def moved_to(message: Message, cause: Arrived, chats: Chats) -> None:
    """The old group says where it went."""
    assert message.migrate_to_chat_id is not None
    await chats.migrate(cause, ChatId(message.chat.id), ChatId(message.migrate_to_chat_id))


async def moved_from(message: Message, cause: Arrived, chats: Chats) -> None:
    """The new supergroup says where it came from."""
    assert message.migrate_from_chat_id is not None
    await chats.migrate(cause, ChatId(message.migrate_from_chat_id), ChatId(message.chat.id))


async def list_channels(message: Message, chats: Chats, words: Words, tongue: str, person: User, bot_name: str) -> None:
    lines = []
    for chat, wrong in await chats.channels_of(UserId(person.id)):
        if wrong is None:
            lines.append(words.say(tongue, "channels-line-works", title=chat.title))
        else:
            why = words.say(tongue, f"off-{wrong}" if wrong in REASONS else "off-other")
            lines.append(words.say(tongue, "channels-line-off", title=chat.title, why=why))
    head = [words.say(tongue, "channels-title"), *lines] if lines else [words.say(tongue, "channels-empty")]
    links = [
        [InlineKeyboardButton(text=words.say(tongue, "button-add-channel"), url=ADMIN_LINK.format(name=bot_name))],
        [InlineKeyboardButton(text=words.say(tongue, "button-add-group"), url=GROUP_LINK.format(name=bot_name))],
    ]
    text = "\n".join(head) + "\n\n" + words.say(tongue, "channels-how")
    await message.answer(text, reply_markup=InlineKeyboardMarkup(inline_keyboard=links))


def build() -> Router:
    router = Router(name="channels")
    router.my_chat_member.register(standing_changed)
    router.message.register(moved_to, F.migrate_to_chat_id)
    router.message.register(moved_from, F.migrate_from_chat_id)
    router.message.register(list_channels, Command("channels"), F.chat.type == "private")
    return router
