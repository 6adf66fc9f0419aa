"""The card's steps: read, plan, write and restart, for each kind of place; and what a log tells."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fakes import made_up_day
from fakes.fake_ollama import FakeOllama
from fakes.systems import needs_systemd
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import ServerStatus
from wattlight.probes import server_log
from wattlight.runtime import cache_types, weights_file
from wattlight.services.answers import Extras
from wattlight.services.current import CurrentSettings
from wattlight.services.factory import ServiceFactory
from wattlight.services.server_settings import StartedBy
from wattlight.services.server_variables import ServerVariables, VariableRow, VariablesNow, caches_in_force
from wattlight.settings import ServerValue, Settings

CONFIG = 'time=x level=INFO source=routes.go:1 msg="server config" env="map[{}]"\n'


class Bench:
    """A computer in a folder, with the card's service on it."""

    def __init__(self, tmp_path: Path, settings: Settings | None = None, host: str = "") -> None:
        self.home = tmp_path / "home"
        self.bin = tmp_path / "bin"
        for folder in (self.home, self.bin):
            folder.mkdir()
        environ = {"HOME": str(self.home), "PATH": str(self.bin), "WATTLIGHT_HOME": str(tmp_path / "w")}
        environ |= {"LOCALAPPDATA": str(self.home)}
        environ |= {"OLLAMA_HOST": host} if host else {}
        self.factory = ServiceFactory(environ)
        self.settings = CurrentSettings(settings or Settings(), environ)
        self.asked: list[str] = []
        self.restarts = 0
        guide = cast(Any, SimpleNamespace(restart_server=self._restart))
        self.card = ServerVariables(self.factory, self.settings, guide, self._save, self.asked.append)

    def _restart(self) -> None:
        self.restarts += 1

    def _save(self, before: Settings, after: Settings) -> None:
        assert before == self.settings.value
        self.settings.replace(after)

    def service(self) -> Path:
        unit = self.home / ".config/systemd/user/ollama.service"
        unit.parent.mkdir(parents=True)
        unit.write_text("[Service]\nExecStart=ollama serve\n")
        return unit.with_name("ollama.service.d") / "wattlight.conf"

    def program(self, name: str, body: str) -> Path:
        said, file = self.bin / f"{name}.calls", self.bin / name
        file.write_text(f'#!/bin/sh\necho "$*" >> {said}\n{body}\n')
        file.chmod(0o755)
        return said

    def do(
        self, step: Callable[[Command], None], model: str = "", text: str = "", number: int | None = None
    ) -> VariablesNow:
        step(Command(Verb.READ_VARIABLES, model, text=text, number=number))
        assert self.asked.pop() == "variables"
        found = self.card.answer(Extras()).variables
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def row(now: VariablesNow, name: str) -> VariableRow:
    return next(row for row in now.rows if row.name == name)


@pytest.mark.parametrize(
    ("ours", "now", "as_set", "usual"),
    [
        (None, "1", None, True),
        (None, "4", None, False),
        ("4", "4", True, False),
        ("4", "1", False, False),
        ("4", None, None, False),
        (None, None, None, True),
    ],
)
def test_what_a_row_says(ours: str | None, now: str | None, as_set: bool | None, usual: bool) -> None:
    made = VariableRow("OLLAMA_NUM_PARALLEL", ours, now)
    assert (made.as_set, made.is_usual) == (as_set, usual)


@needs_systemd
def test_a_service_of_this_account_is_planned_written_and_started_again(bench: Bench) -> None:
    file = bench.service()
    said = bench.program("systemctl", "")
    planned = bench.do(bench.card.plan, "OLLAMA_NUM_PARALLEL", "3")
    planned = bench.do(bench.card.plan, "OLLAMA_LOAD_TIMEOUT", "9m")
    assert planned.planned is not None
    assert [line for line in planned.planned.diff if "Environment" in line] == [
        '+Environment="OLLAMA_NUM_PARALLEL=3"',
        '+Environment="OLLAMA_LOAD_TIMEOUT=9m"',
    ]
    assert not file.exists()
    written = bench.do(bench.card.write)
    assert (written.planned, written.restart_due) == (None, True)
    assert row(written, "OLLAMA_LOAD_TIMEOUT").ours == "9m"
    assert "Environment" in file.read_text()
    again = bench.do(bench.card.restart)
    assert not again.restart_due
    assert said.read_text().split("\n")[1] == "--user restart ollama"
    bench.do(bench.card.plan, "OLLAMA_LOAD_TIMEOUT", number=1)
    assert row(bench.do(bench.card.write), "OLLAMA_LOAD_TIMEOUT").ours is None


def test_a_plan_can_be_dropped_and_a_bad_one_leaves_the_one_before(bench: Bench) -> None:
    bench.service()
    bench.do(bench.card.plan, "OLLAMA_NUM_PARALLEL", "3")
    bad = bench.do(bench.card.plan, "OLLAMA_MAX_QUEUE", "many")
    assert bad.bad
    assert "cannot be" in bad.said
    assert bad.planned is not None
    assert not any("MAX_QUEUE" in line for line in bad.planned.diff)
    assert bench.do(bench.card.drop).planned is None
    assert bench.do(bench.card.write).restart_due is False, "nothing waits, nothing is written"


def test_a_server_of_ours_keeps_them_in_the_settings(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Settings(start_server=True, server_values=(ServerValue("OLLAMA_DEBUG", "1"),)))
    if sys.platform in {"win32", "darwin"}:  # there Ollama's own program is taken to start it until ours runs
        bench.factory.places.state.mkdir(parents=True)
        (bench.factory.places.state / "managed-server.json").write_text("{}")
    now = bench.do(bench.card.plan, "OLLAMA_SCHED_SPREAD", "1")
    assert now.place.kind is StartedBy.MANAGED
    assert now.planned is not None
    assert "+OLLAMA_SCHED_SPREAD=1" in now.planned.diff
    bench.do(bench.card.plan, "OLLAMA_DEBUG", number=1)
    assert bench.do(bench.card.write).restart_due
    assert bench.settings.value.server_values == (ServerValue("OLLAMA_SCHED_SPREAD", "1"),)
    bench.do(bench.card.restart)
    assert bench.restarts == 1


@needs_systemd
def test_by_hand_only_commands_are_shown_and_nothing_is_restarted(bench: Bench) -> None:
    now = bench.do(bench.card.plan, "OLLAMA_SCHED_SPREAD", "1")
    assert now.planned is not None
    assert "export OLLAMA_SCHED_SPREAD=1" in now.planned.commands
    assert not bench.do(bench.card.write).restart_due
    bench.do(bench.card.restart)
    assert bench.restarts == 0


@needs_systemd
def test_what_cannot_be_written_or_restarted_is_said(bench: Bench) -> None:
    file = bench.service()
    file.parent.write_text("a file where the folder should be")
    assert "cannot be used" in bench.do(bench.card.plan, "OLLAMA_NUM_PARALLEL", "3").said
    file.parent.unlink()
    again = bench.do(bench.card.restart)
    assert again.bad
    assert "was not started again" in again.said


@needs_systemd
def test_the_log_of_a_service_is_its_journal(bench: Bench) -> None:
    bench.service()
    (bench.home / ".ollama/logs").mkdir(parents=True)
    (bench.home / ".ollama/logs/server.log").write_text(CONFIG.format("OLLAMA_MAX_QUEUE:7"))
    assert row(bench.do(bench.card.read), "OLLAMA_MAX_QUEUE").now == "7"
    said = bench.program("journalctl", f"echo '{CONFIG.format('OLLAMA_MAX_QUEUE:64 OLLAMA_DEBUG:INFO')}'")
    now = bench.do(bench.card.read)
    assert (now.told, row(now, "OLLAMA_MAX_QUEUE").now) == (True, "64")
    assert "--user -u ollama" in said.read_text()
    assert caches_in_force(bench.factory, Settings(), ()) == {}
    bench.program("journalctl", "exit 1")
    assert row(bench.do(bench.card.read), "OLLAMA_MAX_QUEUE").now == "7"


def test_a_server_that_comes_up_is_read_anew_once_somebody_has_looked(bench: Bench) -> None:
    def state(status: ServerStatus) -> Any:
        found = made_up_day.state()
        host = replace(found.local, server=made_up_day.server(status))
        return replace(found, hosts=(host,))

    bench.card.state_changed(state(ServerStatus.READY))
    assert bench.asked == []
    bench.do(bench.card.read)
    for status in (ServerStatus.READY, ServerStatus.ABSENT, ServerStatus.READY):
        bench.card.state_changed(state(status))
    assert bench.asked == ["variables"]


def test_a_smaller_cache_is_two_variables(bench: Bench) -> None:
    bench.service()
    bench.card.plan_cache(Command(Verb.PLAN_CACHE, "qwen3:8b", text="q8_0"))
    planned = bench.do(bench.card.read).planned
    assert planned is not None
    assert planned.values == (("OLLAMA_KV_CACHE_TYPE", "q8_0"), ("OLLAMA_FLASH_ATTENTION", "1"))
    bench.do(bench.card.drop)
    bench.card.plan_cache(Command(Verb.PLAN_CACHE, text="f16"))
    planned = bench.do(bench.card.read).planned
    assert planned is not None
    assert planned.values == (("OLLAMA_KV_CACHE_TYPE", "f16"),)


def test_the_log_tells_the_cache_of_each_loaded_model(tmp_path: Path) -> None:
    with FakeOllama() as fake:
        for name in ("phi4:14b", "gemma3:1b"):
            fake.install(name)
        bench = Bench(tmp_path, host=fake.url)
        files = {n: weights_file(bench.factory.server().describe(n)) for n in ("phi4:14b", "gemma3:1b")}
        assert all(files.values())
        log = Path(server_log(bench.factory.environ) or "")
        log.parent.mkdir(parents=True)
        line = "llama_kv_cache: size = 9.00 MiB ( 4096 cells, 2 layers), K ({}): 4.5 MiB, V ({}): 4.5 MiB\n"
        loads = "".join(
            f"llama_model_loader: loaded meta data with 19 key-value pairs from /m/{files[name]} (v3)\n"
            + line.format(kind, kind)
            for name, kind in (("phi4:14b", "f16"), ("gemma3:1b", "q4_0"), ("phi4:14b", "q8_0"))
        )
        log.write_text(CONFIG.format("OLLAMA_MAX_QUEUE:7") + loads)
        found = caches_in_force(bench.factory, Settings(), ("phi4:14b", "gemma3:1b", "gone:1b"))
        assert found == {"phi4:14b": "q8_0", "gemma3:1b": "q4_0"}
        log.write_text(CONFIG.format("OLLAMA_MAX_QUEUE:7"))
        assert caches_in_force(bench.factory, Settings(), ("phi4:14b",)) == {}


def test_keys_and_values_may_differ() -> None:
    file = "sha256-" + "a" * 64
    cache = "llama_kv_cache_iswa: size = 1 MiB, K (q8_0): 1, V (f16): 1"
    assert cache_types(f"x: loaded meta data with 2 pairs from C:\\m\\{file}\n{cache}") == {file: "q8_0/f16"}
    assert cache_types(cache) == {}
