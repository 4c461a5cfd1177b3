"""A bot token never reaches the log, wherever it came from, in the form for people or the form for machines."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import log as logs

TOKEN = "123456789:AAF-k3dQwE_rTyUiOpAsDfGhJkLzXcVbNm1"
URL = f"https://api.telegram.org/bot{TOKEN}/getMe"
LOG = logging.getLogger("bot.doors")
FORMS = pytest.mark.parametrize("form", ["text", "json"])
QUIET = ("apscheduler", "aiogram", "aiohttp.access", "alembic")


@contextmanager
def logging_as(form: str) -> Iterator[logging.Handler]:
    """The log belongs to the whole process: what is set up here is put back."""
    root = logging.getLogger()
    hooks = sys.excepthook, logging.raiseExceptions
    handlers, levels = root.handlers, {name: logging.getLogger(name).level for name in (None, *QUIET)}
    root.handlers = []
    try:
        logs.set_up(form)
        yield root.handlers[0]
    finally:
        root.handlers = handlers
        sys.excepthook, logging.raiseExceptions = hooks
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def written(message: object, form: str) -> str:
    with logging_as(form) as handler:
        return handler.format(logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "bot"}))


def test_the_token_here_is_shaped_like_a_real_one() -> None:
    assert re.fullmatch(r"\d{8,10}:[\w-]{35}", TOKEN)


@FORMS
def test_a_token_is_struck_out_of_a_message(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(form):
        LOG.error(f"POST {URL} failed")
    assert "POST https://api.telegram.org/bot<token>/getMe failed" in capsys.readouterr().err


@FORMS
def test_a_token_is_struck_out_of_the_arguments(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(form):
        LOG.error("%s and %r and %s", TOKEN, {"token": TOKEN}, ConnectionError(URL))
    said = capsys.readouterr().err
    assert said.count("<token>") == 3
    assert TOKEN not in said


@FORMS
def test_a_token_is_struck_out_of_a_traceback(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(form):
        trouble = RuntimeError(f"no answer from {URL}")
        trouble.__cause__ = ConnectionError(URL)
        LOG.error("the poll failed", exc_info=trouble, stack_info=True)
    said = capsys.readouterr().err
    assert "ConnectionError: https://api.telegram.org/bot<token>/getMe" in said
    assert "RuntimeError: no answer from https://api.telegram.org/bot<token>/getMe" in said
    assert TOKEN not in said


@FORMS
def test_a_line_that_cannot_be_formatted_is_one_line_and_quotes_nothing(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as(form):
        LOG.error("%d updates from %s", URL, "куда-то")
    (said,) = capsys.readouterr().err.splitlines()
    assert re.search(r"a log line could not be formatted \(test_log\.py:\d+\)", said)
    assert not [secret for secret in (TOKEN, "api.telegram.org", "куда-то") if secret in said]


@FORMS
def test_a_log_that_cannot_be_written_troubles_nobody(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(form) as handler:
        assert isinstance(handler, logging.StreamHandler)
        closed = io.StringIO()
        closed.close()
        handler.setStream(closed)
        LOG.error("no answer from %s", URL)
    assert capsys.readouterr().err == ""


def test_what_other_handlers_cannot_format_is_not_printed_past_the_veil(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("text"):
        other = logging.StreamHandler()
        other.handle(logging.makeLogRecord({"msg": "%d", "args": (URL,)}))
    assert capsys.readouterr().err == ""


@FORMS
def test_what_nobody_caught_is_one_line_with_its_kind_and_its_place(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as(form):
        group = ExceptionGroup("tasks", [ExceptionGroup("more", [broken()])])
        sys.excepthook(type(group), group, group.__traceback__)
    (said,) = capsys.readouterr().err.splitlines()
    assert re.search(r"it ended by a mistake: ValueError at test_log\.py:\d+", said)
    assert not [secret for secret in (TOKEN, "api.telegram.org") if secret in said]


def broken() -> Exception:
    try:
        int(URL)
    except ValueError as error:
        return error
    pytest.fail("it was a number")


def test_ctrl_c_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("text"):
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "mistake" not in capsys.readouterr().err


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["text", "json"]))
def test_a_token_is_struck_out_whatever_stands_around_it(before: str, after: str, form: str) -> None:
    said = written(f"{before}{TOKEN}{after}", form)
    assert "<token>" in said
    assert TOKEN.partition(":")[2] not in said


@given(st.text())
def test_a_line_for_machines_is_one_json_object(message: str) -> None:
    line = written(message, "json")
    assert "\n" not in line
    assert json.loads(line) == {"at": json.loads(line)["at"], "level": "info", "from": "bot", "event": message}


def test_a_line_for_machines_says_when_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("json"):
        LOG.warning("channel %s: the bot may not post there", "@новости")
    line = json.loads(capsys.readouterr().err)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("at"))
    assert line == {"level": "warning", "from": "bot.doors", "event": "channel @новости: the bot may not post there"}


def test_a_line_for_machines_keeps_a_traceback_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("json"):
        LOG.error("the poll failed", exc_info=ConnectionError("no line"))
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "the poll failed\nConnectionError: no line"


def test_people_read_the_time_the_level_and_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("text"):
        LOG.info("the schema is up to date")
    assert re.fullmatch(r"[\d-]+ [\d:,]+ INFO the schema is up to date\n", capsys.readouterr().err)


@FORMS
def test_the_libraries_speak_up_only_when_something_is_wrong(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(form):
        for name in QUIET:
            logging.getLogger(f"{name}.inner").info("chatter")
            logging.getLogger(f"{name}.inner").warning("trouble")
    said = capsys.readouterr().err
    assert ("chatter" in said, said.count("trouble")) == (False, len(QUIET))
