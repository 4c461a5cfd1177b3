"""Whatever an operator, a site or a database does wrong: one clear line, the right exit code, and nothing lost."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select

from bot.app import prepare, utc_now
from bot.doors.updates import incoming_of
from bot.keyring import keyring_from, new_secret
from sandbox.model import Member
from sandbox.portal import Portal, serve_portal
from storage.database import Storage, _alembic, open_storage
from storage.tables import updates
from tests.process.conftest import Newsroom
from tests.process.running import ROOT, TOKEN, elchi, write_config

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

BAD_CONFIG = 78


def closed_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- the configuration -------------------------------------------------------------------------------------------


async def test_a_configuration_that_cannot_be_used_is_named_with_what_to_do(tmp_path: Path) -> None:
    typo, broken, short = (tmp_path / name for name in ("typo.toml", "broken.toml", "short.toml"))
    typo.write_text(f'[telegram]\ntoken = "{TOKEN}"\nowner = [1]\n[[feeds]]\nurl = "https://www.example.org/rss"\n')
    broken.write_text('[telegram]\ntoken = = "x"\n')
    short.write_text('[telegram]\ntoken = "hello"\n[[feeds]]\nurl = "https://www.example.org/rss"\n')
    for config, says in {
        typo: "unknown key telegram.owner (did you mean owners?)",
        tmp_path / "missing.toml": "does not exist: copy config.example.toml",
        broken: "is not valid TOML",
        short: "telegram.token: this is not a bot token",
    }.items():
        code, run = await elchi("run", "-c", config)
        assert code == BAD_CONFIG
        assert says in run.last_words
        assert TOKEN not in run.said


# -- what is not there -------------------------------------------------------------------------------------------


async def test_a_start_without_a_token_a_telegram_or_a_database_says_which_is_missing(newsroom: Newsroom) -> None:
    nobody, nowhere = f"127.0.0.1:{closed_port()}", f"{newsroom.folder}/no/such/folder"

    def config(name: str, *, api: str = newsroom.api, database: str = "", token: str = TOKEN) -> Path:
        (folder := newsroom.folder / name).mkdir()
        return write_config(folder, api=api, feed=f"http://{nobody}/rss", database=database, token=token)

    cases = {
        "Telegram refuses the token: ask @BotFather for a new one.": ("run", config("token", token=TOKEN[:-1])),
        "Telegram cannot be reached (ClientConnectorError): check the network": (
            "run",
            config("telegram", api=f"http://{nobody}"),
        ),
        "the folder": ("run", config("path", database=f"sqlite+aiosqlite:///{nowhere}/elchi.db")),
        "connect call failed": ("run", config("server", database=f"postgresql+asyncpg://elchi:secret@{nobody}/elchi")),
        "to open database": ("migrate", config("right", database="sqlite+aiosqlite:////proc/elchi.db")),  # not for root
    }
    ended = await asyncio.gather(*(elchi(command, "-c", config) for command, config in cases.values()))
    for says, (code, command) in zip(cases, ended, strict=True):
        assert code == 1
        assert says in command.last_words
        assert not any(secret in command.said for secret in (TOKEN[:-1], "elchi:secret"))


# -- Telegram ----------------------------------------------------------------------------------------------------


async def test_a_second_bot_leaves_at_once_and_the_first_goes_on_until_its_token_is_revoked(
    newsroom: Newsroom, database_url: str
) -> None:
    room, config = newsroom, newsroom.config(database=database_url)
    first = await room.opens(config)
    await room.is_welcomed(room.reader)

    code, second = await elchi("run", "-c", config)
    assert code == 1
    assert "Another process already works for this bot token" in second.last_words

    room.telegram.says(room.reader.id, "/help")
    await room.until(lambda: len(room.heard(room.reader)) == 2, "the first one answers")
    assert all(call.status != 409 for call in room.telegram.calls)  # nobody else asked for updates

    room.telegram.revoke(TOKEN)
    room.telegram.says(room.reader.id, "/latest")  # which ends the open long poll
    assert await first.ends() == 1
    assert first.last_words == "elchi: Telegram refuses the token: ask @BotFather for a new one."


# -- the database and its key ------------------------------------------------------------------------------------


async def test_elchi_refuses_an_older_database_until_it_is_migrated_and_a_newer_one_for_good(
    newsroom: Newsroom,
) -> None:
    config = newsroom.config()
    assert (await elchi("migrate", "-c", config))[0] == 0
    later = a_later_elchi(newsroom.folder / "later")

    code, too_old = await elchi("run", "-c", config, root=later)
    assert code == 1
    assert "run `elchi migrate -c config.toml`" in too_old.last_words
    assert (await elchi("migrate", "-c", config, root=later))[0] == 0

    for code, too_new in await asyncio.gather(elchi("run", "-c", config), elchi("migrate", "-c", config)):
        assert code == 1
        assert "made by a later Elchi" in too_new.last_words
    assert newsroom.telegram.calls == []


def a_later_elchi(root: Path) -> Path:
    """The same program with one migration more."""
    for package in ("bot", "handlers", "services", "storage", "newsroom"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    newest = ScriptDirectory.from_config(_alembic()).get_current_head()
    (root / "storage/migrations/versions/v9999_later.py").write_text(
        f'revision = "9999"\ndown_revision = "{newest}"\nbranch_labels = depends_on = None\n\n\n'
        "def upgrade() -> None:\n    pass\n"
    )
    return root


async def test_no_second_key_is_made_beside_a_database_that_has_one(newsroom: Newsroom, database_url: str) -> None:
    await (await used(database_url, new_secret())).close()
    code, run = await elchi("run", "-c", newsroom.config(database=database_url))
    assert code == 1
    assert "elchi.key is missing" in run.last_words
    assert "put it back, or set ELCHI_KEY" in run.last_words
    assert not (newsroom.folder / "elchi.key").exists()


async def test_with_another_key_what_waited_is_put_aside_with_one_alarm_and_the_bot_goes_on(newsroom: Newsroom) -> None:
    room = newsroom
    storage = await used(f"sqlite+aiosqlite:///{room.folder}/elchi.db", new_secret(), waiting=3)
    await room.opens(room.config(), environ={"ELCHI_KEY": new_secret()})
    await room.until(lambda: bool(room.heard(room.editors)), "the editors hear of it")
    await room.is_welcomed(room.reader)
    async with storage.reading() as tx:
        left = (await tx.connection.scalars(select(updates.c.put_aside).where(updates.c.update_id < 100))).all()
    await storage.close()
    assert len(left) == 3
    assert all(left)
    assert len(room.heard(room.editors)) == 1  # for all of them together


async def used(database: str, secret: str, waiting: int = 0) -> Storage:
    """A database that a bot with this key has worked on, with so many updates of as many people still waiting."""
    storage = open_storage(database, keyring_from(secret))
    await prepare(storage, storage.keyring)
    raw = [
        {"update_id": number, "message": {"chat": {"id": number}, "from": {"id": number}}}
        for number in range(1, waiting + 1)
    ]
    async with storage.transaction() as tx:
        await tx.inbox.add([incoming_of(one, 4242, storage) for one in raw], utc_now())
    return storage


# -- the site and the channels -----------------------------------------------------------------------------------


async def test_what_is_wrong_for_long_costs_one_alarm_though_the_bot_is_restarted(newsroom: Newsroom) -> None:
    room, bot = newsroom, newsroom.telegram.bot().user
    room.channel.members[bot.id] = Member(bot, "administrator", {"can_post_messages": False})  # since long ago
    site, port = Portal(), closed_port()
    run = await room.opens(room.config(feed=f"http://127.0.0.1:{port}/rss", channels=(room.channel.id,)))
    await room.until(lambda: len(room.heard(room.editors)) == 2, "two alarms: no right to post, and nobody at the feed")
    assert await run.stop() == 0

    asked = len(room.telegram.calls)
    await run.start()
    site.body_override = b"<!doctype html><html><body>Soon here: our new site</body></html>"
    async with serve_portal(site, port=port):
        await room.until(lambda: len(site.requests) >= 2, "a web page comes instead of a feed")
        assert "getChatMember" in [call.method for call in room.telegram.calls[asked:]]  # the channel was looked at
        assert len(room.heard(room.editors)) == 2
        site.body_override = None
        await room.until(lambda: len(room.heard(room.editors)) == 3, "the feed is back")

    channel, failing, back = sorted(room.heard(room.editors), key=lambda text: (site.url in text, text[0] == "✅"))
    assert str(room.channel.id) in channel
    assert failing.startswith("⚠️")
    assert back.startswith("✅")
    assert room.heard(room.channel) == []
    assert await run.stop() == 0
