"""``wattlight breakeven``: the document, the text, what is missing, where figures come from."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from wattlight.cli import run
from wattlight.domain.speed import SpeedRange
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.paths import Places, asset_text
from wattlight.settings import Price, Settings
from wattlight.store.jobs import LearningStore, open_jobs

SCHEMA = Path(__file__).resolve().parents[3] / "desktop" / "schemas" / "breakeven.json"
NOW = datetime(2026, 12, 4, 12, tzinfo=UTC)
RUN = MeasuredSpeed(
    model="llama3.1:8b", digest="d1", device="RTX", context=8192, at=NOW, output_tokens=200,
    output_tokens_per_s=130.0, prompt_tokens_per_s=3000.0, server_version="0.33.0", power_w=300.0,
)  # fmt: skip
USE = ["--calls", "1000000", "--tokens-in", "500", "--tokens-out", "250"]
CARD = [
    "--tokens-per-second", "130", "--prompt-tokens-per-second", "3000", "--watts", "300",
    "--parked-watts", "20", "--parked-hours", "100", "--price", "0.17", "--hardware-price", "2000",
]  # fmt: skip


class Opinion:
    """What the adviser thinks of a model's speed."""

    speed = SpeedRange(40.0, 50.0, 60.0, "estimated from bandwidth")


class Bench:
    """A workshop with settings, a database and an adviser."""

    def __init__(self, root: Path) -> None:
        self.environ: dict[str, str] = {}
        self.places = Places(root, root, root, root, root)
        self.price = Price()
        self.book: LearningStore | None = None

    def now(self) -> datetime:
        return NOW

    def settings(self) -> Settings:
        return replace(Settings(), price=self.price)

    def jobs(self) -> LearningStore:
        if self.book is None:
            self.book = open_jobs(self.places.jobs_file, NOW)
        return self.book

    def machine_profile(self) -> None:
        return None

    def advisor(self) -> Any:
        return type("Advisor", (), {"judge": lambda *_: Opinion()})()


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    bench = Bench(tmp_path)
    yield bench
    if bench.book is not None:
        bench.book.close()


def call(bench: Bench, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    return run(["breakeven", *words], bench, out), out.getvalue()


def document(bench: Bench, *words: str) -> dict[str, Any]:
    code, text = call(bench, *words, "--json")
    found: dict[str, Any] = json.loads(text)
    assert code == 0, found
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_a_million_calls_against_a_card(bench: Bench) -> None:
    found = document(bench, *USE, *CARD, "--api", "gpt-4o-mini")
    # worked out by hand in the tests of the comparison itself
    assert found["api_micro"] == 225_000_000
    assert found["energy_micro"] == pytest.approx(29_944_701, abs=2)
    assert found["choice"] == "local"
    assert found["currency"] == "USD"
    assert (found["api"]["date"], found["api"]["seen_on"]) == (None, "2026-11-30")
    assert (found["api"]["age_days"], found["api"]["valid_to"]) == (4, "2027-01-14")
    assert not found["api"]["ended"]
    assert found["inputs"]["origins"]["watts"] == "given"
    assert found["not_in_the_sum"] == ["privacy", "offline use"]


def test_ten_thousand_calls_stay_on_the_api_and_it_is_said_in_words(bench: Bench) -> None:
    words = ["--calls", "10000", *USE[2:], *CARD, "--api", "GPT-4O-MINI"]
    assert document(bench, *words)["choice"] == "api"
    code, text = call(bench, *words)
    assert code == 0
    assert "At 10,000 calls a month GPT-4o mini (OpenAI) is cheaper: $2.25 against $56.19 here." in (
        " ".join(text.split())
    )
    said = " ".join(text.split())
    assert "seen on Nov 30, 2026, 4 days ago" in said
    assert "since when it holds is not stated. It ends on Jan 14, 2027." in said
    assert "Privacy and offline use are not in the sum." in " ".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= 100


def test_an_unknown_price_of_hardware_is_asked_for_and_a_row_that_ended_says_so(bench: Bench) -> None:
    words = [*USE, "--tokens-per-second", "80", "--watts", "250", "--price", "0.3", "--currency", "USD"]
    text = " ".join(call(bench, *words, "--api", "deepseek/deepseek-chat")[1].split())
    assert text.startswith(
        "Which is cheaper hangs on what your hardware costs, and that is not known (--hardware"
    )
    assert "is cheaper:" not in text
    assert "It ended on Jul 24, 2026: nobody can use it any more." in text
    assert "10 W all month cost $2.19." in text
    found = document(bench, *words, "--api", "deepseek/deepseek-chat")
    assert (found["choice"], found["inputs"]["hardware_price"], found["api"]["ended"]) == (
        "unknown",
        None,
        True,
    )
    out = {account["what"] for account in found["counted"] if not account["in_the_sum"]}
    assert {"hardware", "parked", "idle", "prompt_time", "api_vat", "batch", "quality"} <= out
    # of a model's rows those that ended are not taken, however cheap
    assert document(bench, *words, "--api", "llama3.3:70b")["api"]["provider"] == "DeepInfra"
    other = " ".join(call(bench, *words, "--model", "qwen3:14b", "--api", "llama3.1:8b")[1].split())
    assert "quality: Llama 3.1 8B is another model than yours" in other
    assert "--parked-watts, --idle-watts" in other
    soon = " ".join(call(bench, *words, "--api", "gemini/gemini-3.8-flash")[1].split())
    assert "It ends on Dec 31, 2026. From Jan 1, 2027 on it is 1.5 / 7.5 USD." in soon


def test_more_work_than_hours_and_a_hopeless_case(bench: Bench) -> None:
    code, text = call(bench, "--calls", "10000000", *USE[2:], *CARD, "--api", "gpt-4o-mini")
    assert code == 0
    assert "more than your hardware has hours for" in text
    dear = [*CARD[:-4], "--price", "5", "--hardware-price", "10"]
    code, text = call(bench, *USE, *dear, "--api", "llama3.1:8b")
    assert "never paid back" in text
    assert "no number of calls turns it around" in " ".join(text.split())
    slow = ["--tokens-per-second", "6", "--watts", "60", "--price", "0.4"]
    text = call(bench, *USE, *slow, "--api", "llama3.1:8b")[1]
    assert "Your hardware would have to work 1,584% of a month." in " ".join(text.split())
    text = " ".join(call(bench, *USE, *slow, "--api", "gpt-6-sol")[1].split())
    assert "hangs on what your hardware costs" in text
    assert "Your hardware would have to work 1,584% of a month." in text
    code, text = call(bench, "--calls", "0", *USE[2:], *CARD[:-2], "--api", "gpt-6-sol")
    assert code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "The number of calls a month is not known. Give it with --calls."),
        (USE[:2], "Give it with --tokens-in."),
        (USE[:4], "Give it with --tokens-out."),
        (USE, "Give it with --tokens-per-second."),
        ([*USE, *CARD[:2]], "Give it with --watts."),
        ([*USE, *CARD[:6]], "Give it with --price."),
        ([*USE, *CARD], "Give it with --api gpt-6-luna."),
        ([*USE, *CARD, "--api", "gpt5-mini"], "Did you mean gpt-5-mini"),
        ([*USE, *CARD, "--api", "zzzz"], "Name a row with --api, or add your own with --prices."),
        ([*USE, *CARD[:8], "--price", "1", "--api", "gpt-6-sol"], "Give it with --parked-hours."),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--currency", "EUR"], "Give it with --rate."),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--rate", "0.9"], "Give it with --currency."),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--currency", "USD", "--rate", "0.9"], "Leave --rate out."),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--currency", "EUR", "--rate", "0.9", "--rate-date", "24.11."],
         "Write it like 2026-11-24."),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--currency", "EUR", "--rate", "0"], "above zero"),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--currency", "QQQ"], "QQQ"),
        ([*USE, *CARD[:-4], "--price", "0,39", "--api", "gpt-6-sol"], 'Write it with a point: "0.39".'),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--prices", "/nowhere.csv"], "cannot be read"),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--cached-share", "2"], "between 0 and 1"),
        ([*USE, *CARD, "--api", "gpt-6-sol", "--life-months", "0"], "above zero"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_its_option(
    bench: Bench, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = call(bench, *words)
    assert code == (1 if "--prices" in words else 2)
    assert text == ""
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("value", ["-1", "x", "nan", "1e99", "1.5"])
def test_no_number_of_calls(bench: Bench, value: str) -> None:
    assert call(bench, "--calls", value)[0] == 2


def test_the_last_measurement_of_a_model_is_the_default(bench: Bench) -> None:
    bench.jobs().add_speed(RUN)
    found = document(bench, *USE, "--model", "llama3.1:8b", "--price", "0.17")
    assert found["inputs"]["origins"] == {
        "tokens_per_second": "measured",
        "watts": "measured",
        "price_per_kwh": "given",
    }
    assert found["inputs"]["prompt_tokens_per_second"] == 3000
    # the cheapest host of the same weights: 500 x 0.02 + 250 x 0.04 per million
    assert found["api"]["provider"] == "DeepInfra"
    assert found["api_micro"] == 20_000_000


def test_without_a_measurement_the_speed_is_estimated(bench: Bench) -> None:
    found = document(bench, *USE, "--model", "qwen3:8b", "--watts", "200", "--price", "0.2")
    assert found["inputs"]["tokens_per_second"] == 50
    assert found["inputs"]["origins"]["tokens_per_second"] == "estimated"


def test_the_price_of_the_settings_and_a_dated_rate(bench: Bench) -> None:
    bench.price = Price(per_kwh="0.3869", currency="EUR")
    words = [*USE, *CARD[:6], "--api", "gpt-5-nano", "--rate", "0.92", "--rate-date", "2026-11-20"]
    found = document(bench, *words)
    assert (found["currency"], found["inputs"]["price_per_kwh"]) == ("EUR", "0.3869")
    assert found["inputs"]["rate_date"] == "2026-11-20"
    assert found["inputs"]["origins"]["price_per_kwh"] == "settings"
    # 500 x 0.05 + 250 x 0.4 per million, a million times, x 0.92
    assert found["api_micro"] == 115_000_000
    assert "Rate 0.9200 EUR for one USD, of Nov 20, 2026." in " ".join(call(bench, *words)[1].split())


def test_the_average_of_a_tariff_with_bands(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "tariff.json"
    band = {"days": ["sat", "sun"], "start": "00:00", "end": "00:00", "price_per_kwh": "0.10"}
    periods = [{"from": "2026-01-01", "price_per_kwh": "0.45", "bands": [band]}]
    file.write_text(
        json.dumps({"schema": 1, "currency": "EUR", "timezone": "Europe/Berlin", "periods": periods})
    )
    words = [*USE, *CARD[:6], "--api", "gpt-5-nano", "--rate", "0.92"]
    found = document(bench, *words, "--tariff", str(file))
    # five days at 0.45 and two at 0.10
    assert found["inputs"]["price_per_kwh"] == "0.350000000"
    assert found["inputs"]["origins"]["price_per_kwh"] == "tariff file"
    bench.price = Price(tariff_file=str(file))
    assert document(bench, *words)["inputs"]["origins"]["price_per_kwh"] == "settings"
    assert call(bench, *words, "--currency", "USD")[0] == 2
    periods[0]["from"] = "2027-01-01"
    file.write_text(
        json.dumps({"schema": 1, "currency": "EUR", "timezone": "Europe/Berlin", "periods": periods})
    )
    assert call(bench, *words)[0] == 2


def test_own_rows_come_before_the_shipped_ones(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    shipped = asset_text("prices/api_prices.csv")
    head = shipped.splitlines()[0] + "\n"
    file.write_text(
        head
        + "gpt-6-sol,Us,Ours,,USD,1,1,,2026-12-01,contract\n"
        + "ours,Us,Ours,ours:1b,USD,2,2,1,2026-12-01,contract\n"
    )
    found = document(bench, *USE, *CARD, "--api", "gpt-6-sol", "--prices", str(file))
    assert (found["api"]["provider"], found["api_micro"]) == ("Us", 750_000_000)
    assert (
        document(bench, *USE, *CARD, "--api", "ours:1b", "--prices", str(file))["api_micro"] == 1_500_000_000
    )
    half = document(bench, *USE, *CARD, "--api", "ours", "--prices", str(file), "--cached-share", "0.5")
    assert half["api_micro"] == 1_250_000_000
    file.write_bytes(b"\xff\xfe")
    assert call(bench, *USE, *CARD, "--api", "gpt-6-sol", "--prices", str(file))[0] == 1
    file.write_text(head + "a,b,c\n")
    assert call(bench, *USE, *CARD, "--api", "gpt-6-sol", "--prices", str(file))[0] == 1
    file.write_bytes(b"x" * 1_000_001)
    assert call(bench, *USE, *CARD, "--api", "gpt-6-sol", "--prices", str(file))[0] == 1


def test_hostile_names_do_not_reach_the_terminal(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(bench, *USE, *CARD, "--api", "\x1b[31mx\u202e")[0] == 2
    assert "\x1b" not in capsys.readouterr().err
