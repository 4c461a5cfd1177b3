"""The stairs of `.importlinter` hold, and each of them would notice a step taken the wrong way."""

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from tests.house import PACKAGES, REPOSITORY

# One planted breach for each contract: the file it goes into, and the line. "+" stands for a new file.
BREACHES = {
    "stairs": ("newsroom/ids.py", "import storage"),
    "bot": ("bot/utils.py", "+"),
    "services": ("services/ingest.py", "import services.deliver"),
    "newsroom": ("newsroom/helpers.py", "+"),
    "sql": ("services/outgoing.py", "import sqlalchemy"),
    "timetable": ("bot/app.py", "import apscheduler"),
    "telegram": ("bot/demo.py", "import aiogram"),
    "handlers": ("handlers/__init__.py", "import bot.gateways"),
    "sandbox": ("sandbox/__init__.py", "import newsroom.ids"),
    "guests": ("bot/app.py", "import sandbox"),
}


def contracts(root: Path) -> dict[str, str]:
    """The name of every contract by its identifier."""
    parser = ConfigParser()
    parser.read(root / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    return {section.removeprefix(prefix): parser[section]["name"] for section in parser if section.startswith(prefix)}


def lint(root: Path) -> tuple[int, str]:
    """What `lint-imports` says about the tree at `root`."""
    command: list[str | Path] = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def copied(destination: Path) -> Path:
    """A copy of the six packages and their contracts, to be spoiled."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, destination / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / ".importlinter", destination)
    return destination


def test_every_import_goes_down() -> None:
    code, said = lint(REPOSITORY)
    assert code == 0, said


def test_every_contract_catches_a_breach(tmp_path: Path) -> None:
    expected = contracts(REPOSITORY)
    assert set(BREACHES) == set(expected), "a contract and its planted breach come together"
    root = copied(tmp_path)
    for file, line in BREACHES.values():
        path = root / file
        if line == "+":
            path.write_text('"""A stray module."""\n')
        else:
            path.write_text(path.read_text() + f"\n{line}\n")
    _, said = lint(root)
    kept = [name for name in expected.values() if f"{name} BROKEN" not in " ".join(said.split())]
    assert not kept, said


def test_a_stray_module_has_no_stair(tmp_path: Path) -> None:
    root = copied(tmp_path)
    (root / "services" / "helpers.py").write_text('"""A stray module."""\n')
    code, said = lint(root)
    assert code != 0
    assert "helpers" in said
