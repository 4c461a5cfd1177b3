"""The newsroom knows the standard library, five text libraries and itself: nothing that waits, stores or sends."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import modules, name

ALLOWED = {"babel", "fluent", "rapidfuzz", "snowballstemmer", "newsroom"}
# In the standard library, and yet a wire or somebody else's process.
OUTSIDE = {"asyncio", "ftplib", "http", "multiprocessing", "smtplib", "socket", "sqlite3", "ssl", "subprocess"}


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "" if not node.level else "newsroom"


@pytest.mark.parametrize("path", modules("newsroom"), ids=name)
def test_a_module_of_the_newsroom_imports_only_what_is_pure(path: Path) -> None:
    roots = {module.split(".")[0] for module in imported(path)}
    assert roots <= (sys.stdlib_module_names - OUTSIDE) | ALLOWED
