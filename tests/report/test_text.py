"""Names from data as safe text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlabel.report.text import count, listed, number, percent, shorten, visible


@given(st.text(alphabet=st.characters(), max_size=60))
def test_nothing_hidden_is_left(text: str) -> None:
    shown = visible(text)
    for char in shown:
        assert char in "\u200c\u200d" or unicodedata.category(char)[0] != "C"
        assert unicodedata.category(char) not in ("Zl", "Zp")
    shown.encode("utf-8")  # no lone surrogate


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S")), max_size=60))
def test_ordinary_writing_is_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[31mb", "a\\u{001B}[31mb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202egpj.exe", "\\u{202E}gpj.exe"),
        ("\udcff", "\\u{DCFF}"),
        (None, ""),
        ("人物 à", "人物 à"),
    ],
)
def test_hidden_characters_are_spelt_out(raw: str | None, shown: str) -> None:
    assert visible(raw) == shown


def test_long_names_keep_both_ends() -> None:
    short = shorten("a" * 50 + "z" * 50, 21)
    assert len(short) == 21
    assert short.startswith("aaa")
    assert short.endswith("zzz")


def test_numbers_and_lists() -> None:
    assert count(1, "box", "boxes") == "1 box"
    assert count(4888, "box", "boxes") == "4,888 boxes"
    assert [number(v) for v in (3.0, 0.12345, 1234.5, None)] == ["3", "0.123", "1,234", ""]
    assert number(424.3, 2) == "424"
    assert percent(0.00001) == "<0.1 %"
    assert percent(0.99999) == ">99.9 %"
    assert percent(0) == "0 %"
    assert percent(1) == "100 %"
    assert listed(["a", "b", "c", "d"]) == "a, b and 2 more"
    assert listed(["a", "b"]) == "a and b"
