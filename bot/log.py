"""What the operator reads: one line an event, for people or for machines, with no secret in it."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{20,}")
UNFORMATTED = "a log line could not be formatted (%s:%d)"
log = logging.getLogger(__name__)


class _Veiled(logging.Formatter):
    """Whatever looks like a bot token is struck out, wherever it came from."""

    def format(self, record: logging.LogRecord) -> str:
        return TOKEN.sub("<token>", super().format(record))


class _Json(_Veiled):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": super().format(record),
        }
        return json.dumps(line, ensure_ascii=False)


class _ToErrors(logging.StreamHandler[TextIO]):
    """A line that cannot be formatted is named by its place: what was to fill it in may be a token."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        if record.msg != UNFORMATTED:  # else nothing can be written at all
            about = {"msg": UNFORMATTED, "args": (record.filename, record.lineno)}
            nothing = dict.fromkeys(("exc_info", "exc_text", "stack_info"))
            self.emit(logging.makeLogRecord({**vars(record), **about, **nothing}))


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught, by its kind and its place: Python itself would print its text, past the veil."""
    if issubclass(kind, KeyboardInterrupt):
        return
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
        trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    log.critical("it ended by a mistake: %s%s", type(error).__name__, where)


def set_up(form: str) -> None:
    """Log to standard error; `form` is "text" or "json"."""
    logging.raiseExceptions = False  # a handler that cannot format a line would print what was to fill it in
    sys.excepthook = _last_words
    handler = _ToErrors(sys.stderr)
    handler.setFormatter(_Json("%(message)s") if form == "json" else _Veiled("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("apscheduler", "aiogram", "aiohttp.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
