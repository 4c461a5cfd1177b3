"""The command line: run, demo, check, feed, migrate, key. Nothing heavy is imported before it is needed."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from newsroom.errors import ConfigError, ElchiError, KeyProblem

if TYPE_CHECKING:
    from bot.config import Config
    from bot.keyring import SecretKeyring

BAD_CONFIG = 78  # EX_CONFIG, sysexits.h
STOPPING = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 8.5  # seconds an orderly stop may take: its own waits end after six, the whole promise is ten

app = typer.Typer(
    name="elchi",
    help="Elchi carries a newsroom into Telegram.",
    epilog="Example: elchi demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
key = typer.Typer(
    help="The key outside the database.", epilog="Example: elchi key new --file elchi.key", no_args_is_help=True
)
app.add_typer(key, name="key")

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]


def give_up(problem: Exception, code: int = 1) -> NoReturn:
    """One line on standard error, and the exit code that belongs to it."""
    line = " ".join(str(problem).split()) or type(problem).__name__
    print(f"elchi: {line}", file=sys.stderr)  # noqa: T201 - this is the command line's own voice
    raise typer.Exit(code)


def _leave() -> NoReturn:
    """End with 0 at once: a thread that still waits for a name server would hold every other way out.

    Nothing is lost by it: what is not on disk yet is marked there as open, and settled at the next start.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@app.command(epilog="Example: elchi run -c config.toml --log json")
def run(
    config: ConfigFile = Path("config.toml"),
    log: Annotated[Literal["text", "json"], typer.Option("--log", help="For people or for machines.")] = "text",
) -> None:
    """Run the bot until SIGINT or SIGTERM."""
    for name in STOPPING:
        signal.signal(name, lambda *_: _leave())  # nothing is open yet
    from bot import config as configuration
    from bot import log as logs

    logs.set_up(log)
    try:
        settings = configuration.load(config, os.environ)
    except ConfigError as problem:
        give_up(problem, BAD_CONFIG)
    _run(_live(settings))


async def _live(settings: "Config") -> None:
    """The bot from its first word to its last; never returns unless something went wrong."""
    stop, life, ready, loop = asyncio.Event(), asyncio.current_task(), False, asyncio.get_running_loop()

    def told() -> None:
        if not stop.is_set():
            loop.call_later(PATIENCE, _leave)
        stop.set()
        if not ready and life is not None:
            life.cancel()

    for name in STOPPING:
        loop.add_signal_handler(name, told)
    from bot.app import build

    try:
        async with build(settings, await _keyring(settings)) as bot:
            ready = True
            await bot.run(stop)
    except asyncio.CancelledError:
        pass  # told before it was ready: there was nothing to finish
    _leave()


async def _keyring(settings: "Config") -> "SecretKeyring":
    """The key outside the database; a new one only where no other has sealed anything."""
    from bot.keyring import load_keyring

    file = settings.secrets.key_file
    may_make = not os.environ.get("ELCHI_KEY") and not file.exists() and await _is_fresh(settings.storage.url)
    return load_keyring(file, os.environ, may_make=may_make)


async def _is_fresh(url: str) -> bool:
    """Whether no key belongs to the database yet; it may exist all the same, because `elchi migrate` needs none."""
    from bot.app import KEY_CHECK
    from bot.keyring import keyring_from, new_secret
    from storage.database import check_schema, open_storage

    storage = open_storage(url, keyring_from(new_secret()))
    try:
        if not await check_schema(storage):
            return True
        async with storage.reading() as tx:
            return await tx.settings.get(KEY_CHECK) is None
    finally:
        await storage.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, and say in one line what stood in its way."""
    from aiohttp import ClientError

    try:
        asyncio.run(work)
    except (ElchiError, OSError, ClientError, ExceptionGroup) as error:
        problem = _first(error)
        if isinstance(problem, ElchiError):
            give_up(problem, BAD_CONFIG if isinstance(problem, ConfigError) else 1)
        if isinstance(problem, OSError | ClientError):
            give_up(ConnectionError(f"Telegram cannot be reached ({type(problem).__name__}): check the network"))
        raise


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


@app.command(epilog="Example: elchi demo --port 8080")
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the page; 0 takes a free one.")] = 8090,
    once: Annotated[bool, typer.Option("--once", help="Play the scenario to its end and exit.")] = False,
) -> None:
    """Show the whole bot at work, with no token and no network."""
    from bot.demo import play

    _run(play(port=port, once=once))


@app.command(epilog="Example: elchi check -c config.toml")
def check(config: ConfigFile = Path("config.toml")) -> None:
    """Look at everything the bot will need, and say what is missing."""
    from bot import config as configuration

    try:
        settings = configuration.load(config, os.environ)
    except ConfigError as problem:
        give_up(problem, BAD_CONFIG)
    from bot.check_command import look

    raise typer.Exit(asyncio.run(look(settings, os.environ)))


@app.command(epilog="Example: elchi feed --json https://www.example.org/rss")
def feed(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE…", help="Addresses or files.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    base_url: Annotated[str, typer.Option(help="The address relative links start from.")] = "",
    content_type: Annotated[str, typer.Option(help="The Content-Type a file came with.")] = "",
    timezone: Annotated[str, typer.Option(help="The zone of dates without one.")] = "UTC",
    allow_private: Annotated[bool, typer.Option("--allow-private", help="Read addresses that are not public.")] = False,
) -> None:
    """Read feeds as the bot would, and show what it sees."""
    from bot.feed_command import read_sources

    if isinstance(sys.stdout, TextIOWrapper):  # a feed may hold any letter, a file's name any byte
        sys.stdout.reconfigure(encoding="utf-8" if as_json else None, errors="backslashreplace")
    code = asyncio.run(
        read_sources(
            sources,
            as_json=as_json,
            base_url=base_url,
            content_type=content_type,
            timezone=timezone,
            allow_private=allow_private,
            out=sys.stdout,
        )
    )
    raise typer.Exit(code)


@app.command(epilog="Example: elchi migrate -c config.toml")
def migrate(config: ConfigFile = Path("config.toml")) -> None:
    """Bring the database's schema up to date."""
    from bot import config as configuration

    try:
        settings = configuration.load(config, os.environ)
    except ConfigError as problem:
        give_up(problem, BAD_CONFIG)
    from bot.keyring import keyring_from, new_secret
    from newsroom.errors import SchemaTooOld
    from storage.database import check_schema, open_storage
    from storage.database import migrate as bring_up_to_date

    async def go() -> None:
        storage = open_storage(settings.storage.url, keyring_from(new_secret()))
        try:
            with suppress(SchemaTooOld):
                await check_schema(storage)
            await bring_up_to_date(storage)
        finally:
            await storage.close()

    _run(go())
    typer.echo("The schema is up to date.")


@key.command("new", epilog="Example: elchi key new --file elchi.key")
def key_new(
    file: Annotated[Path | None, typer.Option(help="Where to write it; printed when not given.")] = None,
) -> None:
    """Make a key. A database sealed with another key becomes unreadable with this one."""
    from bot.keyring import new_secret, write_secret

    secret = new_secret()
    if file is None:
        typer.echo(secret)
    else:
        try:
            write_secret(file, secret)
        except KeyProblem as problem:
            give_up(problem)
        typer.echo(f"{file} holds a new key.", err=True)
    typer.echo("In a database made with another key, updates still waiting cannot be opened with this one,", err=True)
    typer.echo("and chats known by the old key's hashes are met anew. Keep the old key until they are done.", err=True)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
