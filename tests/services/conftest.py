"""The newsroom of the storage tests, and a line to Telegram on which the test decides what is answered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.gateways.telegram import MemoryGate
from bot.keyring import keyring_from, new_secret
from newsroom.deliveries import Form, Outcome, Picture, PictureRefused, Sent, Unknown, Way
from newsroom.ids import ChatId
from newsroom.text.post import Post
from newsroom.text.words import Words
from services.deliver import Deliver
from services.outgoing import Outgoing
from storage.database import migrate, open_storage
from tests.services.newsdesk import Desk
from tests.storage.conftest import House, house, storage

__all__ = ["house", "storage"]  # fixtures


@dataclass
class Line:
    """Where messages arrive: (chat, text) in the order of acceptance. When it is down, no answer comes."""

    up: bool = True
    arrived: list[tuple[int, str]] = field(default_factory=list)
    edited: list[tuple[int, str]] = field(default_factory=list)
    pictures: list[tuple[int, Picture]] = field(default_factory=list)
    refused: list[tuple[int, Way]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    """what each edited copy was"""
    takes: Way = Way.ADDRESS
    """the first way in which a picture is taken"""
    swallows_pictures: bool = False
    """what has its picture by its address is never answered"""
    no_photos: set[int] = field(default_factory=set)
    """chats that take no pictures"""
    lost: int = 0
    breaks_on: str = ""

    async def send(self, chat: ChatId, post: Post, picture: Picture | None) -> Outcome:
        if self.breaks_on and self.breaks_on in post.html:
            raise RuntimeError(self.breaks_on)
        if picture is not None and self.swallows_pictures and picture.way is Way.ADDRESS:
            return Unknown("timeout")
        if picture is not None and chat in self.no_photos:
            return PictureRefused("not enough rights to send photos to the chat", here=True)
        if picture is not None and picture.way < self.takes and picture.file_id is None:
            self.refused.append((chat, picture.way))
            return PictureRefused("wrong type of the web page content")
        return self._heard(self.arrived, chat, post, picture)

    async def edit(self, chat: ChatId, message_id: int, post: Post, form: Form, picture: Picture | None) -> Outcome:
        if picture is not None and chat in self.no_photos:
            return PictureRefused("not enough rights to send photos to the chat", here=True)
        self.forms.append(form)
        return self._heard(self.edited, chat, post, picture, message_id)

    async def answers(self) -> bool:
        return self.up

    def _heard(
        self, where: list[tuple[int, str]], chat: ChatId, post: Post, picture: Picture | None, number: int = 0
    ) -> Outcome:
        if not self.up:
            self.lost += 1
            return Unknown("timeout")
        where.append((chat, post.html))
        if picture is None:
            return Sent(number or len(where))
        self.pictures.append((chat, picture))
        return Sent(number or len(where), Form.PHOTO, f"file of {picture.address}")


def delivery(
    house: House, line: Line, *, speed: float = 1000.0, may_send: Callable[[], bool] = lambda: True
) -> Deliver:
    """The real loop over the real storage, in a hurry."""
    outgoing = Outgoing(house.clock, ())
    return Deliver(house.storage, outgoing, line, MemoryGate(speed), house.clock, Words(), may_send=may_send, batch=8)


@asynccontextmanager
async def delivering(deliver: Deliver) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(deliver.run(stop))
        try:
            yield
        finally:
            stop.set()


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    storage = open_storage(database_url, keyring_from(new_secret()))
    await migrate(storage)
    yield Desk(storage)
    await storage.close()
