"""Foreign text is inert wherever it is shown."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import messages


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "click"),
        ("\x1b]0;title\x1b\\x", "x"),
        ("a\x00b\x08c", "abc"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("x\u2028y", "x\ny"),
        ("\ud800lone", "lone"),
        ("a" + "\u0301" * 50, "a\u0301\u0301"),
        ("\ue000private\ufeff", "private"),
    ],
)
def test_clean_removes_what_is_not_text(hostile, plain):
    """Escapes, controls, bidirectional marks, surrogates and piles of accents go; the words stay."""
    assert messages.clean(hostile) == plain


def test_clean_keeps_ordinary_text():
    """Umlauts, mathematics and emoji are ordinary text."""
    text = "Größe σ² ≤ ½ 🙂\n    indented"
    assert messages.clean(text) == text


@given(st.text(st.characters(codec=None)), st.integers(0, 50))
def test_clean_is_total_and_bounded(text, limit):
    """Any text comes out encodable, bounded, without control characters but newlines."""
    out = messages.clean(text, limit)
    out.encode("utf-8")
    assert len(out) <= max(limit, 2)
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in out)


def test_clean_is_quick_on_a_flood():
    """A hundred megabytes are cut before they are looked at."""
    assert len(messages.clean("\x1b[" * 10_000_000, 100)) <= 100


def test_clean_shows_what_is_no_text():
    """Another object is shown by its repr."""
    assert messages.clean(None) == "None"


def test_one_line_has_one_line():
    """Line breaks become spaces."""
    assert messages.one_line("a\n  b\tc\u2028d") == "a b c d"


def test_hidden_tests_show_type_and_place_only():
    """In a hidden test the text of an exception, and a type of the student's own, stay unseen."""
    shown = messages.student_error("ValueError", "x is 3.25", "cell 7, line 2", hidden=False)
    assert shown == "Your code raised ValueError at cell 7, line 2: x is 3.25"
    assert messages.student_error("ValueError", "x is 3.25", "cell 7, line 2", hidden=True) == (
        "Your code raised ValueError at cell 7, line 2."
    )
    assert "Leak325" not in messages.student_error("Leak325", "", "", hidden=True)


def test_place_names_only_known_files():
    """A file name that the student's code made up is not repeated, and a forged line is dropped."""
    known = {"cell 7": 40}
    assert messages.place("cell 7", 3, known) == "cell 7, line 3"
    assert messages.place("cell 7", 41, known) == "cell 7"
    assert messages.place("hidden input 3.25", 3, known) == ""
    assert messages.place(None, 3, known) == ""


def test_words():
    """Small words: plurals and lists."""
    assert [messages.plural(n, "point") for n in (0, 1, 2.5)] == ["0 points", "1 point", "2.5 points"]
    assert [messages.listed(n) for n in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_every_character_is_handled():
    """No code point breaks the cleaning."""
    text = "".join(map(chr, range(0, sys.maxunicode + 1, 7)))
    messages.clean(text, len(text)).encode("utf-8")
