"""Several hosts: what watching them costs, how soon a dead one is noticed, a merged year."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from wattlight.domain.servers import ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId, to_us
from wattlight.services.costs import cost_by_host
from wattlight.services.current import Servers
from wattlight.services.metering import close_days
from wattlight.services.models import ServerWatches
from wattlight.settings import ServerAddress
from wattlight.store import open_ledger, open_reader

from .test_meter import NOW, TARIFF, UTC_ZONE, WHOLE, best, year

__all__ = ["year"]
pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

CPU_SHARE = 0.002
NOTICED_S = 5.0
MERGED_MS = 60
WATCHED_S = 45.0

SERVER = """
import asyncio, json, sys
MODEL = {"name": "qwen3:8b", "model": "qwen3:8b", "digest": "d" * 64, "size": 5200000000,
         "details": {"family": "qwen3", "parameter_size": "8.2B", "quantization_level": "Q4_K_M"}}
LOADED = {**MODEL, "size_vram": 5200000000, "context_length": 8192, "expires_at": "2099-01-01T00:00:00Z"}
ANSWERS = {"/api/version": {"version": "0.24.0"}, "/api/tags": {"models": [MODEL] * 20},
           "/api/ps": {"models": [LOADED]}}
async def answer(reader, writer):
    while True:
        try:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
        except asyncio.IncompleteReadError:
            return writer.close()
        body = json.dumps(ANSWERS.get(head.split()[1].decode(), {})).encode()
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json; charset=utf-8\\r\\n"
                     b"Date: Tue, 01 Dec 2026 00:00:00 GMT\\r\\n"
                     b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
        await writer.drain()
        if b"close" in head:
            return writer.close()
async def main():
    servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for _ in range(int(sys.argv[1]))]
    print(json.dumps([s.sockets[0].getsockname()[1] for s in servers]), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def servers_elsewhere(count: int) -> Iterator[tuple[list[ServerAddress], "subprocess.Popen[str]"]]:
    """So many servers in another process, whose CPU time is not ours."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(count)], stdout=subprocess.PIPE, text=True
    ) as made:
        assert made.stdout is not None
        ports = json.loads(made.stdout.readline())
        try:
            yield (
                [
                    ServerAddress(HostId(f"host-{i}"), f"Host {i}", f"http://127.0.0.1:{port}")
                    for i, port in enumerate(ports)
                ],
                made,
            )
        finally:
            made.kill()


class Watched:
    """The watches over the servers at some addresses, with what they published."""

    def __init__(self, addresses: list[ServerAddress]) -> None:
        self.seen: dict[HostId, list[tuple[float, ServerState]]] = {a.host: [] for a in addresses}
        self.watches = ServerWatches(Servers(tuple(addresses), {}), self.publish)

    def publish(self, host: HostId, state: ServerState) -> None:
        self.seen[host].append((time.monotonic(), state))

    def cpu_share(self, seconds: float) -> float:
        """Of one core, after the first look at each."""
        while not all(self.seen.values()):
            time.sleep(0.05)
        began, cpu = time.monotonic(), time.process_time()
        time.sleep(seconds)
        return (time.process_time() - cpu) / (time.monotonic() - began)


@pytest.mark.parametrize("count", [10, 50])
def test_watching_healthy_hosts(count: int) -> None:
    with servers_elsewhere(count) as (addresses, _):
        watched = Watched(addresses)
        before = threading.active_count()
        watched.watches.start()
        try:
            hidden = watched.cpu_share(WATCHED_S)
            watched.watches.set_shown(True)
            shown = watched.cpu_share(WATCHED_S)
            threads = threading.active_count() - before
        finally:
            assert watched.watches.stop()
    looks = sum(len(states) for states in watched.seen.values())
    print(
        f"\n{count} hosts: {hidden:.3%} of a core while nobody looks, {shown:.3%} while somebody does; "
        f"{looks} looks, {threads} threads"
    )
    assert all(states[-1][1].status is ServerStatus.READY for states in watched.seen.values())
    assert hidden <= CPU_SHARE * max(1, count / 10)
    assert shown <= CPU_SHARE * max(1, count / 10)
    assert threads <= count


@pytest.mark.skipif(sys.platform == "win32", reason="a process is stopped by a signal")
@pytest.mark.parametrize(
    ("how", "shown"), [(signal.SIGSTOP, True), (signal.SIGKILL, True), (signal.SIGKILL, False)]
)
def test_a_dead_host_is_noticed(how: signal.Signals, shown: bool) -> None:
    with servers_elsewhere(9) as (healthy, _), servers_elsewhere(1) as ((one,), process):
        watched = Watched([*healthy, ServerAddress(HostId("dying"), "Dying", one.url)])
        watched.watches.set_shown(shown)
        watched.watches.start()
        try:
            watched.cpu_share(2.0)
            os.kill(process.pid, how)
            died = time.monotonic()
            while watched.seen[HostId("dying")][-1][1].status is ServerStatus.READY:
                assert time.monotonic() - died < 20
                time.sleep(0.02)
            noticed = watched.seen[HostId("dying")][-1][0] - died
            others = [at for a in healthy for at, _ in watched.seen[a.host] if at > died - 16]
        finally:
            stopped = watched.watches.stop()
            os.kill(process.pid, signal.SIGCONT) if how is signal.SIGSTOP else None
    seen = "shown" if shown else "hidden"
    print(f"\n{how.name}, {seen}: noticed after {noticed:.2f} s, {len(others)} looks at the others")
    assert stopped, "a server that hangs ends with its watch"
    assert noticed <= NOTICED_S
    assert others


@pytest.fixture(scope="module")
def ten_years(year: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same year of ten hosts, in one ledger."""
    file = tmp_path_factory.mktemp("ten") / "ledger.sqlite3"
    file.write_bytes(year.read_bytes())
    writer = open_ledger(file, NOW).writer
    run = writer.connection.execute
    run("BEGIN")
    for number in range(1, 10):
        host = f"host-{number}"
        run(
            "INSERT INTO device (host, key, name, kind, vendor, scope, source, error) "
            "SELECT ?, key, name, kind, vendor, scope, source, error FROM device WHERE host = ?",
            (host, LOCAL_HOST),
        )
        same = (
            "JOIN device AS old ON old.id = {0}.device AND old.host = ? "
            "JOIN device AS new ON new.key = old.key AND new.host = ?"
        )
        for table in ("minute", "quarter"):
            run(
                f"INSERT INTO {table} SELECT start, new.id, model, state, energy_mj, observed_ms, quality, "
                f"tokens_in, tokens_out FROM {table} {same.format(table)}",
                (LOCAL_HOST, host),
            )
        run(
            "INSERT INTO day SELECT day, ?, new.id, model, state, price, fallback, energy_mj, observed_ms, "
            f"quality, tokens_in, tokens_out FROM day {same.format('day')} WHERE day.host = ?",
            (host, LOCAL_HOST, host, LOCAL_HOST),
        )
        for table, columns in (
            ("presence", "start, observed_ms"),
            ("presence_quarter", "start, observed_ms"),
        ):
            run(f"INSERT INTO {table} SELECT ?, {columns} FROM {table} WHERE host = ?", (host, LOCAL_HOST))
        run(
            "INSERT INTO day_closed SELECT day, ?, end_us, observed_ms FROM day_closed WHERE host = ?",
            (host, LOCAL_HOST),
        )
    run("COMMIT")
    close_days(writer, TARIFF, to_us(NOW), UTC_ZONE)
    run("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.close()
    return file


def test_a_merged_year_of_ten_hosts(ten_years: Path) -> None:
    names = {HostId(f"host-{i}"): f"Host {i}" for i in range(10)}

    def answer() -> int:
        with closing(open_reader(ten_years)) as reader:
            report = cost_by_host(reader, TARIFF, UTC_ZONE, *WHOLE, names, to_us(NOW))
        assert len(report.breakdown) == 10
        return report.energy_mj

    energy = answer()
    took = best(answer) * 1000
    print(f"\na merged year of ten hosts: {took:.1f} ms CPU, {ten_years.stat().st_size / 1e6:.0f} MB")
    assert energy > 0
    assert took <= MERGED_MS
