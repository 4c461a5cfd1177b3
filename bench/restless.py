"""Readers who cannot make up their mind: they subscribe, leave and change language, and remember what was answered."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from newsroom.text.words import Words
from sandbox.model import Message, User
from sandbox.telegram import Telegram

WORDS = Words()
PATIENCE = 8.0
Wish = Literal["/subscribe", "/unsubscribe", "ru", "en"]
WISHES: tuple[Wish, ...] = ("/subscribe", "/unsubscribe", "ru", "en")
SAID: dict[Wish, tuple[str, ...]] = {
    "/subscribe": ("subscribed", "subscribed-already"),
    "/unsubscribe": ("unsubscribed", "unsubscribed-already"),
}


@dataclass(slots=True)
class Restless:
    """One such reader: never two commands at once, so that an answer is an answer to the last."""

    telegram: Telegram
    user: User
    chance: random.Random
    active: bool = True
    language: str | None = None
    wish: Wish | None = None
    """asked for and not yet answered"""
    acknowledged: int = 0

    async def live(self, stop: asyncio.Event) -> None:
        """Ask for one thing after another; what is not answered in time is asked for again."""
        while not stop.is_set():
            await asyncio.sleep(self.chance.uniform(0.2, 2.0))
            wish: Wish = self.chance.choice(WISHES) if self.wish is None else self.wish
            self.wish = wish
            if await (self._say(wish) if wish in SAID else self._choose(wish)):
                self._remember()

    async def _say(self, wish: Wish) -> bool:
        expected = {WORDS.say(tongue, key) for tongue in WORDS.languages for key in SAID[wish]}
        return await self._hear(wish, lambda message: message.html in expected or message.text in expected) is not None

    async def _choose(self, language: str) -> bool:
        menu = await self._hear("/language", _asks_for_a_language)
        if menu is None:
            return False
        press = self.telegram.presses(self.user.id, menu, f"language:{language}")
        return await self._soon(lambda: self.telegram.callbacks[press].answered)

    async def _hear(self, text: str, fits: Callable[[Message], bool]) -> Message | None:
        """Say something and wait for a message of the bot's that fits."""
        said = self.telegram.says(self.user.id, text).message_id
        found: list[Message] = []

        def heard() -> bool:
            found[:] = [m for m in self.telegram.messages(self.user.id) if m.message_id > said and fits(m)]
            return bool(found)

        return found[0] if await self._soon(heard) else None

    async def _soon(self, holds: Callable[[], bool]) -> bool:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not holds():
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    def _remember(self) -> None:
        """The answer was seen: from now on it must hold, whoever is killed."""
        match self.wish:
            case "/subscribe":
                self.active = True
            case "/unsubscribe":
                self.active = False
            case "ru" | "en":
                self.language = self.wish
            case None:
                return
        self.wish = None
        self.acknowledged += 1

    def contradicts(self, *, active: bool, language: str | None) -> str | None:
        """What the database says otherwise than was answered; nothing while a command is under way."""
        if self.wish is not None:
            return None
        if active != self.active:
            return f"answered {'subscribed' if self.active else 'unsubscribed'}, but the database disagrees"
        if language != self.language:
            return f"answered language {self.language}, but the database says {language}"
        return None


def _asks_for_a_language(message: Message) -> bool:
    """The question with its buttons; posts have buttons too, which lead to pages."""
    rows = (message.reply_markup or {}).get("inline_keyboard", [])
    return any(str(button.get("callback_data", "")).startswith("language:") for row in rows for button in row)
