"""Every verb's text on narrow screens, of a real workshop with a server of long names."""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.cli import run
from wattlight.cli.output import width
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory

DATA = Path(__file__).resolve().parents[2] / "data"
LONG = "hf.co/some-very-long-organisation/Qwen3-Coder-30B-A3B-Instruct-GGUF:UD-Q4_K_XL"
CARD = f"--machine={DATA / 'machines' / 'card_12gib.json'}"
BREAKEVEN = (
    "breakeven --calls 1000000 --tokens-in 500 --tokens-out 250 --api gpt-6-luna --tokens-per-second 130 "
    "--prompt-tokens-per-second 3000 --watts 300 --parked-watts 20 --parked-hours 100 --price 0.17 "
    "--currency EUR --rate 0.9 --hardware-price 2000 --idle-watts 60"
)
ASKED = (
    "models",
    "ps",
    "hardware",
    "doctor",
    "power",
    "tariff show",
    "tariff countries",
    "cost",
    "cost --watts 350 --hours 730 --price 0.39 --currency EUR",
    BREAKEVEN,
    f"replay {DATA / 'traces' / 'by_hand.csv'}",
    "meter --for 1",
    f"recommend {CARD} --use code",
    f"fit qwen3.8:27b {CARD}",
)


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    activate("en")
    with FakeOllama() as fake:
        for name in (LONG, "llama3.2:3b"):
            fake.install(name, size=18_600_000_000)
            fake.start(name)
        home = {"WATTLIGHT_HOME": str(tmp_path), "HOME": str(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:9"}
        yield home | {"OLLAMA_HOST": f"127.0.0.1:{fake.port}"}


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("words", ASKED, ids=lambda words: " ".join(words.split()[:2])[:20])
def test_row_every_verb_fits_60_and_80_columns(
    words: str, columns: int, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is longer than the screen, and nothing of a name is lost."""
    monkeypatch.setenv("COLUMNS", str(columns))
    out = io.StringIO()
    assert run(words.split(), ServiceFactory(environ), out) == 0
    lines = out.getvalue().splitlines()
    assert lines and max(map(width, lines)) <= columns
    if words in {"models", "ps"}:
        assert LONG in out.getvalue().replace("\n", "")


def test_sentences_of_breakeven_are_wrapped_once(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at 100 columns first and at the screen's afterwards, which leaves ragged lines."""
    monkeypatch.setenv("COLUMNS", "60")
    out = io.StringIO()
    run(BREAKEVEN.split(), ServiceFactory(environ), out)
    text = out.getvalue().split("\n\n")
    for paragraph in (text[0], text[-2] if not text[-1].strip() else text[-1]):
        lines = paragraph.strip().splitlines()
        for line, following in pairwise(lines):
            assert width(f"{line} {following.split()[0]}") > 60, line
