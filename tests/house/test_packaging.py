"""The wheel carries all six packages with their words and migrations, and a command that exists."""

import ast
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house import PACKAGES, REPOSITORY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(destination)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = destination.glob("*.whl")
    return built


def contents(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_packages_is_inside(wheel: Path) -> None:
    written = {
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert written <= contents(wheel)
    assert [path for path in written if path.startswith("newsroom/text/locales/") and path.endswith(".ftl")]
    assert [path for path in written if path.startswith("storage/migrations/") and path.endswith(".py")]


def test_nothing_else_is_inside(wheel: Path) -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert {path.split("/")[0] for path in contents(wheel)} == {*PACKAGES, f"elchi-{version}.dist-info"}


def test_the_command_exists(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (listing,) = (path for path in archive.namelist() if path.endswith(".dist-info/entry_points.txt"))
        parser = ConfigParser()
        parser.read_string(archive.read(listing).decode())
        module, function = parser["console_scripts"]["elchi"].split(":")
        source = archive.read(f"{module.replace('.', '/')}.py")
    assert function in {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
