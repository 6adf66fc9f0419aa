"""What people read about cards, watts and calls, answered by the product in its own sentences."""

import io
from contextlib import closing
from pathlib import Path

import pytest

from wattlight.cli import run
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory

MACHINES = Path(__file__).resolve().parents[1] / "data" / "machines"
DOLLARS = ["--price", "0.1831", "--currency", "USD"]  # the mean of US households in July 2026


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


def said(home: Path, *words: str) -> str:
    environ = {"WATTLIGHT_HOME": str(home), "OLLAMA_MODELS": str(home / "none"), "TZ": "America/New_York"}
    out = io.StringIO()
    with closing(ServiceFactory(environ)) as workshop:
        assert run(list(words), workshop, out) == 0, out.getvalue()
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    ("model", "card", "words"),
    [
        ("llama3.1:8b", 8, "llama3.1:8b on PC with an 8 GiB card: all on GPU"),
        ("gemma3:12b", 8, "of 49 layers fit on NVIDIA GeForce RTX 4060"),
        ("qwen3:14b", 12, "qwen3:14b on PC with a 12 GiB card: all on GPU"),
        ("qwen3:32b", 12, "of 65 layers fit on NVIDIA GeForce RTX 3060"),
        ("qwen3:32b", 24, "qwen3:32b on PC with a 24 GiB card: all on GPU"),
        # "a 24 GB card runs a 70B model at 4 bits": it does not
        ("llama3.1:70b", 24, "of 81 layers fit on NVIDIA GeForce RTX 4090"),
    ],
)
def test_what_a_card_of_8_12_and_24_gib_holds(tmp_path: Path, model: str, card: int, words: str) -> None:
    machine = str(MACHINES / f"card_{card}gib.json")
    text = said(tmp_path, "fit", model, "--machine", machine, "--context", "8192")
    assert words in text
    assert ("stay in RAM, which is slower" in text) == ("all on GPU" not in words)


@pytest.mark.parametrize(
    ("watts", "hours", "words"),
    [
        # "a card of 300 to 400 W costs $30 to 50 a month": only if it works day and night
        ("300", "730", "300 W, 730 hours a month: $40.10 a month, 219.0 kWh."),
        ("400", "730", "400 W, 730 hours a month: $53.47 a month, 292.0 kWh."),
        ("350", "500", "350 W, 500 hours a month: $32.04 a month, 175.0 kWh."),
        ("350", "60", "350 W, 60 hours a month: $3.85 a month, 21.0 kWh."),
    ],
)
def test_what_300_to_400_watts_cost_a_month(tmp_path: Path, watts: str, hours: str, words: str) -> None:
    text = said(tmp_path, "cost", "--watts", watts, "--hours", hours, *DOLLARS)
    assert words in text
    assert "at 0.1831 USD per kWh, as given" in text


def test_ten_thousand_calls_stay_at_the_api_and_a_million_may_come_home(tmp_path: Path) -> None:
    card = [
        "--tokens-in", "600", "--tokens-out", "300", "--tokens-per-second", "90", "--at-once", "4",
        "--prompt-tokens-per-second", "3000", "--watts", "350", "--hardware-price", "2000", *DOLLARS,
    ]  # fmt: skip
    few = said(tmp_path, "breakeven", "--calls", "10000", *card, "--api", "gpt-6-luna")
    assert few.startswith("At 10,000 calls a month GPT-6 Luna (OpenAI) is cheaper: $2.10 against $")
    assert "The hardware for $2,000.00 is never paid back at this use: that takes longer than the 36" in few
    many = said(tmp_path, "breakeven", "--calls", "1000000", *card, "--api", "gpt-6-luna")
    assert many.startswith("At 1,000,000 calls a month your own hardware is cheaper: $")
    assert "against $210.00 for GPT-6 Luna (OpenAI). The hardware for $2,000.00 is paid back in" in many
    hosted = said(tmp_path, "breakeven", "--calls", "1000000", *card, "--api", "llama3.1:8b")
    assert "is cheaper: $24.00 against" in hosted  # the same weights hosted, at a million calls too
    for text in (few, many, hosted):
        outside = text[text.index("Not in it:") :]
        for words in (
            "VAT on the API's price",
            "a discount for cached input",
            "batch discount",
            "quality",
            "the idle draw of the rest of the computer",
            "what a loaded model draws without work",
        ):
            assert words in outside
        assert "the price of the hardware" in text[text.index("In the sum:") : text.index("Not in it:")]
