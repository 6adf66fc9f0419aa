"""Every verb's text on narrow screens, of a real workshop with a server of long names."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.metering import Clock, Machine
from wattlight.cli import run
from wattlight.cli.output import width
from wattlight.domain.energy import Batch, DeviceInfo, EnergyRow, State
from wattlight.domain.power import MachineSample
from wattlight.domain.values import LOCAL_HOST, HostId, Quality, to_us
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory
from wattlight.store import Pending, open_ledger

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


DEVICE = "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition (0000:c1:00.0)"
NAMES = {
    "sha256:a": LONG,
    "sha256:b": "gpt-oss:120b",
    "name:served": "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
}


class SeenMachine:
    """A prober of a card of a long name that draws 575 W."""

    def __init__(self) -> None:
        self.machine = Machine(Clock(at=ServiceFactory({}).now()), power_w=575.0)

    def watch_ports(self, _ports: object) -> None:
        pass

    def sample(self) -> MachineSample:
        self.machine.run(1)
        sample = self.machine.look()
        card = sample.devices[0]
        return replace(sample, devices=(replace(card, device=replace(card.device, name=DEVICE)),))

    def close(self) -> None:
        pass


@pytest.fixture
def filled(environ: dict[str, str]) -> dict[str, str]:
    """Forty days of two devices and three models, a far computer, tokens, gaps, and a price with bands."""
    shop = ServiceFactory(environ)
    now = shop.now()
    writer, pending, far = (
        open_ledger(shop.places.ledger_file, now).writer,
        Pending(),
        HostId("workstation-under-the-desk"),
    )
    for back in range(40):
        start = to_us(now - timedelta(days=back, minutes=90)) // 60_000_000
        rows = []
        for i in range(20):
            for place, model in enumerate((None, *NAMES)):
                state = State.BASE if model is None else State.ACTIVE if i % 3 else State.PARKED
                for device, host in (("GPU-1", LOCAL_HOST), ("cpu", LOCAL_HOST), ("GPU-1", far)):
                    energy = 900_000_000 // (1 + place)
                    tokens = (1_234_567, 345_678) if state is State.ACTIVE else (0, 0)
                    rows.append(
                        EnergyRow(
                            host, start + i, device, model, state, energy, 60_000, Quality.SAMPLED, *tokens
                        )
                    )
        named = {"GPU-1": DEVICE, "cpu": "AMD Ryzen Threadripper PRO 7995WX 96-Cores, package 0"}
        pending.add(
            Batch(
                rows=tuple(rows),
                presence=tuple((host, start + i, 55_000) for host in (LOCAL_HOST, far) for i in range(20)),
                devices=tuple(
                    DeviceInfo(host, key, name, "gpu" if key == "GPU-1" else "cpu", "")
                    for host in (LOCAL_HOST, far)
                    for key, name in named.items()
                ),
                models=tuple(NAMES.items()),
            )
        )
    writer.write(pending)
    writer.close()
    words = "tariff set --price 0.4275 --currency EUR --timezone Europe/Berlin"
    assert run(words.split(), shop, io.StringIO()) == 0
    shop.close()
    return environ


COSTS = (
    "cost",
    "cost --by day --month this",
    "cost --by hour",
    "cost --by device --month last",
    "cost --by model --month last",
    "cost --host all",
    "cost -q",
    "meter --for 2",
)


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("words", COSTS)
def test_row_cost_and_meter_fit_with_a_full_ledger(
    words: str, columns: int, filled: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With long names, large sums, and several computers; nothing of a name or a figure is lost."""
    monkeypatch.setenv("COLUMNS", str(columns))
    probe = SeenMachine()
    monkeypatch.setattr(ServiceFactory, "prober", lambda _: probe)
    out = io.StringIO()
    assert run(words.split(), ServiceFactory(filled), out) == 0
    text = out.getvalue()
    lines = text.splitlines()
    assert lines and max(map(width, lines)) <= columns
    together = text.replace("\n", "")
    if words.startswith("cost --by model"):
        assert LONG in together and "base" in lines
        assert lines[lines.index("base") + 1].endswith("kWh")
    if words.startswith("cost --by device"):
        assert DEVICE in " ".join(text.split()) and "GPU-1" not in text
