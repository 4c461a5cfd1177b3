"""Every language says the same things; whatever is said is asked for somewhere, and whatever is asked for is said."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from fluent.syntax import parse, serialize
from fluent.syntax.ast import Message, Resource

from bot.app import EDITOR_COMMANDS, READER_COMMANDS
from handlers.channels import REASONS
from newsroom.text.limits import TEXT
from newsroom.text.words import LANGUAGES, Words
from sandbox.markup import parse_html
from tests.house import REPOSITORY, modules, name

SPEAKERS = ("bot", "handlers", "services", "newsroom")
# The calls that say something, and which of their arguments is the key.
CALLS = {
    "words.say": 1,
    "outgoing.tell": 2,
    "outgoing.alarm": 1,
    "outgoing.consult": 1,
    "self.consult": 1,
    "self._tell_admin": 2,
    "self.tell": 2,
    "render.notice_content": 0,
}
# Keys put together while running: the file, the words of code that do it, and all that can come of them.
BUILT = [
    ("bot/app.py", 'f"command-{n}"', {f"command-{n}" for n in (*READER_COMMANDS, *EDITOR_COMMANDS)}),
    (
        "handlers/channels.py",
        'f"off-{wrong}" if wrong in REASONS else "off-other"',
        {"off-other"} | {f"off-{wrong}" for wrong in REASONS},
    ),
    (
        "handlers/editors.py",
        '("pause" if paused else "resume") + ("-on" if changed else "-already")',
        {"pause-on", "pause-already", "resume-on", "resume-already"},
    ),
    (
        "services/ingest.py",
        '[("button-storm-post", f"storm:{storm}:1"), ("button-storm-drop", f"storm:{storm}:0")]',
        {"button-storm-post", "button-storm-drop"},
    ),
]
HANDED_ON = {"key", "stored['key']"}  # chosen elsewhere


@dataclass(frozen=True)
class Asked:
    """A place in the code that says something, with the variables it fills in."""

    file: str
    key: ast.expr
    given: frozenset[str | None]

    @property
    def written(self) -> frozenset[str]:
        """The keys as they stand there, both of `"a" if yes else "b"`; none when the key is put together."""
        both = (self.key.body, self.key.orelse) if isinstance(self.key, ast.IfExp) else (self.key,)
        found = [one.value for one in both if isinstance(one, ast.Constant)]
        return frozenset(str(one) for one in found) if len(found) == len(both) else frozenset()


@cache
def asked() -> tuple[Asked, ...]:
    return tuple(
        Asked(name(path), call.args[CALLS[said]], frozenset(word.arg for word in call.keywords))
        for path in modules(*SPEAKERS)
        for call, said in _calls(ast.parse(path.read_text(encoding="utf-8")))
    )


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            said = ".".join(ast.unparse(node.func).split(".")[-2:])
            if said in CALLS and len(node.args) > CALLS[said]:
                yield node, said


@cache
def entries(language: str) -> tuple[Message, ...]:
    """What a language says, in order."""
    source = (REPOSITORY / f"newsroom/text/locales/{language}/elchi.ftl").read_text(encoding="utf-8")
    return tuple(entry for entry in parse(source).body if isinstance(entry, Message))


@cache
def said(language: str) -> dict[str, frozenset[str]]:
    """The variables of each text, by its key."""
    return {
        entry.id.name: frozenset(re.findall(r"\$([A-Za-z][\w-]*)", serialize(Resource([entry]))))
        for entry in entries(language)
    }


EVERY = [(language, key) for language in LANGUAGES for key in said(language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_file_holds_nothing_but_texts(language: str) -> None:
    source = (REPOSITORY / f"newsroom/text/locales/{language}/elchi.ftl").read_text(encoding="utf-8")
    kinds = {type(entry).__name__ for entry in parse(source).body}
    assert kinds <= {"Message", "Comment", "GroupComment", "ResourceComment"}
    assert len(entries(language)) == len(said(language)), "a key is there twice"


def test_there_is_a_file_for_each_language_and_no_other() -> None:
    assert {path.name for path in (REPOSITORY / "newsroom/text/locales").iterdir()} == set(LANGUAGES)


def test_every_language_says_the_same_with_the_same_variables_in_the_same_order() -> None:
    first, *others = (list(said(language).items()) for language in LANGUAGES)
    assert all(other == first for other in others)


def test_what_is_asked_for_is_what_is_said() -> None:
    built = {key for _, _, keys in BUILT for key in keys}
    wanted = built.union(*(place.written for place in asked()))
    assert wanted == said(LANGUAGES[0]).keys()


def test_a_key_that_is_not_written_out_is_known_here() -> None:
    known = {(file, _normal(code)) for file, code, _ in BUILT}
    put_together = [(place.file, ast.unparse(place.key)) for place in asked() if not place.written]
    assert not [one for one in put_together if one not in known and one[1] not in HANDED_ON]


@pytest.mark.parametrize(("file", "code"), [(file, code) for file, code, _ in BUILT])
def test_what_is_known_here_still_stands_in_the_code(file: str, code: str) -> None:
    nodes = ast.walk(ast.parse((REPOSITORY / file).read_text(encoding="utf-8")))
    assert _normal(code) in {ast.unparse(node) for node in nodes if isinstance(node, ast.expr)}


def _normal(code: str) -> str:
    return ast.unparse(ast.parse(code, mode="eval"))


def test_every_place_fills_in_exactly_what_its_text_needs() -> None:
    wrong = [
        f"{place.file}: {key} needs {sorted(said(LANGUAGES[0])[key])}"
        for place in asked()
        for key in place.written
        if place.given != said(LANGUAGES[0])[key]
    ]
    assert not wrong


@pytest.mark.parametrize(("language", "key"), EVERY)
@pytest.mark.parametrize("sample", ["<b>&amp;</i> «Вести»", 7])
def test_every_text_is_a_message_telegram_takes(language: str, key: str, sample: str | int) -> None:
    text = Words().say(language, key, **dict.fromkeys(said(language)[key], sample))
    visible = parse_html(text).text
    assert 0 < len(visible) <= TEXT
    assert all(str(sample) in visible for _ in said(language)[key])


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_no_markup_in_telegram_has_none_here(language: str) -> None:
    plain = [key for key in said(language) if key.startswith(("command-", "button-")) or key == "language-set"]
    assert not [key for key in plain if set(Words().say(language, key)) & set("<>&")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_to_a_button_fits(language: str) -> None:
    assert len(Words().say(language, "language-set")) <= 200  # Bot API answerCallbackQuery
