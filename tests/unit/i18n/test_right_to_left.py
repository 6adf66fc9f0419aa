"""Texts that are read from right to left: figures, names and commands in them keep their own order."""

from collections.abc import Iterator

import pytest

from wattlight import i18n
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.viewmodels.figures import figure, range_figure

APART, END, FROM_RIGHT = "\u2068", "\u2069", "\u200f"


@pytest.fixture
def arabic() -> Iterator[None]:
    i18n.activate("ar")
    yield
    i18n.activate("en")


@pytest.mark.usefixtures("arabic")
def test_values_stand_apart() -> None:
    assert f"{APART}qwen3:8b{END}" in i18n.tr("Unloading {name}", name="qwen3:8b")
    assert f"{APART}5{END}" in i18n.trn("{count} model", "{count} models", 5)
    assert i18n.tr("Settings") == "الإعدادات"


@pytest.mark.usefixtures("arabic")
@pytest.mark.parametrize(
    ("said", "figures"),
    [
        (i18n.gib, "5.7 GiB"),
        (i18n.gb, "6.1 GB"),
        (lambda n: i18n.watts(n / 2**30), "5.7 W"),
        (lambda _n: i18n.kwh(720_000_000), "0.20 kWh"),
        (lambda _n: i18n.tokens_per_second(38, 46), "38–46 tokens/s"),
        (lambda _n: i18n.interval(i18n.watts(12), i18n.watts(30)), "12–30 W"),
    ],
)
def test_figures_with_units_stand_apart(said: object, figures: str) -> None:
    assert callable(said)
    text = said(round(5.7 * 2**30))
    assert (text[0], text[-1]) == (APART, END)
    assert i18n.without_marks(text) == figures


@pytest.mark.usefixtures("arabic")
def test_a_line_begins_at_the_right_whatever_its_first_letter() -> None:
    assert i18n.paragraph("qwen3 (8B)") == f"{FROM_RIGHT}{APART}qwen3 (8B){END}"
    assert i18n.paragraph("Ollama يعمل") == f"{FROM_RIGHT}Ollama يعمل"
    assert i18n.paragraph(i18n.paragraph("a\nb")) == i18n.paragraph("a\nb")
    assert i18n.paragraph("a\n\nb").count("\n") == 2
    assert i18n.paragraph("") == ""


@pytest.mark.usefixtures("arabic")
def test_a_figure_is_split_without_marks() -> None:
    shown = figure("", i18n.watts(52))
    assert (shown.before, shown.value, shown.after) == ("", "52", "W")
    both = range_figure("", i18n.watts(12), i18n.watts(30), "")
    assert (i18n.without_marks(both.value), both.after) == ("12–30", "W")


@pytest.mark.usefixtures("arabic")
def test_a_terminal_gets_no_marks() -> None:
    i18n.activate("ar", isolates=False)
    texts = (
        i18n.tr("Give it with {option}.", option="--price"),
        i18n.tr("Leave out --watch."),
        i18n.gib(2**33),
    )
    assert [i18n.without_marks(text) for text in texts] == list(texts)


@pytest.mark.parametrize("code", ["en", "de", "ja"])
def test_other_languages_have_none(code: str) -> None:
    i18n.activate(code)
    texts = (i18n.tr("Unloading {name}", name="x"), i18n.gib(2**33), i18n.paragraph("x"), i18n.apart("x"))
    i18n.activate("en")
    assert [i18n.without_marks(text) for text in texts] == list(texts)


@pytest.mark.usefixtures("arabic")
def test_a_sentence_of_ours_keeps_what_holds_its_pieces_in_order() -> None:
    sentence = i18n.tr("Unloading {name}", name="qwen3:8b")
    assert clean_sentence(sentence) == sentence
    short = clean_sentence(sentence + i18n.apart("b" * 80), 40)
    assert short.count(APART) == short.count(END) and "…" in short


@pytest.mark.parametrize("mark", ["\u202a", "\u202e", "\u2067", "\u200f", END, f"a{END}{END}"])
def test_marks_that_turn_other_words_around_stay_in_no_sentence(mark: str) -> None:
    assert "\ufffd" in clean_sentence(f"Loading {mark}gpj.exe") and END not in clean_sentence(mark)


def test_a_mark_that_is_left_open_ends_with_its_sentence() -> None:
    assert clean_sentence(f"Loading {APART}a") == f"Loading {APART}a{END}"
    assert clean_sentence(APART * 900, 20).count(END) <= 20
    assert clean_text(f"{APART}a{END}") == "\ufffda\ufffd"  # a name has none
