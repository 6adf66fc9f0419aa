"""A meter on another computer: it answers whoever has the token, and its ledger is carried here by host,
each hour once, whatever came between."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fakes.metering import part
from wattlight import start_thread
from wattlight.domain.energy import Batch, DeviceInfo, EnergyRow, State
from wattlight.domain.power import MachineSample
from wattlight.domain.tariff import parse_tariff
from wattlight.domain.values import LOCAL_HOST, HostId, MachineProfile, Problem, Quality
from wattlight.services.costs import cost_by_host
from wattlight.services.far_meter import FarLedger, FarProblem, MeterPage, listening_at, merge, open_far
from wattlight.services.far_meter.merging import host_costs
from wattlight.services.metering.days import close_days, tariff_key
from wattlight.store import (
    LedgerProblem,
    LedgerReader,
    LedgerWriter,
    Pending,
    known_months,
    make_instance,
    open_ledger,
    open_reader,
    read_shipment,
    replace_hours,
    set_watermark,
)
from wattlight.web import Endpoint

TOWER = HostId("tower")
TOKEN = "Zq9xmetertoken71Yw"
ZONE = ZoneInfo("UTC")
HOUR = 497_000
NOW = datetime.fromtimestamp((HOUR + 400) * 3600, UTC)
GPU = DeviceInfo(LOCAL_HOST, "gpu", "RTX 4090", "gpu", "nvidia", "board", "nvml", 0.05)


PRICED = {
    "currency": "EUR",
    "timezone": "UTC",
    "periods": [
        {
            "from": "2020-01-01",
            "price_per_kwh": "0.39",
            "bands": [{"start": "22:00", "end": "06:00", "price_per_kwh": "0.28"}],
        }
    ],
}


class Ledger:
    """A ledger in a file, its one writer, and what is done with both."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.writer: LedgerWriter = open_ledger(file, NOW).writer
        make_instance(self.writer)

    def record(self, hour: int, mj: int, model: str | None = "qwen3:8b", minute: int = 0) -> None:
        state = State.BASE if model is None else State.ACTIVE
        at = hour * 60 + minute
        digest = None if model is None else f"d-{model}"
        pending = Pending()
        pending.add(
            Batch(
                (EnergyRow(LOCAL_HOST, at, "gpu", digest, state, mj, 60_000, Quality.COUNTER, 3, 7),),
                ((LOCAL_HOST, at, 60_000),),
                devices=(GPU,),
                models=() if model is None else ((f"d-{model}", model),),
            )
        )
        self.writer.write(pending)

    def reader(self) -> LedgerReader:
        return open_reader(self.file)

    def write(self, errand: Callable[[LedgerWriter], object]) -> bool:
        errand(self.writer)
        return True

    def energy(self, host: HostId = LOCAL_HOST) -> int:
        with closing(self.reader()) as reader:
            return sum(bucket.energy_mj for bucket in reader.buckets(0, 2**60, host))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "there.db")
    yield made
    made.writer.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "here.db")
    yield made
    made.writer.close()


def sample() -> MachineSample:
    return MachineSample(LOCAL_HOST, NOW, 1.0, (part("gpu", 212.5, name="RTX 4090"),))


def page_of(there: Ledger, tls: tuple[Path, Path] | None = None) -> MeterPage:
    profile = MachineProfile("tower", "Linux", 64 << 30, 32 << 30)
    place = Endpoint("http" if tls is None else "https", "127.0.0.1", 0)
    return MeterPage(place, TOKEN, there.reader, sample, lambda: profile, start_thread, tls)


@pytest.fixture
def page(there: Ledger) -> Iterator[MeterPage]:
    made = page_of(there)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def far(page: MeterPage) -> FarLedger:
    return open_far(page.url, "Tower", TOKEN, {})


def carry(far: FarLedger, here: Ledger, host: HostId = TOWER) -> int:
    with closing(here.reader()) as reader:
        return merge(far, far.state(), host, reader, here.write, NOW.timestamp())


def test_the_state_tells_watts_parts_and_the_machine(far: FarLedger, there: Ledger) -> None:
    there.record(HOUR, 100)
    state = far.state()
    assert (state.power_w, state.parts, state.first_hour, state.last_hour) == (
        212.5,
        ("RTX 4090",),
        HOUR,
        HOUR,
    )
    assert state.profile is not None and state.profile.name == "tower"
    assert state.instance


def test_rows_are_carried_once_and_gaps_are_filled_later(far: FarLedger, there: Ledger, here: Ledger) -> None:
    here.record(HOUR, 11)
    for hour in range(30):
        there.record(HOUR + hour, 1000 + hour, minute=hour)
    assert carry(far, here) == 30
    assert here.energy(TOWER) == there.energy()
    assert carry(far, here) == 0, "what is the same is not fetched again"
    assert here.energy(TOWER) == there.energy()
    there.record(HOUR + 29, 5, minute=29)  # the same minute goes on
    there.record(HOUR + 20, 7, model=None, minute=59)  # a counter that bridged a gap comes late
    there.record(HOUR + 60, 9)  # it was away, and comes back
    assert carry(far, here) == 3
    assert here.energy(TOWER) == there.energy()
    assert here.energy() == 11, "this computer's own rows are its own"


def test_minutes_that_became_quarter_hours_are_the_same_hours(
    far: FarLedger, there: Ledger, here: Ledger
) -> None:
    for minute in range(60):
        there.record(HOUR, 10, minute=minute)
    assert carry(far, here) == 1
    there.writer.roll_up(round((HOUR + 24 * 30) * 3.6e9))
    assert carry(far, here) == 0
    here.writer.roll_up(round((HOUR + 24 * 30) * 3.6e9))
    assert carry(far, here) == 0
    there.record(HOUR + 1, 4)
    assert carry(far, here) == 1
    assert here.energy(TOWER) == there.energy() == 604


def test_what_was_deleted_here_stays_deleted(far: FarLedger, there: Ledger, here: Ledger) -> None:
    for hour in range(5):
        there.record(HOUR + hour, 1000)
    carry(far, here)
    on_its_way = far.hours(TOWER, HOUR, HOUR + 8)
    now = datetime.fromtimestamp((HOUR + 4) * 3600 + 1800, UTC)
    here.writer.purge(now)
    assert carry(far, here) == 0 and here.energy(TOWER) == 0
    replace_hours(here.writer, TOWER, on_its_way)
    assert here.energy(TOWER) == 0, "a shipment that was on its way brings nothing back"
    there.record(HOUR + 3, 7, minute=50)  # a late row of a deleted hour
    there.record(HOUR + 5, 40)
    assert carry(far, here) == 1 and here.energy(TOWER) == 40, "what is recorded from then on is carried"
    assert carry(far, here) == 0


def test_a_cut_merge_goes_on_where_it_was(far: FarLedger, there: Ledger, here: Ledger) -> None:
    for hour in (0, 5, 9):
        there.record(HOUR + hour, 100)
    written = []

    def once(errand: Callable[[LedgerWriter], object]) -> bool:
        written.append(errand)
        return len(written) == 1 and here.write(errand)

    with closing(here.reader()) as reader, pytest.raises(FarProblem):
        merge(far, far.state(), TOWER, reader, once, NOW.timestamp())
    assert here.energy(TOWER) == 100
    assert carry(far, here) == 2
    assert here.energy(TOWER) == 300


def test_one_ledger_is_counted_under_one_host_alone(far: FarLedger, there: Ledger, here: Ledger) -> None:
    there.record(HOUR, 100)
    carry(far, here)
    with pytest.raises(FarProblem, match="counted already, as those of tower"):
        carry(far, here, HostId("again"))
    with pytest.raises(FarProblem, match="the one of this computer"):
        carry(far, there)
    assert here.energy(HostId("again")) == 0


def test_a_new_ledger_there_leaves_what_was_recorded_of_the_old(
    far: FarLedger, there: Ledger, here: Ledger, tmp_path: Path
) -> None:
    there.record(HOUR, 100)
    carry(far, here)
    other = Ledger(tmp_path / "new.db")
    other.record(HOUR + 10, 50)
    page = page_of(other)
    page.start()
    try:
        assert carry(open_far(page.url, "Tower", TOKEN, {}), here) == 1
    finally:
        page.stop()
        other.writer.close()
    assert here.energy(TOWER) == 150


def test_a_name_from_there_renames_no_model_here(far: FarLedger, there: Ledger, here: Ledger) -> None:
    here.record(HOUR, 11, "mine")
    there.record(HOUR, 100, "mine")
    there.writer.connection.execute("UPDATE model SET name = 'yours'")
    carry(far, here)
    with closing(here.reader()) as reader:
        assert {b.model for b in reader.buckets(0, 2**60)} == {"mine"}


def test_costs_of_a_host_and_of_all_together(far: FarLedger, there: Ledger, here: Ledger) -> None:
    here.record(HOUR, 3_600_000)
    there.record(HOUR, 7_200_000)
    carry(far, here)
    close_days(here.writer, None, round((HOUR + 48) * 3.6e9), ZONE)
    now_us = round((HOUR + 1) * 3.6e9)
    with closing(here.reader()) as reader:
        today, month = host_costs(reader, TOWER, None, ZONE, now_us)
        assert (today.energy_mj, month.models.energy_mj) == (7_200_000, 7_200_000)
        day = datetime.fromtimestamp(HOUR * 3600, UTC).date()
        report = cost_by_host(reader, None, ZONE, day, day, {LOCAL_HOST: "Here", TOWER: "Tower"}, now_us)
    assert [(line.key, line.energy_mj) for line in report.breakdown] == [
        ("Here", 3_600_000),
        ("Tower", 7_200_000),
    ]
    assert report.energy_mj == 10_800_000
    assert report.error_fraction == pytest.approx(0.05 * (1 + 4) ** 0.5 / 3)
    first, last = (datetime.fromtimestamp((HOUR + 24 * d) * 3600, UTC).date() for d in (-70, 40))
    priced = parse_tariff(PRICED)
    there.record(HOUR - 24 * 33, 5_400_000)
    there.record(HOUR - 24 * 33 + 9, 1_800_000, None)
    set_watermark(here.writer, TOWER, ("another", 0))  # as before the first merge
    carry(far, here)
    with closing(here.reader()) as reader:
        before = cost_by_host(reader, priced, ZONE, first, last, {}, now_us)
    close_days(here.writer, priced, round((HOUR + 24 * 50) * 3.6e9), ZONE)
    assert known_months(LedgerReader(here.writer.connection, owns=False), TOWER)
    with closing(here.reader()) as reader:
        after = cost_by_host(reader, priced, ZONE, first, last, {}, now_us)
    assert after == before, "sums of whole months are the sums of their days"
    assert after.cost_micro
    there.record(HOUR - 30, 60_000, minute=5)  # late, into a day that was closed
    carry(far, here)
    with closing(here.reader()) as reader:
        late = cost_by_host(reader, priced, ZONE, first, last, {}, now_us)
    assert late.energy_mj == after.energy_mj + 60_000
    key = tariff_key(priced, ZONE)
    there.record(HOUR, 1000, minute=30)  # a closed day of that host changes
    carry(far, here)
    with closing(here.reader()) as reader:
        assert reader.closed_days(key, day.isoformat(), day.isoformat(), TOWER)[0] == {}
        assert reader.closed_days(key, day.isoformat(), day.isoformat(), LOCAL_HOST)[0] != {}


def ask(url: str, head: str) -> tuple[int, bytes]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as sock:
        sock.sendall(head.encode())
        data = b""
        while piece := sock.recv(65536):
            data += piece
    return int(data.split()[1]), data


@pytest.mark.parametrize(
    ("request_line", "token", "status"),
    [
        ("GET /v1/state", "", 401),
        ("GET /v1/state", "Bearer wrong", 401),
        ("GET /v1/state", f"Basic {TOKEN}", 401),
        ("POST /v1/state", f"Bearer {TOKEN}", 501),
        ("DELETE /v1/hours?from=1&to=2", f"Bearer {TOKEN}", 501),
        ("GET /v1/else", f"Bearer {TOKEN}", 404),
        ("GET /v1/hours", f"Bearer {TOKEN}", 400),
        ("GET /v1/hours?from=9&to=2", f"Bearer {TOKEN}", 400),
        ("GET /v1/marks?from=0&to=99999999", f"Bearer {TOKEN}", 400),
        ("GET /v1/marks?from=x&to=y", f"Bearer {TOKEN}", 400),
        ("GET /v1/state", f"Bearer {TOKEN}", 200),
    ],
)
def test_only_questions_with_the_token_are_answered(
    page: MeterPage, request_line: str, token: str, status: int
) -> None:
    said, data = ask(page.url, f"{request_line} HTTP/1.0\r\nAuthorization: {token}\r\n\r\n")
    assert said == status
    assert TOKEN.encode() not in data


def test_whoever_hangs_keeps_nobody_else_out(page: MeterPage, far: FarLedger) -> None:
    port = int(page.url.rpartition(":")[2])
    hanging = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(3)]
    try:
        began = time.monotonic()
        assert far.state().instance
        assert time.monotonic() - began < 2
    finally:
        for sock in hanging:
            sock.close()


@pytest.mark.parametrize(
    ("text", "encrypted", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:9189"),
        ("127.0.0.1:7000", False, "http://127.0.0.1:7000"),
        ("[::1]:7000", False, "http://[::1]:7000"),
        ("7000", False, "http://127.0.0.1:7000"),
        ("0.0.0.0:7000", True, "https://0.0.0.0:7000"),
        ("192.168.1.5:7000", True, "https://192.168.1.5:7000"),
        ("0.0.0.0:7000", False, None),
        ("192.168.1.5:7000", False, None),
    ],
)
def test_without_encryption_only_this_computer_is_answered(
    text: str, encrypted: bool, url: str | None
) -> None:
    if url is None:
        with pytest.raises(Problem, match="not encrypted"):
            listening_at(text, encrypted)
    else:
        assert listening_at(text, encrypted).url == url


def test_a_token_is_never_sent_where_it_can_be_read() -> None:
    with pytest.raises(FarProblem, match="only sent over https"):
        open_far("http://box.lan:9189", "Box", TOKEN, {})


GOOD = {
    "first": HOUR,
    "end": HOUR + 1,
    "devices": [["gpu", "RTX", "gpu", "nvidia", "board", "nvml", 0.05]],
    "models": [["d1", "qwen"]],
    "minutes": [[HOUR * 60, "gpu", "d1", 2, 100, 60_000, 1, 0, 0]],
    "quarters": [],
    "minute_presence": [[HOUR * 60, 60_000]],
    "quarter_presence": [],
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": HOUR + 1},
        {"end": HOUR},
        {"end": HOUR + 9},
        {"end": True},
        {"minutes": [[HOUR * 60 + 60, "gpu", "d1", 2, 100, 60_000, 1, 0, 0]]},
        {"minutes": [[HOUR * 60, "gpu", "d1", 9, 100, 60_000, 1, 0, 0]]},
        {"minutes": [[HOUR * 60, "gpu", "d1", 2, 1e300, 60_000, 1, 0, 0]]},
        {"minutes": [[HOUR * 60, "gpu", "d1", 2, 100, 10**9, 1, 0, 0]]},
        {"minutes": [[HOUR * 60, 7, "d1", 2, 100, 60_000, 1, 0, 0]]},
        {"minutes": {}},
        {"minutes": [[]]},
        {"devices": [["gpu"]]},
        {"devices": [["gpu", "RTX", "gpu", "nvidia", "board", "nvml", "much"]]},
        {"models": [["d1"]]},
        {"minute_presence": [[HOUR * 60, -1]]},
    ],
)
def test_what_cannot_be_is_refused_whole(wrong: dict[str, object]) -> None:
    assert read_shipment(GOOD, TOWER, HOUR, HOUR + 4).end == HOUR + 1
    with pytest.raises(LedgerProblem):
        read_shipment({**GOOD, **wrong}, TOWER, HOUR, HOUR + 4)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here to make a certificate")
def test_over_tls_a_certificate_that_is_known_is_taken_and_another_is_refused(
    there: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.record(HOUR, 100)
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
    made = subprocess.run(
        [*command.split(), "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    page = page_of(there, (certificate, key))
    page.start()
    try:
        with pytest.raises(FarProblem, match="could not be verified"):
            open_far(page.url, "Tower", TOKEN, {}).state()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert open_far(page.url, "Tower", TOKEN, {}).state().first_hour == HOUR
    finally:
        page.stop()
    with pytest.raises(Problem, match="cannot be used"):
        page_of(there, (key, key)).start()


def test_by_model_and_host_the_same_is_said(far: FarLedger, there: Ledger, here: Ledger) -> None:
    there.record(HOUR, 500, "qwen3:8b")
    there.record(HOUR, 300, None, minute=1)
    carry(far, here)
    with closing(here.reader()) as reader:
        report = host_costs(reader, TOWER, None, ZONE, round((HOUR + 1) * 3.6e9))[0]
    assert {line.key: line.energy_mj for line in report.breakdown} == {"qwen3:8b": 500, "base": 300}
    assert report.models.tokens_out == 7
