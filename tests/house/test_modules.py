"""Every file introduces itself, stays readable in one sitting and gives a reason where it breaks a rule."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.house import PACKAGES, modules, name

LONGEST = 400
NOQA = re.compile(r"#\s*noqa\b", re.IGNORECASE)
NOQA_WITH_REASON = re.compile(r"#\s*noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*\W+\w+.*")


def comments(path: Path) -> list[str]:
    """The comments of a file, without the strings that only look like them."""
    with io.StringIO(path.read_text(encoding="utf-8")) as source:
        return [token.string for token in tokenize.generate_tokens(source.readline) if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=name)
class TestModule:
    """What is asked of each file of the six packages."""

    def test_opens_with_a_docstring(self, path: Path) -> None:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    def test_is_named_after_what_it_knows(self, path: Path) -> None:
        assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}

    def test_is_not_too_long(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST

    def test_never_silences_the_type_checker(self, path: Path) -> None:
        assert not [comment for comment in comments(path) if re.search(r"type:\s*ignore", comment)]


@pytest.mark.parametrize("path", modules(*PACKAGES, "tests", "bench"), ids=name)
def test_every_noqa_has_a_code_and_a_reason(path: Path) -> None:
    bare = [said for said in comments(path) if NOQA.search(said) and not NOQA_WITH_REASON.search(said)]
    assert not bare, "write `# noqa: CODE - why this place is different`"
