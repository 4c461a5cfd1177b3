"""aiogram hands arguments over by name, where no type checker looks: every handler must get what it asks for."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from aiogram import Router
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.filters.callback_data import CallbackQueryFilter

import handlers

SUPPLIED = {
    "cause",  # bot.doors.desk: the inbox row behind the update
    "person",  # bot.doors.people
    "tongue",  # bot.doors.people
    "chats",  # bot.app: workflow data, as the rest
    "storms",
    "words",
    "bot_name",
    "editors_chat",
}


def every_handler() -> Iterator[tuple[str, HandlerObject]]:
    for router in handlers.build().chain_tail:
        assert isinstance(router, Router)
        for kind, observer in router.observers.items():
            for handler in observer.handlers:
                yield f"{router.name}.{kind}.{handler.callback.__name__}", handler


EVERY = dict(every_handler())


def supplied_by_filters(handler: HandlerObject) -> set[str]:
    filters: list[Any] = [one.callback for one in handler.filters or []]
    return {"callback_data"} if any(isinstance(one, CallbackQueryFilter) for one in filters) else set()


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_parameter_is_supplied(name: str) -> None:
    handler = EVERY[name]
    _event, *asked = inspect.signature(handler.callback).parameters
    assert set(asked) <= SUPPLIED | supplied_by_filters(handler)


def test_what_is_said_to_be_supplied_is() -> None:
    source = inspect.getsource(__import__("bot.app", fromlist=["_assemble"])._assemble)
    for name in ("chats", "storms", "words", "bot_name", "editors_chat"):
        assert f"{name}=" in source


def test_every_command_offered_has_a_handler_and_a_description() -> None:
    from bot.app import EDITOR_COMMANDS, READER_COMMANDS
    from newsroom.text.words import LANGUAGES, Words

    answered = {
        command
        for handler in EVERY.values()
        for one in handler.filters or []
        for command in getattr(one.callback, "commands", ())
    }
    for command in (*READER_COMMANDS, *EDITOR_COMMANDS):
        assert command in answered
        for language in LANGUAGES:
            assert 1 <= len(Words().say(language, f"command-{command}")) <= 256  # Bot API BotCommand
