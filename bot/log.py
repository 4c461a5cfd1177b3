"""What the operator reads: one line an event, for people or for machines, with no secret in it."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{20,}")


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


def set_up(form: str) -> None:
    """Log to standard error; `form` is "text" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json("%(message)s") if form == "json" else _Veiled("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("apscheduler", "aiogram", "aiohttp.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
