"""However long a text is and wherever it is cut, every part stands for itself and nothing is lost."""

import re

from hypothesis import given
from hypothesis import strategies as st

from newsroom.text.limits import units
from newsroom.text.split import split
from sandbox.markup import parse_html

WORD = st.text('abя<>&"😀 \n', min_size=1, max_size=12)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def marked(inner: str, tag: str) -> str:
    return f'<a href="https://example.kg/?a=1&amp;b=2">{inner}</a>' if tag == "a" else f"<{tag}>{inner}</{tag}>"


HTML = st.recursive(
    st.builds(escaped, WORD),
    lambda inner: st.builds(marked, inner, st.sampled_from(["b", "i", "a"])) | st.builds(str.__add__, inner, inner),
    max_leaves=25,
)


def letters(html: str) -> str:
    return re.sub(r"\s", "", parse_html(html).text)


@given(HTML, st.integers(4, 40))
def test_every_part_is_whole_and_nothing_is_lost(html: str, limit: int) -> None:
    parts = split(html, limit)
    assert all(units(parse_html(part).text) <= limit for part in parts)
    assert "".join(letters(part) for part in parts) == letters(html)


@given(HTML, st.integers(4, 40))
def test_what_was_bold_stays_bold(html: str, limit: int) -> None:
    def bold(text: str) -> str:
        parsed = parse_html(text)
        raw = parsed.text.encode("utf-16-le")
        spans = [entity for entity in parsed.entities if entity["type"] == "bold"]
        return "".join(raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le") for e in spans)

    assert re.sub(r"\s", "", "".join(bold(part) for part in split(html, limit))) == re.sub(r"\s", "", bold(html))


def test_a_short_text_is_one_part() -> None:
    assert split("<b>Мост</b> открыт", 40) == ("<b>Мост</b> открыт",)


def test_it_is_cut_at_a_line_before_a_word() -> None:
    assert split("Мост открыт.\nОбъезд по улице", 20) == ("Мост открыт.", "Объезд по улице")


def test_a_tag_open_at_the_cut_is_closed_and_opened_again() -> None:
    assert split("<b>Мост открыт для всех</b>", 12) == ("<b>Мост открыт</b>", "<b>для всех</b>")
