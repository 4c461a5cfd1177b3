"""What we ask of the outside: the few places where the other side is a network, a clock or a rate."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, Validators
from newsroom.deliveries import ChatKind, Form, Lane, Outcome, Picture
from newsroom.ids import ChatId, UserId
from newsroom.pacing import Wait
from newsroom.pages import ArticlePage
from newsroom.text.post import Post

Clock = Callable[[], datetime]
"""Now, aware and in UTC."""

CORRECTIONS = "corrections"
"""The queue of edits, beside the lanes of first sends."""


class FeedSource(Protocol):
    async def read(self, url: str, validators: Validators) -> FeedRead | FeedUnchanged | FeedFailed:
        """Read a feed, unless it has not changed since `validators`."""
        ...


class SiteSource(Protocol):
    async def article(self, url: str) -> ArticlePage | None:
        """What an article's own page says; None when it does not come in time, or says nothing."""
        ...

    def identity(self, link: str) -> str | None:
        """By what the site itself recognises an article; None where the address must do."""
        ...


class Sender(Protocol):
    """The one way out to Telegram for messages that hold a permit."""

    async def send(self, chat: ChatId, post: Post, picture: Picture | None) -> Outcome:
        """A new message: a photo when there is a picture to give, else text."""
        ...

    async def edit(self, chat: ChatId, message_id: int, post: Post, form: Form, picture: Picture | None) -> Outcome:
        """Bring a copy up to date; `picture` only when it is another one than the copy shows."""
        ...

    async def answers(self) -> bool:
        """Whether Telegram is there at all, asked with a call that changes nothing."""
        ...


class RateGate(Protocol):
    def ask(self, chat: ChatId, kind: ChatKind, queue: Lane | str, cost: int = 1) -> Wait | None:
        """None when the call may go now, else how long to wait before asking again."""
        ...

    def owed(self, queue: Lane | str) -> int:
        """How much of its floor a queue has not had in the last second."""
        ...

    def throttled(self, chat: ChatId | None, seconds: float) -> bool:
        """Learn from a 429; True when the whole bot waits."""
        ...

    def pause(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member may do in a chat."""

    member: bool
    admin: bool
    may_post: bool


class Rights(Protocol):
    """Who may do what in a chat, asked of Telegram each time.

    No answer is not an answer: then these raise Unanswered, or what the network raises.
    """

    async def of_bot(self, chat: ChatId) -> Standing: ...

    async def of_person(self, chat: ChatId, user: UserId) -> Standing: ...

    async def linked_to(self, chat: ChatId) -> ChatId | None:
        """The other half of a channel and its discussion group."""
        ...

    async def moved_to(self, chat: ChatId) -> ChatId | None:
        """Where a group lives on as a supergroup; None when it is where it was, or nowhere any more."""
        ...


class Keyring(Protocol):
    """The secret outside the database: what it seals only it can open."""

    def seal(self, plain: bytes) -> bytes: ...

    def unseal(self, sealed: bytes) -> bytes:
        """Raises KeyProblem when the key that sealed it is not here."""
        ...

    def lookup(self, value: str) -> str:
        """A keyed hash that is stable for the life of the database."""
        ...
