"""The methods of the Bot API: each takes checked arguments and answers what Telegram would."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox import rules
from sandbox.access import check_read, check_write, find_chat
from sandbox.model import Chat, Json
from sandbox.params import KNOWN, Arguments
from sandbox.posts import Posts
from sandbox.rules import ApiError
from sandbox.telegram import Telegram
from sandbox.updates import Bot

_STALE_QUERY: Final = "query is too old and response timeout expired or query ID is invalid"
_CHAT_ACTIONS: Final = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ]
)


@dataclass(frozen=True, slots=True)
class Described:
    """A result that comes with a description of its own."""

    result: Any
    description: str


class Methods(Posts):
    """Everything a bot may ask, over one Telegram; what it may write is told in `Posts`."""

    def __init__(self, telegram: Telegram) -> None:
        super().__init__(telegram)
        self._table: dict[str, Callable[[Bot, Arguments], Any]] = {
            name: getattr(self, re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()) for name in KNOWN
        }

    async def call(self, bot: Bot, arguments: Arguments) -> Any:
        """Run one method; an ApiError is its refusal."""
        answer = self._table[arguments.method](bot, arguments)
        return await answer if isinstance(answer, Awaitable) else answer

    # ---- the bot itself

    def get_me(self, bot: Bot, _: Arguments) -> Json:
        flags = ("can_read_all_group_messages", "supports_inline_queries", "can_connect_to_business")
        return bot.user.wire() | {"can_join_groups": True} | dict.fromkeys(flags, False) | {"has_main_web_app": False}

    async def get_updates(self, bot: Bot, arguments: Arguments) -> list[Json]:
        allowed = arguments.object("allowed_updates")
        if isinstance(allowed, list):
            bot.allowed = [str(kind) for kind in allowed] or None
        return await bot.updates(
            offset=arguments.number("offset"),
            limit=min(100, max(1, arguments.number("limit", 100))),
            seconds=min(50, max(0, arguments.number("timeout"))),
            now=self.telegram.now,
        )

    def set_webhook(self, bot: Bot, arguments: Arguments) -> Any:
        """Remember the address, which stops getUpdates; nothing is ever delivered to it."""
        url = arguments.text("url")
        if not url:
            return self.delete_webhook(bot, arguments)
        parts = urlsplit(url)
        if parts.scheme != "https":
            raise ApiError(400, "bad webhook: An HTTPS URL must be provided for webhook")
        if (parts.port or 443) not in {80, 88, 443, 8443}:
            raise ApiError(400, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        bot.webhook_url = url
        bot.interrupt("Conflict: terminated by setWebhook request")
        return Described(True, "Webhook was set")

    def delete_webhook(self, bot: Bot, arguments: Arguments) -> Described:
        if arguments.flag("drop_pending_updates"):
            bot.queue.clear()
        was, bot.webhook_url = bot.webhook_url, ""
        return Described(True, "Webhook was deleted" if was else "Webhook is already deleted")

    def get_webhook_info(self, bot: Bot, _: Arguments) -> Json:
        answer: Json = {"url": bot.webhook_url, "has_custom_certificate": False}
        answer["pending_update_count"] = len(bot.pending(self.telegram.now()))
        return answer | ({"allowed_updates": bot.allowed} if bot.allowed else {})

    def set_my_commands(self, bot: Bot, arguments: Arguments) -> bool:
        commands = arguments.object("commands")
        if not isinstance(commands, list):
            raise ApiError(400, "can't parse commands: Expected an Array")
        if len(commands) > rules.COMMANDS_LIMIT:
            raise ApiError(400, "BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not isinstance(command, dict) or not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(command.get("command"))):
                raise ApiError(400, "BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description") or "")) <= rules.COMMAND_DESCRIPTION_LIMIT:
                raise ApiError(400, "BOT_COMMAND_DESCRIPTION_INVALID")
        bot.commands[_scope(arguments)] = commands
        return True

    def delete_my_commands(self, bot: Bot, arguments: Arguments) -> bool:
        bot.commands.pop(_scope(arguments), None)
        return True

    def get_my_commands(self, bot: Bot, arguments: Arguments) -> list[Json]:
        return bot.commands.get(_scope(arguments), [])

    def set_my_description(self, bot: Bot, arguments: Arguments) -> bool:
        text = arguments.text("description")
        if len(text) > rules.DESCRIPTION_LIMIT:
            raise ApiError(400, "BOT_DESCRIPTION_TOO_LONG")
        bot.descriptions[arguments.text("language_code")] = text
        return True

    def set_my_short_description(self, bot: Bot, arguments: Arguments) -> bool:
        text = arguments.text("short_description")
        if len(text) > rules.SHORT_DESCRIPTION_LIMIT:
            raise ApiError(400, "BOT_SHORT_DESCRIPTION_TOO_LONG")
        bot.short_descriptions[arguments.text("language_code")] = text
        return True

    # ---- people

    def send_chat_action(self, bot: Bot, arguments: Arguments) -> bool:
        chat = find_chat(self.telegram, arguments.text("chat_id"))
        if arguments.text("action") not in _CHAT_ACTIONS:
            raise ApiError(400, "wrong parameter action in request")
        check_write(self.telegram, bot, chat)
        return True

    def answer_callback_query(self, bot: Bot, arguments: Arguments) -> bool:
        callback = self.telegram.callbacks.get(arguments.text("callback_query_id"))
        late = callback is not None and self.telegram.now() - callback.pressed_at > rules.AGE_OF_CALLBACK
        if callback is None or callback.answered or late or callback.bot_id != bot.user.id:
            raise ApiError(400, _STALE_QUERY)
        text = arguments.text("text")
        if len(text) > rules.CALLBACK_ANSWER_LIMIT:
            raise ApiError(400, "MESSAGE_TOO_LONG")
        callback.answered = True
        answer = {"callback_query_id": callback.id, "user_id": callback.user_id, "text": text}
        answer |= {"show_alert": arguments.flag("show_alert"), "url": arguments.text("url")}
        self.telegram.answers.append(answer)
        return True

    # ---- chats

    def _readable(self, bot: Bot, arguments: Arguments) -> Chat:
        chat = find_chat(self.telegram, arguments.text("chat_id"))
        check_read(self.telegram, bot, chat)
        return chat

    def get_chat(self, bot: Bot, arguments: Arguments) -> Json:
        return self._readable(bot, arguments).full()

    def get_chat_member(self, bot: Bot, arguments: Arguments) -> Json:
        chat = self._readable(bot, arguments)
        user = self.telegram.users.get(arguments.number("user_id"))
        if user is None:
            raise ApiError(400, "user not found")
        if chat.type == "private":
            if user.id not in {chat.id, bot.user.id}:
                raise ApiError(400, "member not found")
            return {"status": "member", "user": user.wire()}
        if chat.type == "channel" and user is not bot.user and not chat.member(bot.user).is_admin:
            raise ApiError(400, "CHAT_ADMIN_REQUIRED")
        return chat.member(user).wire(chat.type)

    def get_chat_administrators(self, bot: Bot, arguments: Arguments) -> list[Json]:
        chat = self._readable(bot, arguments)
        if chat.type == "private":
            raise ApiError(400, "there are no administrators in the private chat")
        if chat.type == "channel" and not chat.member(bot.user).is_admin:
            raise ApiError(400, "CHAT_ADMIN_REQUIRED")
        every = arguments.flag("return_bots")
        admins = [member for member in chat.members.values() if member.is_admin]
        return [each.wire(chat.type) for each in admins if every or not each.user.is_bot or each.user is bot.user]

    def get_chat_member_count(self, bot: Bot, arguments: Arguments) -> int:
        chat = self._readable(bot, arguments)
        return 2 if chat.type == "private" else sum(member.inside for member in chat.members.values())

    def leave_chat(self, bot: Bot, arguments: Arguments) -> bool:
        chat = self._readable(bot, arguments)
        if chat.type == "private":
            raise ApiError(400, "chat member status can't be changed in private chats")
        if not chat.member(bot.user).inside:
            raise ApiError(403, f"bot is not a member of the {chat.type} chat")
        self.telegram.set_member(chat.id, bot.user.id, "left", by=bot.user.id)
        return True


def _scope(arguments: Arguments) -> tuple[str, str]:
    scope = arguments.object("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), arguments.text("language_code")
