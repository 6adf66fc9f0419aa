"""``cost``, ``export``, ``meter``, ``replay``, ``tariff``: documents against their schemas, and wrong use."""

import csv
import io
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from fakes.metering import QWEN, Clock, Machine, part
from fakes.systems import needs_links
from wattlight.cli import run
from wattlight.domain.energy import Batch, DeviceInfo, EnergyRow, LevelRow, State
from wattlight.domain.power import MachineSample
from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.tariff import Tariff
from wattlight.domain.tokens import Counters, TokenUse
from wattlight.domain.values import LOCAL_HOST, Quality, Scope, to_us
from wattlight.i18n import activate
from wattlight.paths import Places
from wattlight.probes import ProgramUse
from wattlight.services.pricing import tariff_of
from wattlight.settings import Settings, load_settings
from wattlight.store import LedgerFull, LedgerReader, MeterLock, Pending, open_ledger, open_reader
from wattlight.store.jobs import LearningStore

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
CALC = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


class Probe:
    """A prober that looks at a made-up machine and moves its clock."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.closed = False
        self.looks = 0

    def watch_ports(self, _ports: object) -> None:
        pass

    def sample(self) -> MachineSample:
        self.looks += 1
        self.machine.run(1)
        return self.machine.look()

    def close(self) -> None:
        self.closed = True


class ProgramsSeen:
    """A game and a browser on two cores, and half a second of others."""

    looks = 0

    def look(self) -> ProgramUse | None:
        self.looks += 1
        return ProgramUse({"game": 1.0, "browser": 0.5}, 2.0, 2, {}) if self.looks > 1 else None


class Server:
    """A server with one model loaded."""

    def state(self, before: ServerState | None = None, *, part: str = "all") -> ServerState:
        return ServerState("http://127.0.0.1:1", ServerStatus.READY, running=(QWEN,))


class Shop:
    """A workshop of one folder; the price comes from the settings file in it."""

    def __init__(self, root: Path, now: datetime = NOW) -> None:
        self.environ = {"TZ": "Europe/Berlin"}
        self.places = Places(root, root, root, root, root)
        self.at = now
        self.machine = Machine(Clock(at=now))
        self.probe = Probe(self.machine)

    def now(self) -> datetime:
        return self.at

    def settings(self) -> Settings:
        return load_settings(self.places.settings_file).settings

    def ledger(self) -> LedgerReader:
        return open_reader(self.places.ledger_file)

    def tariff(self) -> Tariff | None:
        return tariff_of(self.settings().price, self.environ)

    def zone(self) -> ZoneInfo:
        tariff = self.tariff()
        return ZoneInfo("Europe/Berlin") if tariff is None else tariff.zone

    def prober(self) -> Probe:
        return self.probe

    def program_times(self) -> ProgramsSeen:
        return ProgramsSeen()

    def server(self, host: str | None = None) -> Server:
        return Server()

    def jobs(self) -> LearningStore:
        return LearningStore(self.places.jobs_file, self.now())


Verb = Callable[..., tuple[int, str]]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def call(shop: Shop, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    code = run(list(words), shop, out)  # type: ignore[arg-type]
    return code, out.getvalue()


def document(shop: Shop, *words: str) -> dict[str, Any]:
    code, text = call(shop, *words, "--json")
    answer: dict[str, Any] = json.loads(text)
    assert code == 0, text
    check(words[0], answer)
    return answer


def problem(shop: Shop, *words: str, code: int = 1) -> dict[str, Any]:
    found, text = call(shop, *words, "--json")
    answer: dict[str, Any] = json.loads(text)
    assert found == code, text
    check("error", answer)
    assert "Traceback" not in text
    error: dict[str, Any] = answer["error"]
    return error


def check(name: str, answer: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(answer)


def fill(shop: Shop, days: int = 6) -> None:
    """Each day from noon on: an hour of base, an hour of an idle model, ten minutes of work."""
    writer = open_ledger(shop.places.ledger_file, shop.at).writer
    pending = Pending()
    for back in range(days):
        noon = (NOW - timedelta(days=back)).replace(hour=9)
        minute = to_us(noon) // 60_000_000
        rows = [
            EnergyRow(LOCAL_HOST, minute + i, "GPU-1", None, State.BASE, 600_000, 60_000, Quality.COUNTER)
            for i in range(70)
        ]
        rows += [
            EnergyRow(
                LOCAL_HOST, minute + i, "GPU-1", "sha256:q", State.PARKED, 300_000, 60_000, Quality.COUNTER
            )
            for i in range(60)
        ]
        rows += [
            EnergyRow(
                LOCAL_HOST, minute + 60 + i, "GPU-1", "sha256:q", State.ACTIVE, 9_000_000, 60_000,
                Quality.SAMPLED, 5, 600,
            )
            for i in range(10)
        ]  # fmt: skip
        pending.add(
            Batch(
                rows=tuple(rows),
                presence=tuple((LOCAL_HOST, minute + i, 60_000) for i in range(70)),
                devices=(DeviceInfo(LOCAL_HOST, "GPU-1", CALC, "gpu", "nvidia"),),
                models=(("sha256:q", CALC),),
            )
        )
    writer.write(pending)
    writer.close()


DAY_MJ = 70 * 600_000 + 60 * 300_000 + 10 * 9_000_000


def test_the_cost_of_today_a_day_a_month_and_a_span(shop: Shop) -> None:
    fill(shop)
    assert call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")[0] == 0
    today = document(shop, "cost")
    assert (today["energy_mj"], today["cost_micro"]) == (DAY_MJ, DAY_MJ // 10_000)
    assert (today["observed_s"], today["span_s"]) == (4200, 13 * 3600)  # Berlin is an hour ahead
    assert today["quality"] == "sampled"
    assert {line["key"]: line["energy_mj"] for line in today["breakdown"]} == {
        "base": 42_000_000,
        CALC: 108_000_000,
    }
    assert today["covers"] == [CALC]
    assert today["models"] == {"energy_mj": 108_000_000, "cost_micro": 10_800}
    assert today["parked"] == {"energy_mj": 18_000_000, "cost_micro": 1800}
    assert document(shop, "cost", "--day", "2026-03-16")["span_s"] == 86_400
    assert document(shop, "cost", "--day", "yesterday")["energy_mj"] == DAY_MJ
    month = document(shop, "cost", "--month", "2026-03", "--by", "day")
    assert [line["key"] for line in month["breakdown"]] == [f"2026-03-{d}" for d in range(12, 18)]
    assert month["energy_mj"] == 6 * DAY_MJ
    assert month["projection"]["reason"] is None
    assert month["projection"]["mid_micro"] == (6 + 14) * 10_800
    span = document(shop, "cost", "--from", "2026-03-12", "--to", "2026-03-13", "--by", "hour")
    assert span["breakdown"][0]["key"] == "2026-03-12T10:00:00+01:00"
    assert span["energy_mj"] == 2 * DAY_MJ
    assert document(shop, "cost", "--from", "2026-03-16", "--by", "device")["breakdown"][0]["key"] == "GPU-1"


def test_before_three_days_there_is_no_projection(shop: Shop) -> None:
    fill(shop, days=3)
    call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")
    month = document(shop, "cost", "--month", "this")
    assert month["projection"]["reason"] == "not enough data yet"
    assert month["projection"]["mid_micro"] is None


def test_without_a_price_there_is_no_money(shop: Shop) -> None:
    fill(shop)
    today = document(shop, "cost")
    assert (today["cost_micro"], today["currency"], today["models"]["cost_micro"]) == (None, None, None)
    code, text = call(shop, "cost")
    assert code == 0
    assert "No price is set" in text


def test_cooling_and_standing_charge_are_told_apart(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    file = tmp_path / "t.json"
    period = {"price_per_kwh": "0.36", "standing_per_month": "12.40"}
    file.write_text(json.dumps({"currency": "EUR", "timezone": "Europe/Berlin", "periods": [period]}))
    assert document(shop, "cost")["cooling"] is None
    document(shop, "tariff", "set", "--file", str(file))
    settings = json.loads(shop.places.settings_file.read_text())
    settings["meter"]["cooling_factor"] = 0.5
    shop.places.settings_file.write_text(json.dumps(settings))
    month = document(shop, "cost", "--month", "2026-03")
    assert month["cost_micro"] == 6 * DAY_MJ // 10_000
    assert month["cooling"]["cost_micro"] == month["cost_micro"] // 2
    assert month["standing_micro"] == 12_400_000
    assert document(shop, "cost", "--day", "2026-03-02")["standing_micro"] == 400_000
    text = call(shop, "cost")[1]
    assert "standing charge: €0.40, not in the sums" in text
    assert "cooling, by your factor 0.5" in text


def test_the_text_of_cost_shows_models_and_the_computer_apart(shop: Shop) -> None:
    fill(shop)
    call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")
    text = call(shop, "cost")[1]
    assert "models: €0.011" in text
    assert "observed 1 h 10 of 13 h 00" in text
    assert "measured parts" in text


def test_an_empty_ledger_is_said(shop: Shop) -> None:
    assert "Nothing was recorded" in call(shop, "cost")[1]
    assert document(shop, "cost", "--month", "last")["breakdown"] == []
    assert not shop.places.ledger_file.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--day", "31.12.2026"],
        ["--day", "0001-01-01"],
        ["--month", "2026-13"],
        ["--from", "2026-03-02", "--to", "2026-03-01"],
        ["--day", "today", "--month", "this"],
        ["--from", "1971-01-01", "--to", "2190-01-01"],
    ],
)
def test_days_that_make_no_span(shop: Shop, words: list[str]) -> None:
    assert problem(shop, "cost", *words, code=2)["code"] == "span"


def test_rows_as_csv_are_safe_and_add_up(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")
    code, text = call(shop, "export", "--month", "2026-03")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(row["energy_mj"]) for row in rows) == 6 * DAY_MJ
    assert {row["model"] for row in rows} == {"", f"'{CALC}"}
    assert rows[0]["price_per_kwh"] == "0.36"
    money = sum(int(row["energy_mj"]) * float(row["price_per_kwh"]) / 3600 for row in rows)
    assert round(money) == document(shop, "cost", "--month", "2026-03")["cost_micro"]
    code, text = call(shop, "export", "--day", "today", "--format", "json")
    check("export", json.loads(text))
    file = tmp_path / "rows.csv"
    assert document(shop, "export", "--output", str(file))["rows"] == 140
    assert problem(shop, "export", "--output", str(file))["code"] == "exists"
    assert document(shop, "export", "--output", str(file), "--force")["rows"] == 140
    assert sorted(p.name for p in tmp_path.glob("*.part")) == []
    assert problem(shop, "export", "--output", str(tmp_path / "no" / "x"))["code"] == "export"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_fault_64_a_cell_is_never_a_formula(cell: str) -> None:
    from wattlight.cli.verb_export import neutral

    assert neutral(cell) == "'" + cell
    assert neutral("qwen3:8b") == "qwen3:8b"


def test_backup_purge_and_restore(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    copy = tmp_path / "backup.wattlight"
    assert document(shop, "export", "--backup", str(copy))["bytes"] > 1000
    assert problem(shop, "export", "--backup", str(copy))["code"] == "exists"
    assert problem(shop, "export", "--purge")["code"] == "confirm"
    assert document(shop, "cost")["energy_mj"] == DAY_MJ
    lock = MeterLock(shop.places.meter_lock)
    lock.acquire()
    assert problem(shop, "export", "--purge", "--yes")["code"] == "recording"
    assert problem(shop, "export", "--restore", str(copy))["code"] == "recording"
    lock.release()
    counters = Counters(prompt_tokens=1, output_tokens=2)
    now = shop.now()
    shop.jobs().add_uses([TokenUse("m", "curl", "/api/chat", now, now, 1, 2, True, counters)])
    assert len(shop.jobs().token_hours(now - timedelta(hours=2), now + timedelta(hours=1))) == 1
    assert document(shop, "export", "--purge", "--yes")["purged"]
    assert shop.jobs().token_hours(now - timedelta(hours=2), now + timedelta(hours=1)) == ()
    assert document(shop, "cost")["energy_mj"] == 0
    assert document(shop, "export", "--restore", str(copy))["replaced"]
    assert document(shop, "cost")["energy_mj"] == DAY_MJ
    assert problem(shop, "export", "--restore", str(tmp_path / "none"))["code"] == "ledger"


def test_the_tariff_is_set_shown_and_checked(shop: Shop, tmp_path: Path) -> None:
    assert document(shop, "tariff")["tariff"] is None
    assert document(shop, "tariff", "set", "--country", "de")["price_now"] == "0.3618"
    shown = document(shop, "tariff", "show")
    assert shown["source"]["country"]["year"] == 2026
    assert shown["source"]["country"]["period"] == "2026-S1 (January-June 2026)"
    assert "price of Germany, 2026-S1 (January-June 2026), VAT: yes, all taxes" in call(shop, "tariff")[1]
    assert shown["tariff"]["timezone"] == "Europe/Berlin"
    assert "no price is shipped" not in shown["source"]["country"]["source"]
    file = tmp_path / "t.json"
    file.write_text(
        json.dumps(
            {
                "currency": "CHF",
                "timezone": "Europe/Zurich",
                "periods": [
                    {
                        "price_per_kwh": "0.30",
                        "bands": [{"start": "10:00", "end": "14:00", "price_per_kwh": "0.2"}] * 2,
                    }
                ],
            }
        ),
        encoding="utf-8-sig",
    )
    checked = document(shop, "tariff", "check", str(file))
    assert checked["price_now"] == "0.2"
    assert len(checked["notes"]) == 1
    assert document(shop, "tariff")["tariff"]["currency"] == "EUR"  # checking sets nothing
    assert document(shop, "tariff", "set", "--file", str(file))["tariff"]["currency"] == "CHF"
    text = call(shop, "tariff")[1]
    assert "10:00" in text
    assert "never applies" in text
    assert document(shop, "tariff", "set", "--none")["tariff"] is None
    countries = {c["code"]: c for c in document(shop, "tariff", "countries")["countries"]}
    assert countries["BR"]["price_per_kwh"] is None
    assert countries["KW"]["stale"]  # of 2017
    assert countries["DK"]["stale"]  # the tax on electricity was cut since
    assert not countries["DE"]["stale"]
    assert "BR, CN, MX" in call(shop, "tariff", "countries")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--price", "0,39", "--currency", "EUR"], "The price '0,39' is written with a comma."),
        (["--price", "-1", "--currency", "EUR"], "negative"),
        (["--price", "", "--currency", "EUR"], "not clear"),
        (["--price", "1"], "no"),
        (["--price", "1", "--currency", "EURO"], "not known"),
        (["--price", "1", "--currency", "EUR", "--timezone", "Mars"], "not known"),
        (["--country", "BR"], "No official price is shipped for Brazil"),
        (["--country", "ZZ"], "not in the table"),
        (["--file", "/none.json"], "cannot be read"),
        ([], "not clear"),
        (["--none", "--country", "DE"], "not clear"),
    ],
)
def test_fault_46_a_price_that_cannot_be_used_is_not_kept(
    shop: Shop, words: list[str], sentence: str
) -> None:
    words = [w if w != "-1" else "-1" for w in words]
    if "-1" in words:
        words = ["--price=-1", *words[2:]]
    code = 1 if "--file" in words and len(words) == 2 else 2
    assert sentence in problem(shop, "tariff", "set", *words, code=code)["message"]
    assert not shop.places.settings_file.exists()


def test_check_names_every_rule_and_every_hole(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text(
        "valid_from,valid_to,value_inc_vat\n2026-03-16T22:30:00Z,2026-03-17T05:30:00Z,9.5\n"
        "2026-03-17T06:30:00Z,,30.1\n"
    )
    file = tmp_path / "t.json"
    document_of = {
        "currency": "GBP",
        "timezone": "Europe/London",
        "periods": [
            {"from": "2026-01-01", "to": "2026-03-01", "price_per_kwh": "0.25", "standing_per_month": "15.3"},
            {"from": "2026-03-10", "series": {"file": "p.csv", "factor": "1.05", "add": "0.02"}},
        ],
    }
    file.write_text(json.dumps(document_of))
    checked = document(shop, "tariff", "check", str(file))
    assert checked["holes"] == [
        {"from": "2026-03-01T00:00:00Z", "to": "2026-03-10T00:00:00Z", "fallback": False},
        {"from": "2026-03-10T00:00:00Z", "to": "2026-03-16T22:30:00Z", "fallback": False},
        {"from": "2026-03-17T05:30:00Z", "to": "2026-03-17T06:30:00Z", "fallback": False},
    ]
    assert checked["tariff"]["periods"][1]["series"] == {
        "column": "value_inc_vat", "unit": "p/kWh", "factor": "1.05", "add": "0.02",
        "from": "2026-03-16T22:30:00Z", "to": None,
    }  # fmt: skip
    text = call(shop, "tariff", "check", str(file))[1]
    for words in (
        "standing charge: £15.30 a month, in no model's cost",
        "price of a kWh: 1.05 x slot + 0.02",
        "from the column value_inc_vat (p/kWh)",
        "write them with VAT",
        "hole: Mar 17, 2026 5:30\u202fAM – Mar 17, 2026 6:30\u202fAM (",
    ):
        assert words in text
    problem(shop, "tariff", "check", str(tmp_path / "p.csv"))
    for words in (["tariff"], ["tariff", "check"]):  # where errors send people to
        with pytest.raises(SystemExit):
            call(shop, *words, "--help")
        help_text = capsys.readouterr().out
        rules = ("periods", "series", "factor", "add", "standing_per_month", "VAT", "end_utc", "ENTSO-E")
        assert all(word in help_text for word in rules)
        assert max(map(len, help_text[help_text.index("a tariff file (") :].splitlines())) <= 60
        form = json.loads(help_text[help_text.index("  {") : help_text.rindex("}]}") + 3])
        assert form["periods"][1]["series"]["factor"] == "1.19"


def test_fault_46_a_new_price_from_a_day_on_leaves_the_days_before_alone(shop: Shop) -> None:
    fill(shop)
    call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")
    before = document(shop, "cost", "--day", "2026-03-14")["cost_micro"]
    for since, price in (("2026-03-15", "0.72"), ("2026-03-16", "1.44")):
        shown = document(shop, "tariff", "set", "--price", price, "--since", since)
    assert [p["price_per_kwh"] for p in shown["tariff"]["periods"]] == ["0.36", "0.72", "1.44"]
    days = document(shop, "cost", "--month", "2026-03", "--by", "day")["breakdown"]
    assert [line["cost_micro"] // before for line in days] == [1, 1, 1, 2, 4, 4]
    for words, sentence in (
        (["--price", "1", "--currency", "DEM"], "not known"),
        (["--price", "1", "--currency", "USD"], "cannot follow"),
        (["--price", "1,5"], "comma"),
    ):
        said = problem(
            shop, "tariff", "set", *words, "--since", "2026-03-17", code=1 if "USD" in words else 2
        )
        assert sentence in said["message"]
    early = problem(shop, "tariff", "set", "--price", "1", "--since", "2026-03-01")
    assert "after 2026-03-01" in early["message"]
    assert "not a day" in problem(shop, "tariff", "set", "--price", "1", "--since", "soon", code=2)["message"]
    assert document(shop, "cost", "--month", "2026-03", "--by", "day")["breakdown"] == days


def test_replay_prints_the_document_and_the_text(shop: Shop, tmp_path: Path) -> None:
    trace, tariff = tmp_path / "t.csv", tmp_path / "t.json"
    trace.write_text(
        "time_utc,device,power_w,counter_mj,model,tokens\n"
        "2026-03-01T00:00:00Z,g,,0,m,\n2026-03-01T00:00:05Z,g,,5000,m,1\n"
        "2026-03-01T00:00:10Z,g,,1,,\n2026-03-01T00:00:15Z,g,,11,,\n"
    )
    tariff.write_text('{"currency":"EUR","timezone":"Asia/Kolkata","periods":[{"price_per_kwh":"3.6"}]}')
    answer = document(shop, "replay", str(trace), "--tariff", str(tariff), "--by", "hour")
    assert answer["breakdown"] == [{"key": "2026-03-01T05:00:00+05:30", "energy_mj": 5010, "cost_micro": 5}]
    assert answer["gaps"] == [
        {
            "device": "g",
            "from": "2026-03-01T00:00:05Z",
            "to": "2026-03-01T00:00:10Z",
            "reason": "counter reset",
        }
    ]
    assert (answer["observed_s"], answer["span_s"]) == (10, 15)
    assert document(shop, "replay", str(trace))["cost_micro"] is None
    assert "counter reset" in call(shop, "replay", str(trace))[1]
    assert problem(shop, "replay", str(tmp_path / "none.csv"))["code"] == "trace"
    assert problem(shop, "replay", str(tariff))["code"] == "trace"
    assert problem(shop, "replay", str(trace), "--tariff", str(trace))["code"] == "tariff"
    assert problem(shop, "replay", str(trace), "--by", "year", code=2)["code"] == "wrong_use"


def test_the_time_recorded_is_not_the_clocks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOW, NOW, NOW, NOW])
    monkeypatch.setattr(shop, "now", lambda: next(times, NOW - timedelta(hours=2)))
    _, text = call(shop, "meter", "--for", "0", "--json")
    assert 0 <= json.loads(text.splitlines()[-1])["recorded_s"] < 60


def test_meter_records_until_its_time_is_over(shop: Shop) -> None:
    code, text = call(shop, "meter", "--for", "0", "--json")
    assert code == 0
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        check("meter", line)
    assert [line["event"] for line in lines] == ["started", "stopped"]
    assert shop.probe.closed
    assert shop.places.ledger_file.exists()
    lock = MeterLock(shop.places.meter_lock)
    assert lock.acquire()
    lock.release()
    assert not [t for t in threading.enumerate() if t.name in {"sampler", "recorder", "resident-watch"}]


def test_meter_tells_nothing_yet_from_no_sensor(shop: Shop) -> None:
    shop.machine.run = lambda _seconds: None  # type: ignore[method-assign]  # no time passes between the looks
    assert "Nothing was recorded yet" in call(shop, "meter", "--for", "0")[1]
    shop.probe.sample = lambda: replace(shop.machine.look(), devices=())  # type: ignore[method-assign]
    assert "No power sensor could be read" in call(shop, "meter", "--for", "0")[1]


def test_meter_says_when_another_process_records(shop: Shop) -> None:
    lock = MeterLock(shop.places.meter_lock)
    lock.acquire()
    said = problem(shop, "meter", "--for", "0")
    assert said["code"] == "recording"
    assert "records already" in said["message"]
    lock.release()


def test_fault_34_a_newer_ledger_stops_every_verb_politely(shop: Shop) -> None:
    import sqlite3

    with sqlite3.connect(shop.places.ledger_file) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    for words in (["cost"], ["export"], ["meter", "--for", "0"]):
        assert problem(shop, *words)["code"] == "ledger_newer"


def write(shop: Shop, *rows: EnergyRow, devices: tuple[DeviceInfo, ...] = ()) -> None:
    """Rows of today into the ledger, with the name of one model."""
    writer = open_ledger(shop.places.ledger_file, NOW).writer
    pending = Pending()
    pending.add(Batch(rows, models=(("sha256:q", "qwen3:8b"),), devices=devices))
    writer.write(pending)
    writer.close()


def today_row(
    minute: int,
    state: State,
    energy_mj: int,
    model: str | None = "sha256:q",
    tokens: int = 0,
    device: str = "g",
) -> EnergyRow:
    start = to_us(NOW - timedelta(hours=2)) // 60_000_000
    quality = Quality.ESTIMATED if device == "wall" else Quality.COUNTER
    return EnergyRow(LOCAL_HOST, start + minute, device, model, state, energy_mj, 60_000, quality, 5, tokens)


CARD = DeviceInfo(LOCAL_HOST, "g", "RTX 4090", "gpu", "nvidia", "board", "NVML", 0.05)


def test_an_undecided_share_is_a_dash_with_its_reason_and_the_way_to_learn_it(shop: Shop) -> None:
    rows = [today_row(m, State.UNATTRIBUTED, 3_600_000) for m in range(10)]
    write(shop, *rows, devices=(CARD,))
    answer = document(shop, "cost")
    assert answer["models"] == {"energy_mj": None, "cost_micro": None}
    assert answer["undecided_mj"] == 36_000_000
    assert "learned by itself" in answer["undecided_reason"]
    text = call(shop, "cost")[1]
    assert "models: –\n" in text
    assert "0.00" not in text
    assert "unload the model" in text
    write(shop, today_row(20, State.ACTIVE, 7_200_000), devices=(CARD,))
    known = document(shop, "cost")
    assert known["models"]["energy_mj"] == 7_200_000
    assert known["undecided_mj"] == 36_000_000, "beside it, in no sum of models"


def test_the_plug_is_in_the_sum_with_its_error_and_nothing_is_left_uncovered(shop: Shop) -> None:
    write(shop, *(today_row(m, State.BASE, 6_000_000, None) for m in range(10)), devices=(CARD,))
    parts = document(shop, "cost")
    assert (parts["error"], parts["not_covered"][-1]) == (0.05, "loss of the power supply")
    assert "Not in it: processor; rest of the computer" in call(shop, "cost")[1]
    way = DeviceInfo(LOCAL_HOST, "wall", "to the plug", "wall", "", "", "calibrated", 0.2)
    more = (today_row(m, State.BASE, 4_000_000, None, device="wall") for m in range(10))
    write(shop, *more, devices=(way,))
    whole = document(shop, "cost")
    assert whole["energy_mj"] == 100_000_000
    assert whole["error"] == pytest.approx(0.4 * 0.2)
    assert whole["not_covered"] == []
    text = call(shop, "cost")[1]
    assert "±8%" in text
    assert "Not in it" not in text


def test_the_price_of_tokens_is_the_same_in_text_and_document(shop: Shop) -> None:
    assert call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")[0] == 0
    write(
        shop,
        today_row(0, State.ACTIVE, 36_000_000, tokens=50_000),
        today_row(1, State.PARKED, 36_000_000),
        today_row(90, State.ACTIVE, 36_000_000),
        devices=(CARD,),
    )
    (model,) = document(shop, "cost")["tokens"]
    assert model["per_million"] == {"energy_mj": 2_160_000_000, "cost_micro": 216_000, "error": 0.05}
    assert model["per_million_working"]["cost_micro"] == 144_000
    assert model["counted_share"] == 0.5
    text = call(shop, "cost")[1]
    assert "≤ €0.22 ±0.01" in text
    assert "Of the time they answered alone: qwen3:8b ≤ €0.14 ±0.01." in text
    assert "tokens were counted in 50% of its work" in text


def own_files(shop: Shop) -> dict[str, bytes]:
    kept = (".sqlite3", ".json")  # what SQLite keeps beside the ledger comes with a look
    return {p.name: p.read_bytes() for p in shop.places.data.iterdir() if p.suffix in kept}


@pytest.mark.parametrize("option", ["--backup", "--output"])
@pytest.mark.parametrize(
    "name",
    [
        "ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3.reserve", "settings.json", "jobs.sqlite3",
        "jobs.sqlite3-shm", "tray.lock", "meter.lock", "wattlight.log.2", "tariff.json", "settings.json.bad",
        "ledger.sqlite3.replaced", "ledger.sqlite3.corrupt-20260301T120000", "ledger.sqlite3.before-v2",
    ],
)  # fmt: skip
def test_fault_64_an_export_never_goes_over_a_file_of_its_own(shop: Shop, option: str, name: str) -> None:
    fill(shop)
    (shop.places.data / "settings.json").write_text("{}")
    (shop.places.data / "x").mkdir()
    before = own_files(shop)
    for target in (shop.places.data / name, shop.places.data / "x" / ".." / name):
        assert problem(shop, "export", option, str(target), "--force")["code"] == "own_file"
    assert own_files(shop) == before


def test_a_second_name_of_the_ledger_is_the_ledger(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    (tmp_path / "x").mkdir()
    other = tmp_path / "x" / "rows.csv"
    other.hardlink_to(shop.places.ledger_file)
    assert problem(shop, "export", "--output", str(other), "--force")["code"] == "own_file"


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("option", ["--backup", "--output"])
def test_a_pipe_is_no_file_to_replace(shop: Shop, tmp_path: Path, option: str) -> None:
    fill(shop)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in problem(shop, "export", option, str(pipe), "--force")["message"]
    assert pipe.is_fifo()


@needs_links
@pytest.mark.parametrize("option", ["--backup", "--output"])
def test_files_beside_the_target_are_left_alone(shop: Shop, tmp_path: Path, option: str) -> None:
    fill(shop)
    other, target = tmp_path / "notes", tmp_path / "rows.csv"
    other.write_bytes(b"mine")
    for end in (".part", ".new", ".tmp"):
        target.with_name(target.name + end).symlink_to(other)
    document(shop, "export", option, str(target))
    assert other.read_bytes() == b"mine"
    assert len([p for p in tmp_path.iterdir() if p.is_symlink()]) == 3


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize(
    "words",
    [
        ("replay", "{}"), ("replay", "TRACE", "--tariff", "{}"), ("tariff", "check", "{}"),
        ("tariff", "set", "--file", "{}"), ("export", "--restore", "{}"),
        ("breakeven", "--prices", "{}"), ("hardware", "--trace-opens", "{}", "--sysroot", "FOLDER"),
    ],
)  # fmt: skip
def test_no_verb_waits_for_a_pipe(shop: Shop, tmp_path: Path, words: tuple[str, ...]) -> None:
    pipe, trace = tmp_path / "pipe", tmp_path / "trace.csv"
    os.mkfifo(pipe)
    trace.write_text("time_utc,device,power_w\n2026-03-01T10:00:00Z,g,5\n")
    named = {"TRACE": str(trace), "FOLDER": str(tmp_path)}
    words = tuple(named.get(word, word).replace("{}", str(pipe)) for word in words)
    problem(shop, *words, code=2 if words[0] == "breakeven" else 1)


@needs_links
def test_a_link_to_the_ledger_is_the_ledger(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    link = tmp_path / "copy.csv"
    link.symlink_to(shop.places.ledger_file)
    assert problem(shop, "export", "--output", str(link), "--force")["code"] == "own_file"
    assert document(shop, "cost")["energy_mj"] == DAY_MJ


def test_an_earlier_backup_stays_until_the_new_one_is_whole(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = tmp_path / "kept" / "b.sqlite3"
    backup.parent.mkdir()
    backup.write_bytes(b"the earlier one")
    assert problem(shop, "export", "--backup", str(backup), "--force")["code"] == "no_ledger"
    assert backup.read_bytes() == b"the earlier one"
    fill(shop)

    def full(_ledger: Path, target: Path) -> int:
        raise LedgerFull("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr("wattlight.cli.verb_export.back_up", full)
        assert problem(shop, "export", "--backup", str(backup), "--force")["code"] == "disk_full"
    assert backup.read_bytes() == b"the earlier one"
    assert document(shop, "export", "--backup", str(backup), "--force")["bytes"] == backup.stat().st_size
    assert backup.read_bytes().startswith(b"SQLite format 3")
    assert [p.name for p in backup.parent.iterdir()] == ["b.sqlite3"]


def test_a_folder_is_no_place_for_a_backup(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    (tmp_path / "folder").mkdir()
    assert problem(shop, "export", "--backup", str(tmp_path / "folder"), "--force")["code"] == "export"
    assert [p.name for p in tmp_path.iterdir() if "folder" in p.name] == ["folder"]


def test_what_a_steady_draw_takes_a_month(shop: Shop, tmp_path: Path) -> None:
    bare = document(shop, "cost", "--watts", "90", "--hours", "100")["steady"]
    assert (bare["energy_mj"], bare["cost_micro"], bare["price_from"]) == (32_400_000_000, None, None)
    assert "No price is set" in call(shop, "cost", "--watts", "90")[1]
    given = document(shop, "cost", "--watts", "90", "--price", "0.25", "--currency", "chf")["steady"]
    assert (given["hours"], given["cost_micro"], given["currency"]) == (730.5, 16_436_250, "CHF")
    file = tmp_path / "t.json"
    night = {"days": ["sat", "sun"], "price_per_kwh": "0.14"}
    period = {"price_per_kwh": "0.35", "standing_per_month": "11.5", "bands": [night]}
    file.write_text(json.dumps({"currency": "EUR", "timezone": "Europe/Berlin", "periods": [period]}))
    call(shop, "tariff", "set", "--file", str(file))
    found = document(shop, "cost", "--watts", "450", "--hours", "200")["steady"]
    assert (found["price_per_kwh"], found["price_from"]) == ("0.290000000", "tariff")  # five days and two
    assert (found["cost_micro"], found["standing_micro"]) == (26_100_000, 11_500_000)
    text = call(shop, "cost", "--watts", "450", "--hours", "200")[1]
    assert "450 W, 200 hours a month: €26.10 a month, 90.0 kWh." in text
    assert "at 0.29 EUR per kWh: your tariff, the mean of the last seven days" in text
    assert "standing charge: €11.50 a month, not in it (together €37.60)" in text
    assert "all month (730.5 hours)" in call(shop, "cost", "--watts", "450")[1]
    assert "450 W, 1 hour a month:" in call(shop, "cost", "--watts", "450", "--hours", "1")[1]
    assert "450 W, 1.5 hours a month:" in call(shop, "cost", "--watts", "450", "--hours", "1.5")[1]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--watts", "90", "--month", "2026-10"], 2, "A steady draw is worked out for any month"),
        (["--watts", "90", "--hours", "744.5"], 2, "A month has no 744.5 hours."),
        (["--watts", "90", "--hours", "800"], 2, "A month has no 800 hours."),
        (["--hours", "730"], 2, "What draws the power is not known."),
        (["--watts", "90", "--price", "0.2"], 2, "The currency of the price is not known."),
        (["--watts", "90", "--price", "0,2", "--currency", "EUR"], 2, "written with a comma"),
        (["--watts", "1,5"], 2, "is not a number of zero or more"),
        (["--watts=-5"], 2, "is not a number of zero or more"),
    ],
)
def test_a_steady_draw_asks_for_what_it_lacks(shop: Shop, words: list[str], code: int, sentence: str) -> None:
    assert sentence in problem(shop, "cost", *words, code=code)["message"]


@pytest.mark.parametrize("word", ["banana", "-1", "nan", "5m"])
def test_a_time_to_meter_is_seconds(shop: Shop, word: str) -> None:
    said = problem(shop, "meter", f"--for={word}", code=2)["message"]
    assert f"'{word}' is not a number of seconds" in said


def test_export_with_json_prints_json(shop: Shop) -> None:
    fill(shop)
    answer = document(shop, "export", "--month", "2026-03")
    assert sum(row["energy_mj"] for row in answer["rows"]) == 6 * DAY_MJ
    assert call(shop, "export", "--month", "2026-03", "--json", "--format", "csv")[1].startswith("start_utc,")


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--from", "x"),
        ("cost", "--month", "2026-13"),
        ("power", "--count", "3"),
        ("tariff", "set", "--price", "free", "--currency", "EUR"),
        ("breakeven",),
        ("breakeven", "--calls", "1", "--tokens-in", "1", "--price", "x"),
    ],
)
def test_wrong_use_is_2_everywhere(shop: Shop, words: tuple[str, ...]) -> None:
    problem(shop, *words, code=2)


def test_a_dash_is_the_standard_input(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    given("time_utc,device,power_w\n2026-03-01T10:00:00Z,g,5\n2026-03-01T10:00:10Z,g,5\n")
    assert document(shop, "replay", "-")["energy_mj"] == 50_000
    given('{"schema": 1, "currency": "EUR", "timezone": "UTC", "periods": []}')
    assert "price" in str(problem(shop, "tariff", "check", "-")).lower()


def with_processor(shop: Shop, level_uw: int | None) -> None:
    """A processor beside the card, and what the meter has learned of its idle draw."""
    processor = part("CPU", 50.0, "cpu", Scope.PACKAGE)
    shop.machine.extra = (processor,)
    levels = [LevelRow(LOCAL_HOST, "GPU-1", (), 15_000_000, to_us(NOW), 300)]
    levels += [] if level_uw is None else [LevelRow(LOCAL_HOST, "CPU", (), level_uw, to_us(NOW), 300)]
    with_rows = Batch(
        devices=(
            DeviceInfo(LOCAL_HOST, "GPU-1", "Card", "gpu", ""),
            DeviceInfo(LOCAL_HOST, "CPU", "", "cpu", ""),
        ),
        levels=tuple(levels),
    )
    pending = Pending()
    pending.add(with_rows)
    writer = open_ledger(shop.places.ledger_file, NOW).writer
    writer.write(pending)
    writer.close()


def test_power_by_program_sums_to_the_measured_parts(shop: Shop) -> None:
    with_processor(shop, 10_000_000)
    code, text = call(shop, "power", "--by", "program", "--interval", "0.2", "--json")
    assert code == 0
    document = json.loads(text)
    jsonschema.validate(document, json.loads((SCHEMAS / "power.json").read_text(encoding="utf-8")))
    programs = document["programs"]
    assert programs["by"] == [
        {"name": "game", "power_w": 20.0, "model_server": False},
        {"name": "browser", "power_w": 10.0, "model_server": False},
    ]
    assert (programs["at_rest_w"], programs["rest_w"], programs["not_divided_w"]) == (25.0, 15.0, 0.0)
    drawn = sum(line["power_w"] for line in programs["by"])
    assert drawn + 25.0 + 15.0 == document["total"]["measured_w"] == 70.0
    code, text = call(shop, "power", "--by", "program", "--interval", "0.2")
    assert code == 0
    assert "game" in text.splitlines()[0]
    assert "measured parts together" in text
    assert "±40%" in text


def test_power_by_program_says_what_cannot_be_divided(shop: Shop) -> None:
    with_processor(shop, None)
    _, text = call(shop, "power", "--by", "program", "--interval", "0.2")
    assert "not divided yet" in text
    assert "no idle level is known" in " ".join(text.split())
    code, _ = call(shop, "power", "--by", "program", "--watch")
    assert code == 2
