"""Who may look at a chat, write to it, and change what stands in it."""

from __future__ import annotations

from typing import Final

from sandbox.model import Chat, Member, Message
from sandbox.rules import AGE_OF_DELETABLE, ApiError
from sandbox.telegram import Telegram
from sandbox.updates import Bot

_NAMES: Final = {"group": "group chat", "supergroup": "supergroup chat", "channel": "channel chat"}
_PERMISSIONS: Final = {"text messages": "can_send_messages", "photos": "can_send_photos"}


def find_chat(telegram: Telegram, raw: str) -> Chat:
    """The chat a `chat_id` names, by number or by public @name."""
    if not raw:
        raise ApiError(400, "chat_id is empty")
    if raw.startswith("@"):
        for chat in telegram.chats.values():
            if chat.username and chat.type in {"channel", "supergroup"} and chat.username.lower() == raw[1:].lower():
                return chat
        raise ApiError(400, "chat not found")
    try:
        number = int(raw)
    except ValueError:
        raise ApiError(400, "chat not found") from None
    if number not in telegram.chats and number in telegram.users and telegram.users[number].is_bot:
        return Chat(number, "private", first_name=telegram.users[number].first_name)
    if number not in telegram.chats:
        raise ApiError(400, "chat not found")
    return telegram.chats[number]


def check_read(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    """Refuse to show the chat as Telegram would."""
    if chat.type == "private":
        if bot.user.id not in telegram.users[chat.id].started:
            raise ApiError(400, "chat not found")
        return
    _check_membership(bot, chat, public_is_open=True)


def check_write(telegram: Telegram, bot: Bot, chat: Chat, what: str = "text messages") -> None:
    """Refuse a message of this kind to the chat as Telegram would."""
    if chat.type == "private":
        _check_private(telegram, bot, chat)
        return
    if chat.migrated_to is not None:
        text = "group chat was upgraded to a supergroup chat"
        raise ApiError(400, text, {"migrate_to_chat_id": chat.migrated_to})
    if chat.deleted:
        raise ApiError(403, "the group chat was deleted")
    _check_membership(bot, chat, public_is_open=False)
    member = chat.member(bot.user)
    if chat.type == "channel":
        if not member.may("can_post_messages"):
            raise ApiError(400, "need administrator rights in the channel chat")
    elif not _may_send(chat, member, _PERMISSIONS[what]):
        raise ApiError(400, f"not enough rights to send {what} to the chat")


def _may_send(chat: Chat, member: Member, permission: str) -> bool:
    """Administrators always may; others as the chat lets everybody, and as they were left themselves."""
    if member.is_admin:
        return True
    return chat.permissions.get(permission, True) and (member.status != "restricted" or member.may(permission))


def _check_private(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    user = telegram.users[chat.id]
    if user.is_bot:
        raise ApiError(403, "the bot can't send messages to the bot")
    if user.deactivated:
        raise ApiError(403, "user is deactivated")
    if bot.user.id not in user.started:
        raise ApiError(403, "bot can't initiate conversation with a user")
    if bot.user.id in user.blocked:
        raise ApiError(403, "bot was blocked by the user")


def _check_membership(bot: Bot, chat: Chat, *, public_is_open: bool) -> None:
    member = chat.member(bot.user)
    if member.status == "kicked":
        raise ApiError(403, f"bot was kicked from the {_NAMES[chat.type]}")
    if not member.inside and not (public_is_open and chat.username):
        raise ApiError(403, f"bot is not a member of the {_NAMES[chat.type]}")


def find_message(chat: Chat, message_id: int, missing: str) -> Message:
    """A message that is still there."""
    message = chat.messages.get(message_id)
    if message is None or message.deleted:
        raise ApiError(400, missing)
    return message


def check_edit(bot: Bot, chat: Chat, message: Message) -> None:
    """Refuse to edit what the bot did not write (a channel's editor may edit every post)."""
    own = message.bot_id == bot.user.id
    member = chat.member(bot.user)
    if chat.type == "channel":
        own = member.may("can_edit_messages") or (own and member.may("can_post_messages"))
    if not own or message.service:
        raise ApiError(400, "message can't be edited")


def check_delete(telegram: Telegram, bot: Bot, chat: Chat, message: Message) -> None:
    """Refuse to delete what is too old or another's."""
    own = message.bot_id == bot.user.id
    member = chat.member(bot.user)
    if chat.type == "channel":
        own = own and member.may("can_post_messages")
    allowed = own or chat.type == "private" or (member.is_admin and member.may("can_delete_messages"))
    if not allowed:
        raise ApiError(400, "message can't be deleted")
    if telegram.now() - message.date > AGE_OF_DELETABLE:
        raise ApiError(400, "message can't be deleted for everyone")
