"""The things a Telegram is made of (people, chats, messages, faults) and how each looks on the wire."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Json = dict[str, Any]
ChatType = Literal["private", "group", "supergroup", "channel"]
FaultKind = Literal["too_many", "error", "restart", "html", "drop_before", "drop_after", "hang"]

_COMMON_RIGHTS: Final = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)
_CHANNEL_RIGHTS: Final = ("can_post_messages", "can_edit_messages", "can_manage_direct_messages")
_GROUP_RIGHTS: Final = ("can_pin_messages", "can_manage_topics", "can_manage_tags")
_PERMISSIONS: Final = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)


@dataclass(slots=True)
class User:
    """A person or a bot."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    deactivated: bool = False
    started: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)

    def wire(self) -> Json:
        known = {"username": self.username, "language_code": self.language_code}
        basic = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return basic | {name: value for name, value in known.items() if value is not None}


@dataclass(slots=True)
class Member:
    """One person's standing in one chat."""

    user: User
    status: str = "left"
    rights: dict[str, bool] = field(default_factory=dict)

    @property
    def inside(self) -> bool:
        return self.status in {"creator", "administrator", "member"} or (
            self.status == "restricted" and self.rights.get("is_member", True)
        )

    @property
    def is_admin(self) -> bool:
        return self.status in {"creator", "administrator"}

    def may(self, right: str) -> bool:
        """Whether this right is held; an administrator holds what was not refused, a member is told explicitly."""
        if self.status == "creator":
            return True
        if self.status == "administrator":
            return self.rights.get(right, True)
        return self.status == "restricted" and self.rights.get(right, False)

    def wire(self, chat_type: ChatType) -> Json:
        answer: Json = {"status": self.status, "user": self.user.wire()}
        if self.status == "creator":
            answer["is_anonymous"] = False
        elif self.status == "administrator":
            special = _CHANNEL_RIGHTS if chat_type == "channel" else _GROUP_RIGHTS
            answer |= {"can_be_edited": False, "is_anonymous": self.rights.get("is_anonymous", False)}
            answer |= {right: self.may(right) for right in (*_COMMON_RIGHTS, *special)}
        elif self.status == "restricted":
            answer |= {"is_member": self.rights.get("is_member", True), "until_date": 0}
            answer |= {right: self.may(right) for right in _PERMISSIONS}
        elif self.status == "kicked":
            answer["until_date"] = 0
        return answer


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture Telegram keeps, named by its content."""

    digest: str
    width: int
    height: int
    file_size: int
    extension: str


@dataclass(slots=True)
class Message:
    """A message as its chat keeps it; the words under a photo stand in `text`, like those of a text message."""

    message_id: int
    chat_id: int
    from_id: int | None
    text: str
    html: str
    date: int
    entities: tuple[Json, ...] = ()
    reply_markup: Json | None = None
    edits: int = 0
    history: list[str] = field(default_factory=list)
    deleted: bool = False
    bot_id: int | None = None
    edit_date: int | None = None
    reply_to: int | None = None
    service: Json = field(default_factory=dict)
    photo: Photo | None = None
    has_spoiler: bool = False
    caption_above: bool = False
    link_preview: Json | None = None
    silent: bool = False

    def find_button(self, label: str) -> Json:
        """The button with this text or this callback data."""
        rows = (self.reply_markup or {}).get("inline_keyboard", [])
        buttons: list[Json] = [button for row in rows for button in row]
        for button in buttons:
            if label in {button.get("text"), button.get("callback_data")}:
                return button
        raise LookupError(f"no button {label!r} under message {self.message_id}; there are {buttons}")


@dataclass(slots=True)
class Chat:
    """A conversation with all that was said in it."""

    id: int
    type: ChatType
    title: str | None = None
    username: str | None = None
    first_name: str | None = None
    linked_chat_id: int | None = None
    migrated_to: int | None = None
    deleted: bool = False
    permissions: dict[str, bool] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    last_message_id: int = 0

    def member(self, user: User) -> Member:
        return self.members.get(user.id) or Member(user)

    def wire(self) -> Json:
        answer: Json = {"id": self.id, "type": self.type}
        known = {"title": self.title, "username": self.username, "first_name": self.first_name}
        return answer | {name: value for name, value in known.items() if value is not None}

    def full(self) -> Json:
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        answer = self.wire() | {
            "accent_color_id": abs(self.id) % 7,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(gifts, False),
        }
        if self.username:
            answer["active_usernames"] = [self.username]
        if self.linked_chat_id is not None:
            answer["linked_chat_id"] = self.linked_chat_id
        if self.type in {"group", "supergroup"}:
            answer["permissions"] = dict.fromkeys(_PERMISSIONS, True) | self.permissions
        return answer


@dataclass(slots=True)
class Call:
    """One request, as it came and as it was answered (status 0: the socket was closed instead)."""

    at: float
    method: str
    params: Json
    status: int = 0
    description: str = ""


@dataclass(slots=True)
class Fault:
    """A misfortune for the next `times` matching calls (-1: for ever); without a method it spares getUpdates."""

    kind: FaultKind
    method: str | None = None
    chat_id: int | None = None
    times: int = 1
    retry_after: int = 1
    text: str = ""

    def fits(self, method: str, chat_id: int | None) -> bool:
        named = method != "getUpdates" if self.method is None else self.method.lower() == method.lower()
        return self.times != 0 and named and self.chat_id in (None, chat_id)


class Faults:
    """The misfortunes still to come, in the order they were added."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.pending.append(fault)
        return fault

    def clear(self) -> None:
        self.pending.clear()

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        for fault in self.pending:
            if fault.fits(method, chat_id):
                fault.times -= fault.times > 0
                if not fault.times:
                    self.pending.remove(fault)
                return fault
        return None


@dataclass(slots=True)
class Callback:
    """A pressed button waiting for its answer."""

    id: str
    bot_id: int
    user_id: int
    pressed_at: float
    answered: bool = False


@dataclass(slots=True)
class Update:
    """One update in a bot's queue."""

    update_id: int
    body: Json
    expires: float


@dataclass(slots=True)
class Poll:
    """One open getUpdates request."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    conflict: str = ""
