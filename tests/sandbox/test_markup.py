"""The HTML parse mode against the reference page, and against a simple second opinion."""

from __future__ import annotations

import re
from html import escape, unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.markup import ENTITIES_LIMIT, clean_text, parse_html, utf16_length


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("ab<br>", 'Unsupported start tag "br" at byte offset 2'),
        ("да<br/>", 'Unsupported start tag "br/" at byte offset 4'),
        ("<!-- x -->", 'Unsupported start tag "!--" at byte offset 0'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("a <a href", 'Unclosed start tag "a" at byte offset 2'),
        ('a <a href="x', 'Unclosed start tag "a" at byte offset 2'),
        ("<a =x>", 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<b/>", 'Unsupported start tag "b/" at byte offset 0'),
        ("<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b y", "Unclosed end tag at byte offset 4"),
        ("<b>ы</i>", 'Unmatched end tag at byte offset 5, expected "</b>", found "</i>"'),
        ("<b><i>x</i>", 'Can\'t find end tag corresponding to start tag "b"'),
        ("я<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 2'),
    ],
)
def test_errors_are_telegrams(source: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_html(source)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("source", "text", "kinds"),
    [
        ("&lt;&gt;&amp;&quot;", '<>&"', []),
        ("&nbsp;&laquo; & &#1078; &#x436 &copy", "&nbsp;&laquo; & ж ж &copy", []),
        ("a > b", "a > b", []),
        ("<B>x</b>", "x", [("bold", 0, 1)]),
        ("<b>x</>", "x", [("bold", 0, 1)]),
        ("<b></b>x", "x", []),
        ("  <i>😀 x</i>  \n", "😀 x", [("italic", 0, 4)]),
        ("<b>  x</b>", "  x", [("bold", 0, 3)]),
        ("a\r\nb\x01c", "a\nb c", []),
        ('<a href="https://e.kg/?a=1&amp;b=2">x</a>', "x", [("text_link", 0, 1)]),
        ('<a href="">e.kg</a> <a href=" ">y</a>', "e.kg y", [("text_link", 0, 4)]),
        ('<a href="tg://user?id=5">x</a>', "x", [("text_mention", 0, 1)]),
        ('<pre><code class="language-py">x</code></pre>', "x", [("pre", 0, 1)]),
        ("<code>a<b>b</b></code>", "ab", [("code", 0, 2)]),
        ("<b>a<code>b</code>c</b>", "abc", [("bold", 0, 1), ("code", 1, 1), ("bold", 2, 1)]),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "ab", [("blockquote", 0, 2)]),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
        ('<span class="tg-spoiler">a</span>', "a", [("spoiler", 0, 1)]),
        ('<b x="1">a</b>', "a", [("bold", 0, 1)]),
        ("/start @elchi #весна https://e.kg/1.", "/start @elchi #весна https://e.kg/1.",
         [("bot_command", 0, 6), ("mention", 7, 6), ("hashtag", 14, 6), ("url", 21, 14)]),
    ],
)  # fmt: skip
def test_text_and_entities(source: str, text: str, kinds: list[tuple[str, int, int]]) -> None:
    parsed = parse_html(source)
    assert parsed.text == text
    assert [(each["type"], each["offset"], each["length"]) for each in parsed.entities] == kinds


def test_language_of_a_pre_is_kept() -> None:
    assert parse_html('<pre><code class="language-py">x</code></pre>').entities[0]["language"] == "py"


def test_surplus_entities_are_dropped() -> None:
    assert len(parse_html("<b>x</b> " * 150).entities) == ENTITIES_LIMIT


def test_plain_text_keeps_its_tags() -> None:
    assert clean_text(" <b>x</b> ", []).text == "<b>x</b>"


WORDS = st.text(st.sampled_from("abж😀 &<>\"';#1\n"), max_size=8)
TREES = st.recursive(
    WORDS.map(lambda word: escape(word, quote=False)),
    lambda inner: st.tuples(st.sampled_from(["b", "i", "u", "s", "tg-spoiler", "code", "pre", "blockquote"]),
                            st.lists(inner, max_size=4)).map(lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0]}>"),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(TREES, max_size=4).map("".join))
def test_text_agrees_with_a_simple_reference(source: str) -> None:
    parsed = parse_html(source)
    reference = unescape(re.sub(r"<[^>]*>", "", source))
    assert parsed.text.strip(" \n") == reference.strip(" \n")
    assert parsed.text == parsed.text.rstrip(" \n")
    end = utf16_length(parsed.text)
    for entity in parsed.entities:
        assert entity["length"] > 0
        assert 0 <= entity["offset"] < entity["offset"] + entity["length"] <= end


def complaint(source: str) -> str:
    try:
        parse_html(source)
    except ValueError as error:
        return str(error)
    return "fine"


@given(st.text(max_size=40))
def test_anything_parses_or_is_refused_in_words(source: str) -> None:
    assert complaint(source) != ""


@given(st.text(st.sampled_from("<>/abi =\"'&;#x"), max_size=30))
def test_tag_soup_never_hangs(source: str) -> None:
    assert re.search("tag|token|attribute|fine", complaint(source))
