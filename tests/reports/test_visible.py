"""Text from devices, made fit to be read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.visible import KEPT, visible


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("sw-coeur.résidence", "sw-coeur.résidence"),
        ("\x1b[31mrouge\x07", "␛[31mrouge␇"),
        ("a\x00b\nc\td", "a␀b␊c␉d"),
        ("\x7f\x9b", "␡⟨U+009B⟩"),
        ("gnp\u202e3pm", "gnp⟨U+202E⟩3pm"),
        ("\u2066x\u2069\ufeff\u200b", "⟨U+2066⟩x⟨U+2069⟩⟨U+FEFF⟩⟨U+200B⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\u2028\U000e0041", "⟨U+2028⟩⟨U+E0041⟩"),
        ("12\u202f345\u00a0:", "12\u202f345\u00a0:"),
        ("e\u0301 שלום 中文", "e\u0301 שלום 中文"),
        ("a" + "\u0301" * 10, "a\u0301\u0301\u0301⟨+7⟩"),
    ],
)
def test_what_is_not_readable_is_shown(given_text: str, shown: str) -> None:
    assert visible(given_text, 100) == (shown, 0)


@pytest.mark.parametrize(("length", "limit", "cut"), [(3, 3, 0), (4, 3, 1), (65536, 100, 65436), (0, 5, 0)])
def test_length_is_bounded_and_the_cut_is_said(length: int, limit: int, cut: int) -> None:
    assert visible("x" * length, limit) == ("x" * min(length, limit), cut)


@given(st.text(st.characters(), max_size=200), st.integers(0, 100))
def test_nothing_invisible_is_left_and_the_result_is_bounded(text: str, limit: int) -> None:
    shown, cut = visible(text, limit)
    assert all(c.isprintable() or c in KEPT for c in shown)
    assert cut == max(0, len(text) - limit)
    assert len(shown) <= 10 * limit
    assert not any(all(unicodedata.combining(c) for c in shown[i : i + 4]) for i in range(len(shown) - 3))
