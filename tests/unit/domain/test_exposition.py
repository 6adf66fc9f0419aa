"""Pages of counters: lines as they are written, and what grew between two looks."""

import pytest

from wattlight.domain.exposition import TokenGrowth, series_of
from wattlight.domain.tokens import Counters


def test_lines_are_read_with_their_labels_and_others_are_passed_over() -> None:
    page = "\n".join(
        (
            "# HELP a_total Something.",
            'a_total{model_name="a \\"b\\" \\\\ c\\n",engine="0"} 1.5e3 1796007405522',
            "a_total{} 2",
            'a_total{model_name="cut',
            'a_total_created{model_name="x"} 9',
            'b_total{model_name="x"} NaN',
            'a_total{model_name="x"} -1',
            'a_total{model_name="x"} many',
        )
    )
    found = list(series_of(page, {"a_total", "b_total"}))
    assert [(s.name, s.labels.get("model_name"), s.value) for s in found] == [
        ("a_total", 'a "b" \\ c\n', 1500.0),
        ("a_total", None, 2.0),
        ("b_total", "x", None),
        ("a_total", "x", None),
        ("a_total", "x", None),
    ]


def looks(*counts: tuple[int | None, int | None] | None) -> list[dict[str, tuple[int, int]]]:
    growth = TokenGrowth()
    return [
        growth.since({} if c is None else {"m": Counters(prompt_tokens=c[0], output_tokens=c[1])})
        for c in counts
    ]


@pytest.mark.parametrize(
    ("counts", "grown"),
    [
        (((100, 50), (110, 80), (110, 80)), [{}, {"m": (10, 30)}, {}]),
        (((100, 50), (7, 3)), [{}, {"m": (7, 3)}]),  # the server was started anew
        (((100, None), (110, 5)), [{}, {"m": (10, 5)}]),
        ((None, (4, 2)), [{}, {"m": (4, 2)}]),  # a model that came later counts from 0
        (((100, 50), (None, None), (120, 50)), [{}, {}, {"m": (120, 50)}]),
    ],
)
def test_tokens_are_those_between_two_looks(
    counts: tuple[tuple[int | None, int | None] | None, ...], grown: list[dict[str, tuple[int, int]]]
) -> None:
    assert looks(*counts) == grown
