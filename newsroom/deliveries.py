"""What becomes of a message: the outcomes of a call to Telegram and the step each one leads to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import assert_never

from newsroom.ids import BroadcastId, ChatId, MessageId, RecipientId


class Lane(IntEnum):
    """Who goes first when everybody waits; the number is the order."""

    ANSWERS = 0
    BREAKING = 1
    CHANNELS = 2
    PRIVATE = 3


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    """not sent yet"""
    SENDING = "sending"
    """a request may be open; after a restart its outcome is unknown"""
    SENT = "sent"
    UNKNOWN = "unknown"
    """handed to Telegram, answer never seen, policy used up"""
    FAILED = "failed"
    """Telegram refuses this content here for good"""
    CANCELLED = "cancelled"
    """the chat left before it was sent"""
    GONE = "gone"
    """sent, and no longer there to be edited"""


ACTIVE_STATES = (State.WAITING, State.SENDING)


class Form(StrEnum):
    """What a copy is in Telegram; text can become a photo, a photo never becomes text."""

    TEXT = "text"
    PHOTO = "photo"


class Way(IntEnum):
    """How Telegram is given a picture: what it refuses one way is tried the next."""

    ADDRESS = 0
    """it fetches the picture itself"""
    UPLOAD = 1
    NONE = 2
    """the post goes out without: a picture nobody can use holds nothing back"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A broadcast's picture on its way to Telegram."""

    address: str
    way: Way = Way.ADDRESS
    file_id: str | None = None
    """null until Telegram has the picture; then every further chat is sent this"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient, as claimed from the outbox."""

    id: MessageId
    broadcast: BroadcastId
    recipient: RecipientId
    chat: ChatId
    kind: ChatKind
    lane: Lane
    wanted_version: int
    sent_version: int | None
    """null until Telegram has accepted a first send"""
    telegram_id: int | None
    attempt: int
    """counts requests handed over; a result is stored only for the attempt that made it"""
    repeats: int
    """how often an unknown first send was sent again"""
    content: str
    """the broadcast's content in its stored form (newsroom.text.render reads it)"""
    language: str | None
    form: Form | None = None
    """null until sent"""
    no_picture: bool = False
    """the chat takes none"""
    picture_way: Way = Way.ADDRESS
    picture_file: str | None = None
    picture_version: int = 1
    """the version of the broadcast that brought the picture it has now"""

    @property
    def is_edit(self) -> bool:
        return self.sent_version is not None


@dataclass(frozen=True, slots=True)
class Sent:
    message_id: int
    form: Form = Form.TEXT
    file_id: str | None = None
    """Telegram's name for the picture, if there was one"""


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: this many seconds; `everyone` when Telegram named no chat."""

    seconds: float
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """Nothing left this machine, or the server restarts: the bot waits and no attempt is spent."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Migrated:
    new: ChatId


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The chat is closed to us: blocked, deactivated, kicked, no rights to post."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """This content will never be accepted here."""

    why: str


@dataclass(frozen=True, slots=True)
class PictureRefused:
    """Telegram cannot use the picture the way it was given, or (`here` only) the chat takes no pictures."""

    why: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class Vanished:
    """The message to edit is no longer there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left, its answer never came."""

    why: str


@dataclass(frozen=True, slots=True)
class Halted:
    """401: nothing can be sent until the token is mended."""

    why: str


Outcome = Sent | Throttled | Deferred | Migrated | Unreachable | Refused | PictureRefused | Vanished | Unknown | Halted


@dataclass(frozen=True, slots=True)
class Settle:
    """The message has arrived at `state`; `message_id` is kept when Telegram gave one."""

    state: State
    message_id: int | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The message stays to be brought up to date, not before `at`; `repeat` when the first send was unknown."""

    at: datetime
    repeat: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True)
class CloseChat:
    """The chat is switched off with `why` and everything unsent to it is cancelled."""

    why: str


@dataclass(frozen=True, slots=True)
class MoveChat:
    """The chat goes on under a new id; what was sent under the old one is gone."""

    new: ChatId


@dataclass(frozen=True, slots=True)
class OtherWay:
    """The message goes again at once: its picture is given the next way, or (`here` only) it goes without."""

    why: str
    here: bool = False


Step = Settle | Again | CloseChat | MoveChat | OtherWay

REPEATS = 1  # an article whose first send is unknown is sent one time more (delivery policy)
EDIT_RETRY = timedelta(seconds=2)  # an edit whose answer is missing is simply repeated,
EDIT_RETRY_MOST = timedelta(minutes=10)  # each time after twice as long, up to this


def next_step(message: Message, outcome: Outcome, now: datetime) -> Step:
    """What becomes of a message once Telegram has answered."""
    match outcome:
        case Sent(message_id):
            return Settle(State.SENT, message_id)
        case Throttled(seconds) | Deferred(seconds):
            return Again(now + timedelta(seconds=seconds))
        case Migrated(new):
            return MoveChat(new)
        case Unreachable("no-rights" as why) if message.is_edit:
            return Settle(State.SENT, message.telegram_id, why)  # posting may still be allowed
        case Unreachable(why):
            return CloseChat(why)
        case Refused(why):
            # An edit refused leaves the older text standing, which is still a sent message.
            return Settle(State.SENT, message.telegram_id, why) if message.is_edit else Settle(State.FAILED, why=why)
        case PictureRefused(why, here):
            return OtherWay(why, here)
        case Vanished():
            return Settle(State.GONE, message.telegram_id)
        case Unknown(why):
            return _settle_unknown(message, why, now)
        case Halted(why):
            return Again(now, why=why)
        case _:
            assert_never(outcome)


def _settle_unknown(message: Message, why: str, now: datetime) -> Step:
    if message.is_edit:
        pause = min(EDIT_RETRY * 2 ** min(message.repeats, 10), EDIT_RETRY_MOST)
        return Again(now + pause, repeat=True, why=why)
    if message.repeats < REPEATS:
        return Again(now, repeat=True, why=why)
    return Settle(State.UNKNOWN, why=why)
