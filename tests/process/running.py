"""The real command line as a process of its own, started, killed and stopped from a test or a proof."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOKEN = "4242:AAthisTokenOpensOnlyTheSandbox_00000"
PYTHON = (sys.executable, "-P", "-m", "bot")


def write_config(
    folder: Path, *, api: str, feed: str, database: str = "", token: str = TOKEN, editors: int | None = None
) -> Path:
    """A config.toml in `folder` that reads one feed every second."""
    lines = [
        "[telegram]",
        f'token = "{token}"',
        f'api = "{api}"',
        *([f"editors_chat = {editors}"] if editors is not None else []),
        "[[feeds]]",
        f'url = "{feed}"',
        'every = "1s"',
        "[storage]",
        f'url = "{database or f"sqlite+aiosqlite:///{folder}/elchi.db"}"',
        "[secrets]",
        f'key_file = "{folder}/elchi.key"',
        "[fetch]",
        "allow_private = true",
    ]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def until(holds: Callable[[], bool], seconds: float = 10.0, why: str = "") -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come true within {seconds} s: {why}")
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Elchi:
    """One `elchi` command; what all its processes said is kept in `said`."""

    arguments: tuple[str, ...]
    said: str = ""
    process: asyncio.subprocess.Process | None = None
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start it (again)."""
        assert not self.alive
        environ = {key: value for key, value in os.environ.items() if not key.startswith("ELCHI_")}
        self.process = await asyncio.create_subprocess_exec(
            *PYTHON,
            *self.arguments,
            cwd=ROOT,
            env={**environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", "NO_COLOR": "1", "COLUMNS": "100"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._listening = [asyncio.create_task(self._listen(p)) for p in (self.process.stdout, self.process.stderr)]

    async def _listen(self, pipe: asyncio.StreamReader | None) -> None:
        assert pipe is not None
        while chunk := await pipe.readline():
            self.said += chunk.decode(errors="replace")

    async def ends(self, seconds: float = 15.0) -> int:
        """Wait for its end; the exit code."""
        assert self.process is not None
        code = await asyncio.wait_for(self.process.wait(), seconds)
        await asyncio.gather(*self._listening)
        return code

    async def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.ends(seconds)

    def kill_now(self) -> None:
        """SIGKILL, with no word of warning; `ends` follows."""
        assert self.process is not None
        self.process.kill()

    async def kill(self) -> None:
        """SIGKILL; nothing of it is left afterwards."""
        if self.alive:
            self.kill_now()
            await self.ends()


async def elchi(*arguments: str, seconds: float = 15.0) -> tuple[int, str]:
    """Run one command to its end: its exit code and everything it said."""
    command = Elchi(arguments)
    await command.start()
    try:
        return await command.ends(seconds), command.said
    finally:
        await command.kill()
