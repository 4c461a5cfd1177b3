"""Where the bot stands: added to a channel or group, removed, blocked, moved; and the list of one's channels."""

from itertools import accumulate

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import ChatMemberUpdated, InlineKeyboardButton, InlineKeyboardMarkup, Message, User

from newsroom.chats import Chat, kind_of
from newsroom.deliveries import ChatKind
from newsroom.ids import Arrived, ChatId, UserId
from newsroom.text.limits import TEXT, units
from newsroom.text.words import Words
from services.chats import Chats, Place

ADMIN_LINK = "https://t.me/{name}?startchannel&admin=post_messages+edit_messages+delete_messages"
GROUP_LINK = "https://t.me/{name}?startgroup&admin=post_messages+pin_messages"
GONE = {"left": "kicked", "kicked": "kicked"}
REASONS = {"no-rights", "not-admin", "kicked", "linked"}
ANONYMOUS = 1087968824  # @GroupAnonymousBot: Bot API names it where an administrator acts as the group


async def standing_changed(event: ChatMemberUpdated, cause: Arrived, chats: Chats, editors_chat: int | None) -> None:
    """my_chat_member: the one update that says where the bot may speak."""
    chat, kind, status = ChatId(event.chat.id), kind_of(event.chat.type), event.new_chat_member.status
    if chat == editors_chat:
        return
    if kind is ChatKind.PRIVATE:
        if status == "kicked":
            await chats.bot_fell(cause, chat, kind, "blocked")
        return
    if status in GONE:
        await chats.bot_fell(cause, chat, kind, GONE[status])
        return
    by = UserId(event.from_user.id) if event.from_user.id != ANONYMOUS else None
    await chats.bot_rose(cause, Place(chat, kind, event.chat.title or str(chat), event.chat.username, by))


async def moved_to(message: Message, cause: Arrived, chats: Chats) -> None:
    """The old group says where it went."""
    assert message.migrate_to_chat_id is not None
    await chats.migrate(cause, ChatId(message.chat.id), ChatId(message.migrate_to_chat_id))


async def moved_from(message: Message, cause: Arrived, chats: Chats) -> None:
    """The new supergroup says where it came from."""
    assert message.migrate_from_chat_id is not None
    await chats.migrate(cause, ChatId(message.migrate_from_chat_id), ChatId(message.chat.id))


async def list_channels(message: Message, chats: Chats, words: Words, tongue: str, person: User, bot_name: str) -> None:
    managed = await chats.channels_of(UserId(person.id))
    below = "\n\n" + words.say(tongue, "channels-how")
    if not managed.all_asked:
        below += "\n\n" + words.say(tongue, "channels-not-all-asked")
    head = words.say(tongue, "channels-title" if managed.chats else "channels-empty")
    lines = [_line(chat, words, tongue) for chat in managed.chats]
    shown = _fitting(lines, TEXT - units(head + below) - units(words.say(tongue, "channels-more", count=len(lines))))
    if len(shown) < len(lines):
        shown.append(words.say(tongue, "channels-more", count=len(lines) - len(shown)))
    links = [
        [InlineKeyboardButton(text=words.say(tongue, "button-add-channel"), url=ADMIN_LINK.format(name=bot_name))],
        [InlineKeyboardButton(text=words.say(tongue, "button-add-group"), url=GROUP_LINK.format(name=bot_name))],
    ]
    await message.answer("\n".join([head, *shown]) + below, reply_markup=InlineKeyboardMarkup(inline_keyboard=links))


def _line(chat: Chat, words: Words, tongue: str) -> str:
    wrong = chat.off_because
    if wrong is None:
        return words.say(tongue, "channels-line-works", title=chat.title)
    why = words.say(tongue, f"off-{wrong}" if wrong in REASONS else "off-other")
    return words.say(tongue, "channels-line-off", title=chat.title, why=why)


def _fitting(lines: list[str], room: int) -> list[str]:
    """As many from the first as fit, each on a line of its own; what looks too long as markup may only seem so."""
    used = [1 + units(line) for line in lines]
    return [line for line, end in zip(lines, accumulate(used), strict=True) if end < room]


def build() -> Router:
    router = Router(name="channels")
    router.my_chat_member.register(standing_changed)
    router.message.register(moved_to, F.migrate_to_chat_id)
    router.message.register(moved_from, F.migrate_from_chat_id)
    router.message.register(list_channels, Command("channels"), F.chat.type == "private")
    return router
