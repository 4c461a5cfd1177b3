"""The command line: run, demo, check, feed, migrate, key. Nothing heavy is imported before it is needed."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from newsroom.errors import ConfigError, ElchiError, KeyProblem

BAD_CONFIG = 78  # EX_CONFIG, sysexits.h

app = typer.Typer(
    name="elchi",
    help="Elchi carries a newsroom into Telegram.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
key = typer.Typer(help="The key outside the database.", no_args_is_help=True)
app.add_typer(key, name="key")

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]


def give_up(problem: Exception, code: int = 1) -> NoReturn:
    """One line on standard error, and the exit code that belongs to it."""
    line = " ".join(str(problem).split()) or type(problem).__name__
    print(f"elchi: {line}", file=sys.stderr)  # noqa: T201 - this is the command line's own voice
    raise typer.Exit(code)


@app.command(epilog="Example: elchi run -c config.toml --log json")
def run(
    config: ConfigFile = Path("config.toml"),
    log: Annotated[str, typer.Option("--log", help="text or json")] = "text",
) -> None:
    """Run the bot until SIGINT or SIGTERM."""
    from bot import config as configuration
    from bot import log as logs

    logs.set_up(log)
    try:
        settings = configuration.load(config, os.environ)
    except ConfigError as problem:
        give_up(problem, BAD_CONFIG)
    from bot.app import build, run_until_told
    from bot.keyring import load_keyring

    async def go() -> None:
        keyring = load_keyring(settings.secrets.key_file, os.environ, may_make=_is_fresh(settings.storage.url))
        async with build(settings, keyring) as bot:
            await run_until_told(bot)

    _run(go())


def _is_fresh(url: str) -> bool:
    """Whether a new key may be made: never beside a SQLite database that an older key has sealed."""
    name = url.partition("sqlite+aiosqlite:///")[2].partition("?")[0]
    return not name or not Path(name).exists()


def _run(work: Coroutine[Any, Any, None]) -> None:
    from aiohttp import ClientError

    try:
        asyncio.run(work)
    except* ConfigError as group:
        give_up(_first(group), BAD_CONFIG)
    except* ElchiError as group:
        give_up(_first(group))
    except* (OSError, ClientError) as group:
        give_up(ConnectionError(f"Telegram cannot be reached ({type(_first(group)).__name__}): check the network"))


def _first(group: BaseExceptionGroup[BaseException]) -> Exception:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, Exception) else RuntimeError(str(first))


@app.command(epilog="Example: elchi demo --port 8080")
def demo(
    port: Annotated[int, typer.Option(help="The port of the page; 0 takes a free one.")] = 8090,
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
    from storage.database import migrate as bring_up_to_date
    from storage.database import open_storage

    async def go() -> None:
        storage = open_storage(settings.storage.url, keyring_from(new_secret()))
        try:
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
        return
    try:
        write_secret(file, secret)
    except KeyProblem as problem:
        give_up(problem)
    typer.echo(f"{file} holds a new key. With it, updates still waiting from before cannot be opened,", err=True)
    typer.echo("and chats known by the old key's hashes are met anew. Keep the old key until they are done.", err=True)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
