"""The tree of errors is drawn where it is defined, and the drawing is the tree."""

import ast
import re
from collections.abc import Iterator

from newsroom import errors
from newsroom.errors import ElchiError
from tests.house import PACKAGES, modules, name

BRANCH = re.compile(r"^(?P<indent>[│ ├└─]*)(?P<name>[A-Z]\w+)", re.MULTILINE)


def drawn() -> list[tuple[int, str]]:
    """(depth, name) from the top down, as the docstring shows them."""
    tree = str(errors.__doc__).partition("\n\n")[2]
    return [(len(branch["indent"]) // 4, branch["name"]) for branch in BRANCH.finditer(tree)]


def grown(kind: type[ElchiError] = ElchiError, depth: int = 0) -> Iterator[tuple[int, str]]:
    """The same of the classes themselves."""
    yield depth, kind.__name__
    for below in kind.__subclasses__():
        yield from grown(below, depth + 1)


def test_the_drawing_is_the_tree() -> None:
    assert drawn() == list(grown())


def test_the_tree_grows_in_one_place() -> None:
    names = {kind for _, kind in drawn()}
    elsewhere = [
        f"{name(path)}: {node.name}"
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and path.name != "errors.py"
        if names & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    ]
    assert not elsewhere


def test_every_error_says_one_sentence_without_being_told_to() -> None:
    for _, kind in drawn():
        said = str(getattr(errors, kind)())
        assert said.endswith("."), said
        assert "\n" not in said
