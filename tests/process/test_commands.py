"""The commands beside `run`: each explains itself, says what it sees, and never shows a secret."""

import json
import re
import socket
import subprocess
import sys
from asyncio import gather
from pathlib import Path

import pytest

from tests.house import REPOSITORY
from tests.process.conftest import Newsroom
from tests.process.running import ROOT, TOKEN, elchi, write_config

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

COMMANDS = ("", "run", "demo", "check", "feed", "migrate", "key", "key new")
ASCII = {"PYTHONIOENCODING": "ascii:strict"}
HEAVY = ("aiogram", "sqlalchemy", "feedparser", "aiohttp", "alembic", "cryptography")


async def test_every_command_explains_itself_with_an_example() -> None:
    answers = await gather(*(elchi(*command.split(), "--help") for command in COMMANDS))
    for command, (code, answer) in zip(COMMANDS, answers, strict=True):
        assert code == 0, command
        assert f"Example: elchi {command}".rstrip() in answer.said
        assert answer.errors == ""


def test_help_waits_for_nothing_heavy() -> None:
    asks = (
        "import sys\nfrom bot.__main__ import app\ntry:\n    app(['run', '--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    python = subprocess.run(
        [sys.executable, "-P", "-c", asks], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert python.stdout.splitlines()[-1] == "[]"


async def test_the_first_hour_of_an_operator(newsroom: Newsroom, database_url: str) -> None:
    room, bot = newsroom, newsroom.telegram.bot().user
    room.telegram.set_member(
        room.channel.id, bot.id, "administrator", by=room.owner.id, can_post_messages=True, can_edit_messages=True
    )
    config = room.config(database=database_url, channels=(room.channel.id,))

    code, check = await elchi("check", "-c", config)
    assert code == 0
    assert "✘" not in check.said
    assert re.search("token +@elchi_bot", check.said)
    assert re.search(f"channel {room.channel.id} +Вестник", check.said)
    assert "1 articles" in check.said
    assert "empty: `elchi run` makes the schema" in check.said
    assert TOKEN not in check.said

    for _ in range(2):  # on an empty database, and on one that is up to date
        code, migrate = await elchi("migrate", "-c", config)
        assert (code, migrate.said) == (0, "The schema is up to date.\n")

    run = await room.opens(config)
    await room.is_welcomed(room.reader)
    assert await run.stop() == 0
    assert (room.folder / "elchi.key").stat().st_mode & 0o777 == 0o600


async def test_check_names_all_that_is_wrong_and_what_to_do(newsroom: Newsroom) -> None:
    room, bot = newsroom, newsroom.telegram.bot().user
    strange = room.telegram.add_channel("Чужой канал")
    room.telegram.set_member(room.channel.id, bot.id, "administrator", by=room.owner.id, can_post_messages=False)
    room.portal.body_override = b"<!doctype html><html><body>Soon here: our new site</body></html>"
    nowhere = f"sqlite+aiosqlite:///{room.folder}/nowhere/elchi.db"
    config = room.config(channels=(room.channel.id, strange.id), database=nowhere)
    (room.folder / "elchi.key").write_text("not a key")
    (other := room.folder / "other").mkdir()
    refused = write_config(other, api=room.api, feed=f"{room.portal.url}/rss", token=TOKEN[:-1])

    ended = await gather(elchi("check", "-c", config), elchi("check", "-c", refused))
    assert [code for code, _ in ended] == [1, 1]
    said, also = (command.said for _, command in ended)
    wrong = (
        f"channel {room.channel.id} +Вестник: missing right: post messages",
        f"channel {strange.id} +Forbidden: bot is not a member of the channel chat: add the bot there",
        "feed http://.*/rss +A web page came instead of a feed.",
        f"database .* the folder {room.folder}/nowhere does not exist: make it",
        "key +the key is not readable: make one with `elchi key new`",
    )
    lines = [line for line in said.splitlines() if line.startswith("✘")]
    for line, pattern in zip(lines, wrong, strict=True):
        assert re.search(pattern, line)
    assert re.search("✘ +token +Telegram refuses the token: ask @BotFather for a new one", also)
    assert TOKEN[:-1] not in said + also


async def test_a_new_key_is_printed_or_kept_in_a_file_that_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "elchi.key"
    (shown, printed), (made, kept), (refused, again) = [
        await elchi("key", "new", *arguments) for arguments in ((), ("--file", file), ("--file", file))
    ]
    assert (shown, made, refused) == (0, 0, 1)
    for said in (printed.errors, kept.errors):
        assert "updates still waiting cannot be opened" in said  # what becomes unreadable
    key, old = printed.output.strip(), file.read_text().strip()
    assert re.fullmatch(r"[\w-]{43}", key)
    assert re.fullmatch(r"[\w-]{43}", old)
    assert key != old
    assert file.stat().st_mode & 0o777 == 0o600
    assert old not in kept.said
    assert again.last_words == f"elchi: the key file {file} cannot be made: File exists"


async def test_feed_tells_programs_what_each_source_holds(tmp_path: Path) -> None:
    good, page = REPOSITORY / "tests/golden/feeds/rss-full.xml", tmp_path / "page.html"
    page.write_text("<!doctype html><html><body>Hello</body></html>")
    odd, missing = b"\xff.xml".decode(errors="surrogateescape"), tmp_path / "missing.xml"
    code, command = await elchi("feed", "--json", "--timezone", "Asia/Bishkek", good, page, missing, odd, environ=ASCII)
    assert code == 1
    assert command.errors == ""
    feed, web, nothing, strange = (json.loads(line) for line in command.output.splitlines())
    assert feed["outcome"] == "feed"
    assert feed["entries"] == json.loads(good.with_suffix(".json").read_text())["entries"]
    assert (web["outcome"], web["error"]) == ("not_a_feed", "A web page came instead of a feed.")
    assert (nothing["outcome"], nothing["error"]) == ("error", "There is no such file.")
    assert (strange["source"], strange["error"]) == (odd, "There is no such file.")


async def test_the_demonstration_plays_to_its_end_within_the_rules_and_says_when_its_port_is_taken() -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        (code, demo), (_, other) = await gather(
            elchi("demo", "--once", seconds=60), elchi("demo", "--port", str(port), seconds=60)
        )
    assert code == 0
    assert demo.errors == ""
    assert "every copy is edited" in demo.said
    assert "What is where" in demo.said
    assert re.search(r"\d+ calls to Telegram, 0 refused, 0 against the rules\.", demo.said)
    assert other.last_words == f"elchi: port {port} cannot be used: choose another with --port"
