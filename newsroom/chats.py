"""A chat that wants the news, and what a change in the bot's standing means for it."""

from dataclasses import dataclass

from newsroom.deliveries import ChatKind
from newsroom.ids import BroadcastId, ChatId, RecipientId


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as the newsroom knows it."""

    recipient: RecipientId
    id: ChatId
    kind: ChatKind
    title: str
    username: str | None
    language: str | None
    active: bool
    from_broadcast: BroadcastId
    """only broadcasts younger than this one are for the chat"""
    off_because: str | None
    """null while active"""
    added_by: int | None


def kind_of(chat_type: str) -> ChatKind:
    """Our kind for a Bot API chat type."""
    match chat_type:
        case "channel":
            return ChatKind.CHANNEL
        case "private":
            return ChatKind.PRIVATE
        case _:
            return ChatKind.GROUP


def kind_by_id(chat: ChatId) -> ChatKind:
    """What an id alone tells: people are positive; a group is the careful guess for the rest (20 a minute)."""
    return ChatKind.PRIVATE if chat > 0 else ChatKind.GROUP
