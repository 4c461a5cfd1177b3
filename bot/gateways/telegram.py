"""Telegram: calls go out here, and its words and errors become ours in one table."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import ClientDecodeError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

from newsroom.chats import kind_by_id
from newsroom.deliveries import (
    ChatKind,
    Deferred,
    Form,
    Halted,
    Lane,
    Migrated,
    Outcome,
    PictureRefused,
    Refused,
    Sent,
    Throttled,
    Unknown,
    Unreachable,
    Vanished,
)
from newsroom.errors import TokenRefused, Unanswered
from newsroom.ids import ChatId, UserId
from newsroom.pacing import Pacer, Wait
from newsroom.ports import Standing

TIMEOUT = 30.0
CONNECT = 8.0  # a connection not made by then is none: nothing has left this machine
RESTART_PAUSE = 1.0
ANSWER_PAUSES = (1, 5, 30)  # a direct answer that got none itself is sent again: better twice than not at all
NOBODY = Standing(member=False, admin=False, may_post=False)

# What Telegram says (lower case, anywhere in the text: wording drifts) and what it means for the chat.
CLOSED = {
    "bot was blocked by the user": "blocked",
    "user is deactivated": "deactivated",
    "bot can't initiate conversation with a user": "never started",
    "can't send messages to": "a bot",
    "bot was kicked": "kicked",
    "bot is not a member": "not a member",
    "group chat was deleted": "deleted",
    "chat not found": "not found",
    "peer_id_invalid": "not found",
    "chat_write_forbidden": "no-rights",
    "have no write access to the chat": "no-rights",
    "have no rights to send a message": "no-rights",
    "need administrator rights": "no-rights",
    "not enough rights": "no-rights",
    "chat_admin_required": "no-rights",
}
# The same for the picture; Telegram may say it of a file, of an address or of what it found there.
UNUSABLE = (
    "wrong file identifier",
    "wrong remote file identifier",
    "wrong http url specified",
    "failed to get http url content",
    "wrong type of the web page content",
    "image_process_failed",
    "photo_invalid_dimensions",
    "photo_save_file_invalid",
    "photo_ext_invalid",
    "there is no photo in the request",
    "webpage_curl_failed",
    "webpage_media_empty",
    "request entity too large",
    "file is too big",
)
UNWELCOME = ("not enough rights to send photos", "chat_send_photos_forbidden", "chat_send_media_forbidden")
UNCHANGED = "message is not modified"
LOST = ("message to edit not found", "message_id_invalid")


def outcome_of(status: int, body: Mapping[str, Any] | None, *, speed: float = 1.0, message_id: int = 0) -> Outcome:
    """The one place where an answer of Telegram's becomes an Outcome; `body` is None when it was not JSON.

    `message_id` is the message being edited, 0 for a first send. Source: Bot API, "Making requests".
    """
    if body is None:
        return Throttled(1.0 / speed) if status == 429 else Unknown(f"{status} without JSON")
    if body.get("ok") is True:
        return _sent(body.get("result"), message_id)
    words, given = str(body.get("description", "")), body.get("parameters")
    said = words.lower()
    if (moved := _number(given, "migrate_to_chat_id")) is not None:
        return Migrated(ChatId(moved))
    if status == 429:
        return Throttled((_number(given, "retry_after") or 1) / speed)
    if status < 400:
        return Unknown(f"{status} of no known shape")
    if status in (401, 421) or said == "not found":
        return Halted(words)
    if status >= 500:
        return Deferred(RESTART_PAUSE / speed) if "restart" in said else Unknown(words)
    if message_id and UNCHANGED in said:
        return Sent(message_id)
    if message_id and any(sign in said for sign in LOST):
        return Vanished()
    if any(sign in said for sign in UNWELCOME):
        return PictureRefused(words, here=True)
    if any(sign in said for sign in UNUSABLE):
        return PictureRefused(words)
    for sign, why in CLOSED.items():
        if sign in said:
            return Unreachable(why)
    return Refused(words)


def _sent(result: object, message_id: int) -> Sent:
    """What stands in the chat now; the largest of a photo's sizes has the file id (Bot API, Message)."""
    sizes = result.get("photo") if isinstance(result, dict) else None
    largest = sizes[-1] if isinstance(sizes, list) and sizes else None
    file_id = largest.get("file_id") if isinstance(largest, dict) else None
    form = Form.TEXT if largest is None else Form.PHOTO
    return Sent(_number(result, "message_id") or message_id, form, file_id if isinstance(file_id, str) else None)


def _number(holder: object, name: str) -> int | None:
    """A whole number out of an answer, if the answer has the shape it should have."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, int) else None


@dataclass(slots=True)
class MemoryGate:
    """The rate gate of one process: Telegram's rates on the monotonic clock, `speed` times as fast in tests."""

    speed: float = 1.0
    pacer: Pacer = field(default_factory=Pacer)

    def _now(self) -> float:
        return time.monotonic() * self.speed

    def ask(self, chat: ChatId, kind: ChatKind, queue: Lane | str, cost: int = 1) -> Wait | None:
        wait = self.pacer.ask(chat, kind, queue, self._now(), cost)
        return None if wait is None else Wait(wait.seconds / self.speed, wait.chat_only)

    def owed(self, queue: Lane | str) -> int:
        return self.pacer.owed(queue, self._now())

    def throttled(self, chat: ChatId | None, seconds: float) -> bool:
        return self.pacer.throttled(chat, seconds * self.speed, self._now())

    def pause(self, seconds: float) -> None:
        self.pacer.pause(seconds * self.speed, self._now())


@dataclass(slots=True)
class Reply:
    """An answer as it came: the status, and the body if it was JSON."""

    status: int
    body: dict[str, Any] | None

    @property
    def result(self) -> Any:
        return self.body.get("result") if self.body and self.body.get("ok") else None

    @property
    def words(self) -> str:
        return str(self.body.get("description", "")) if self.body else f"HTTP {self.status}"


@dataclass(slots=True)
class Api:
    """Plain calls to the Bot API as JSON; the token never leaves this object."""

    base: str
    token: str = field(repr=False)
    speed: float = 1.0
    connect: float = CONNECT
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Api":
        # No limit: the gate limits, and a request that waits for a connection must not look like an open one.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def bot_id(self) -> int:
        return int(self.token.split(":")[0])

    async def call(
        self,
        method: str,
        parameters: Mapping[str, Any],
        *,
        files: Mapping[str, bytes] | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - aiohttp takes it so
    ) -> Reply:
        """Raises aiohttp.ClientError or TimeoutError when no answer came; `files` are named by «attach://name»."""
        assert self._session is not None, "the Api is used as a context manager"
        async with self._session.post(
            f"{self.base}/bot{self.token}/{method}",
            **({"data": _form(parameters, files)} if files else {"json": parameters}),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=self.connect),
        ) as response:
            try:
                body = await response.json(content_type=None)
            except ValueError:
                body = None
            return Reply(response.status, body if isinstance(body, dict) else None)

    async def answers(self) -> bool:
        """Bot API getMe; also a refusal is an answer, but for those of a gateway before Telegram."""
        try:
            reply = await self.call("getMe", {})
        except (aiohttp.ClientError, TimeoutError):
            return False
        return reply.body is not None and reply.status < 500

    # -- who may do what ---------------------------------------------------------------------------------------

    async def of_bot(self, chat: ChatId) -> Standing:
        return await self.of_person(chat, UserId(self.bot_id))

    async def of_person(self, chat: ChatId, user: UserId) -> Standing:
        """Bot API getChatMember; somebody Telegram does not know there may do nothing."""
        reply = await self.ask("getChatMember", {"chat_id": chat, "user_id": user})
        return standing_of(reply.result) if isinstance(reply.result, dict) else NOBODY

    async def linked_to(self, chat: ChatId) -> ChatId | None:
        """Bot API getChat, linked_chat_id."""
        linked = _number((await self.ask("getChat", {"chat_id": chat})).result, "linked_chat_id")
        return None if linked is None else ChatId(linked)

    async def moved_to(self, chat: ChatId) -> ChatId | None:
        """Bot API sendChatAction: of a group that moved, only a call that would write there says where to."""
        reply = await self.ask("sendChatAction", {"chat_id": chat, "action": "typing"})
        moved = _number((reply.body or {}).get("parameters"), "migrate_to_chat_id")
        return None if moved is None else ChatId(moved)

    async def ask(self, method: str, parameters: Mapping[str, Any]) -> Reply:
        """An answer that says something: what was asked for, or that it is refused.

        Raises Unanswered for everything else (429, 502, a gateway's page), and what `call` raises.
        """
        reply = await self.call(method, parameters)
        refused = reply.status in (400, 403) and reply.body is not None and reply.body.get("ok") is False
        if reply.result is None and not refused:
            raise Unanswered(f"{method}: {reply.words}")
        return reply

    async def me(self) -> dict[str, Any]:
        """Bot API getMe. Raises TokenRefused when the token is not known."""
        reply = await self.call("getMe", {})
        if reply.status in (401, 404):
            raise TokenRefused
        if not isinstance(reply.result, dict):
            raise ConnectionError(reply.words)
        return reply.result


def _form(parameters: Mapping[str, Any], files: Mapping[str, bytes]) -> aiohttp.FormData:
    """The call as multipart/form-data: nested objects as JSON text (Bot API, "Making requests")."""
    form = aiohttp.FormData()
    for name, value in parameters.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    for name, content in files.items():
        form.add_field(name, content, filename=name, content_type="application/octet-stream")
    return form


def standing_of(member: Mapping[str, Any]) -> Standing:
    """What a Bot API ChatMember may do."""
    status = member.get("status")
    admin = status in ("creator", "administrator")
    inside = admin or status == "member" or (status == "restricted" and bool(member.get("is_member")))
    if status == "administrator":
        may_post = bool(member.get("can_post_messages", True))
    elif status == "restricted":
        may_post = inside and bool(member.get("can_send_messages"))
    else:
        may_post = inside
    return Standing(member=inside, admin=admin, may_post=may_post)


@dataclass(slots=True)
class ChargeAnswers(BaseRequestMiddleware):
    """Direct answers bring no permit of the outbox: they are charged here, and wait here when Telegram says so.

    The desk fetches the permit of the first answer before the update is handled; what it has not foreseen (a second
    answer, one in a group, a 429 or an outage in between) rests here without keeping anybody else from the desk.
    """

    gate: MemoryGate
    resting: int = 0
    _permits: set[ChatId] = field(default_factory=set)

    def permit(self, chat: ChatId) -> Wait | None:
        wait = self.gate.ask(chat, kind_by_id(chat), Lane.ANSWERS)
        if wait is None:
            self._permits.add(chat)
        return wait

    def withdraw(self, chat: ChatId) -> None:
        self._permits.discard(chat)

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        chat = _charged(method)
        if chat is None:
            return await make_request(bot, method)
        pauses = iter(ANSWER_PAUSES)
        while True:
            await self._charge(chat)
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as refusal:
                self.gate.throttled(chat, refusal.retry_after / self.gate.speed)
            except (TelegramNetworkError, TelegramServerError, ClientDecodeError):
                pause = next(pauses, None)
                if pause is None:
                    raise
                await self._rest(pause / self.gate.speed)

    async def _charge(self, chat: ChatId) -> None:
        if chat in self._permits:
            self._permits.discard(chat)
            return
        while (wait := self.gate.ask(chat, kind_by_id(chat), Lane.ANSWERS)) is not None:
            await (self._rest(wait.seconds) if wait.chat_only else asyncio.sleep(wait.seconds))

    async def _rest(self, seconds: float) -> None:
        self.resting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.resting -= 1


def _charged(method: TelegramMethod[Any]) -> ChatId | None:
    """The chat whose rate a call counts against; None for calls that count nowhere."""
    chat = getattr(method, "chat_id", None)
    writes = method.__api_method__.startswith(("send", "edit", "copy", "forward"))
    return ChatId(chat) if writes and isinstance(chat, int) else None
