"""Telegram itself: chats, people, messages and what happens between them, with no network in sight."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from typing import Any

from sandbox.files import FileStore, sizes
from sandbox.markup import clean_text
from sandbox.model import Call, Callback, Chat, Fault, Faults, Json, Member, Message, User
from sandbox.rules import AGE_OF_CALLBACK, Rates
from sandbox.updates import Bot

__all__ = ["Call", "Chat", "Fault", "Faults", "Message", "Telegram", "User"]


class Telegram:
    """The whole world a bot sees; `speed=k` makes rates, polls and pauses k times shorter."""

    def __init__(self, *, speed: float = 1.0, rates: bool = True) -> None:
        self.speed = speed
        self.rates = Rates(speed=speed, enabled=rates)
        self.chats: dict[int, Chat] = {}
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}
        self.files = FileStore()
        self.fetch_seconds = 5.0
        self.faults = Faults()
        self.calls: list[Call] = []
        self.answers: list[Json] = []
        self.violations: list[str] = []
        self.accepted: Counter[tuple[int, str]] = Counter()
        self.callbacks: dict[str, Callback] = {}
        self.open_requests = 0
        self.accepted_unanswered = 0
        self._shift = 0.0
        self._user_ids = itertools.count(5_000_001)
        self._group_ids = itertools.count(4_000_001)
        self._big_ids = itertools.count(1_001_000_000_001)
        self._callback_ids = itertools.count(4_100_000_000_000_001)
        self._common_message_id = 0

    # ---- time

    def now(self) -> float:
        """The wall clock, moved by `shift`."""
        return time.time() + self._shift

    def shift(self, seconds: float) -> None:
        """Let time pass: updates, callbacks and the 48 hours of deletion grow older."""
        self._shift += seconds

    # ---- people and places

    def add_bot(self, token: str, username: str = "elchi_bot", first_name: str = "Elchi") -> User:
        user = User(int(token.partition(":")[0]), first_name, username, is_bot=True)
        self.users[user.id] = user
        self.bots[token] = Bot(token, user, self.speed)
        return user

    def revoke(self, token: str) -> None:
        """Make the token answer 401 from now on."""
        self.bots[token].revoked = True

    def add_user(
        self, first_name: str, *, user_id: int | None = None, username: str | None = None, language_code: str = "ru"
    ) -> User:
        user = User(next(self._user_ids) if user_id is None else user_id, first_name, username, language_code)
        self.users[user.id] = user
        self.chats[user.id] = Chat(user.id, "private", username=username, first_name=first_name)
        return user

    def add_channel(self, title: str, *, username: str | None = None, chat_id: int | None = None) -> Chat:
        number = -next(self._big_ids) if chat_id is None else chat_id
        return self._add(Chat(number, "channel", title, username))

    def add_group(self, title: str, *, chat_id: int | None = None) -> Chat:
        return self._add(Chat(-next(self._group_ids) if chat_id is None else chat_id, "group", title))

    def add_supergroup(self, title: str, *, username: str | None = None, chat_id: int | None = None) -> Chat:
        number = -next(self._big_ids) if chat_id is None else chat_id
        return self._add(Chat(number, "supergroup", title, username))

    def _add(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat

    def link(self, channel_id: int, group_id: int) -> None:
        """Make the group the channel's discussion group."""
        self.chats[channel_id].linked_chat_id = group_id
        self.chats[group_id].linked_chat_id = channel_id

    def permit(self, chat_id: int, **permissions: bool) -> None:
        """Change what a group lets everybody do: `can_send_photos=False`."""
        self.chats[chat_id].permissions |= permissions

    def bot(self, bot_id: int | None = None) -> Bot:
        """The bot with this id; without one, the bot added first."""
        for bot in self.bots.values():
            if bot_id in (None, bot.user.id):
                return bot
        raise LookupError(f"no bot {bot_id}")

    def set_member(self, chat_id: int, user_id: int, status: str, by: int | None = None, **rights: bool) -> None:
        """Change somebody's standing; a bot hears of its own, administrators that asked hear of others'."""
        chat, user = self.chats[chat_id], self.users[user_id]
        old, new = chat.member(user), Member(user, status, rights)
        chat.members[user_id] = new
        self._tell_member(chat, old, new, by)

    def _tell_member(self, chat: Chat, old: Member, new: Member, by: int | None = None) -> None:
        creators = [member.user for member in chat.members.values() if member.status == "creator"]
        actor = self.users[by] if by is not None else creators[0] if creators else new.user
        change = {
            "chat": chat.wire(),
            "from": actor.wire(),
            "date": int(self.now()),
            "old_chat_member": old.wire(chat.type),
            "new_chat_member": new.wire(chat.type),
        }
        for bot in self.bots.values():
            if bot.user is new.user:
                bot.push("my_chat_member", change, self.now())
            elif chat.member(bot.user).is_admin and bot.allowed and "chat_member" in bot.allowed:
                bot.push("chat_member", change, self.now())

    # ---- what people do

    def start(self, user_id: int, payload: str = "", *, bot_id: int | None = None) -> Message:
        """Press Start: the first message of a private chat, which also lifts a block."""
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", payload):
            raise ValueError(f"not a start parameter: {payload!r}")
        bot = self.bot(bot_id)
        if bot.user.id in self.users[user_id].blocked:
            self.unblock(user_id, bot_id=bot_id)
        return self.says(user_id, f"/start {payload}".rstrip(), bot_id=bot_id)

    def says(self, user_id: int, text: str, chat_id: int | None = None, *, bot_id: int | None = None) -> Message:
        """Write a message: to the bot, or into a chat (where a stranger becomes a member first)."""
        user, parsed = self.users[user_id], clean_text(text, [])
        chat = self.chats[user_id if chat_id is None else chat_id]
        if chat.type == "private":
            bots = [self.bot(bot_id)]
            if bots[0].user.id in user.blocked:
                raise ValueError(f"{user.first_name} blocked the bot and cannot write to it")
            user.started.add(bots[0].user.id)
        else:
            if not chat.member(user).inside:
                chat.members[user_id] = Member(user, "administrator" if chat.type == "channel" else "member")
            bots = [bot for bot in self.bots.values() if chat.member(bot.user).inside]
        from_id = None if chat.type == "channel" else user_id
        message = self.store(chat, from_id, parsed.text, text, parsed.entities)
        for bot in bots:
            bot.push("channel_post" if chat.type == "channel" else "message", self.wire(message), self.now())
        return message

    def add_admin_post(self, channel_id: int, text: str) -> Message:
        """A person's post in a channel; the bots that administer it receive channel_post."""
        chat, parsed = self.chats[channel_id], clean_text(text, [])
        message = self.store(chat, None, parsed.text, text, parsed.entities)
        for bot in self.bots.values():
            if chat.member(bot.user).is_admin:
                bot.push("channel_post", self.wire(message), self.now())
        return message

    def presses(self, user_id: int, message: Message, button: str) -> str:
        """Press the button with this text or callback data; returns the callback query's id."""
        current = self.chats[message.chat_id].messages[message.message_id]
        if current.deleted:
            raise LookupError(f"message {message.message_id} was deleted")
        data = current.find_button(button).get("callback_data")
        if data is None:
            raise ValueError(f"the button {button!r} sends nothing to the bot")
        bot = self.bot(current.bot_id)
        callback = Callback(str(next(self._callback_ids)), bot.user.id, user_id, self.now())
        self.callbacks[callback.id] = callback
        query = {
            "id": callback.id,
            "from": self.users[user_id].wire(),
            "message": self.wire(current),
            "chat_instance": str(abs(hash(current.chat_id))),
            "data": data,
        }
        bot.push("callback_query", query, self.now(), AGE_OF_CALLBACK)
        return callback.id

    def block(self, user_id: int, *, bot_id: int | None = None) -> None:
        self._block(user_id, bot_id, blocked=True)

    def unblock(self, user_id: int, *, bot_id: int | None = None) -> None:
        self._block(user_id, bot_id, blocked=False)

    def _block(self, user_id: int, bot_id: int | None, *, blocked: bool) -> None:
        bot, user = self.bot(bot_id), self.users[user_id]
        (user.blocked.add if blocked else user.blocked.discard)(bot.user.id)
        states = Member(bot.user, "member"), Member(bot.user, "kicked")
        old, new = states if blocked else states[::-1]
        self._tell_member(self.chats[user_id], old, new, by=user_id)

    def deactivate(self, user_id: int) -> None:
        """Delete somebody's account."""
        self.users[user_id].deactivated = True

    def migrate(self, group_id: int) -> Chat:
        """Upgrade a basic group to a supergroup; writing to the old id is refused from now on."""
        old = self.chats[group_id]
        new = self.add_supergroup(old.title or "")
        new.members = {key: Member(each.user, each.status, each.rights) for key, each in old.members.items()}
        left = self.store(old, None, "", "", service={"migrate_to_chat_id": new.id})
        came = self.store(new, None, "", "", service={"migrate_from_chat_id": old.id})
        old.migrated_to = new.id
        for bot in self.bots.values():
            member = old.member(bot.user)
            if not member.inside:
                continue
            bot.push("message", self.wire(left), self.now())
            bot.push("message", self.wire(came), self.now())
            self._tell_member(old, member, Member(bot.user, "left"))
            self._tell_member(new, Member(bot.user, "left"), new.members[bot.user.id])
        return new

    def push_update(self, body: dict[str, Any], *, bot_id: int | None = None) -> None:
        """Put a raw update into the bot's queue, whatever it holds (an update_id is added)."""
        self.bot(bot_id).push_raw(body, self.now())

    # ---- messages

    def messages(self, chat_id: int) -> list[Message]:
        """What is in the chat now, oldest first."""
        return [message for message in self.chats[chat_id].messages.values() if not message.deleted]

    def delete_message(self, chat_id: int, message_id: int) -> None:
        """Remove a message as a person would: the bot is told nothing."""
        self.chats[chat_id].messages[message_id].deleted = True

    def store(
        self,
        chat: Chat,
        from_id: int | None,
        text: str,
        html: str,
        entities: tuple[Json, ...] = (),
        *,
        service: Json | None = None,
    ) -> Message:
        """Give a new message its number and keep it."""
        if chat.type in {"private", "group"}:
            self._common_message_id += 1
            chat.last_message_id = self._common_message_id
        else:
            chat.last_message_id += 1
        number = chat.last_message_id
        message = Message(number, chat.id, from_id, text, html, int(self.now()), entities, service=service or {})
        chat.messages[number] = message
        return message

    def wire(self, message: Message, *, replies: bool = True) -> Json:
        """The message as Bot API shows it."""
        chat = self.chats[message.chat_id]
        answer: Json = {"message_id": message.message_id, "date": message.date, "chat": chat.wire()}
        if message.from_id is not None:
            answer["from"] = self.users[message.from_id].wire()
        if message.from_id is None:
            answer["sender_chat"] = chat.wire()
        words = ("text", "entities")
        if message.photo is not None:
            words = ("caption", "caption_entities")
            viewer = message.bot_id or self.bot().user.id
            answer["photo"] = sizes(message.photo, viewer)
        optional = {
            words[0]: message.text,
            words[1]: list(message.entities),
            "has_media_spoiler": message.has_spoiler,
            "show_caption_above_media": message.caption_above,
            "link_preview_options": message.link_preview,
            "reply_markup": message.reply_markup,
        }
        answer |= {name: value for name, value in optional.items() if value}
        if message.edit_date is not None:
            answer["edit_date"] = message.edit_date
        if replies and message.reply_to is not None:
            answer["reply_to_message"] = self.wire(chat.messages[message.reply_to], replies=False)
        return answer | message.service
