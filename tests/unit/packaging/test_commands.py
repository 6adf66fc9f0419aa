"""The two commands: what they start, what they print without a screen, how they end."""

import subprocess
import sys
from pathlib import Path

import pytest
from bootstrap_parts import check, command, install, needs, places, screen, start
from bootstrap_parts.install import Wish
from bootstrap_parts.say import StepError, plain
from bootstrap_parts.screen import Displays

from fakes.systems import needs_modes


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that needs nothing more, without a screen."""
    monkeypatch.setattr(start, "write_command", lambda venv: False)
    monkeypatch.setattr(start, "prepare", lambda venv, plan, wish: None)
    monkeypatch.setattr(start, "find_displays", lambda: Displays((), "k", "DISPLAY is not set"))
    return tmp_path / "v"


def wish(venv: Path, *arguments: str) -> Wish:
    return Wish(str(venv), None, False, arguments, "again")


def test_without_a_screen_three_reports_are_printed(
    ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda given, **_: calls.append(given) or 0)
    assert start.run(wish(ready)) == 0
    assert [given[-1] for given in calls] == ["hardware", "recommend", "cost"]
    assert all(given[1:4] == ["-I", "-m", "wattlight"] for given in calls)
    assert "DISPLAY is not set" in capsys.readouterr().err


def test_a_failing_report_is_not_hidden(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "call", lambda given, **_: int(given[-1] == "recommend"))
    assert start.run(wish(ready)) == 1


def test_a_verb_needs_no_screen(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(start, "start", lambda venv, arguments: started.append(tuple(arguments)) or 0)
    assert start.run(wish(ready, "hardware", "--json")) == 0
    assert started == [("hardware", "--json")]


def test_on_a_new_screen_a_window_is_tried_once(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places.claim(ready)
    places.write_stamp(ready, "x")
    tried: list[Path] = []
    monkeypatch.setattr(start, "find_displays", lambda: Displays((), ":0"))
    monkeypatch.setattr(needs, "missing", lambda wanted: ())
    monkeypatch.setattr(screen, "try_window", tried.append)
    monkeypatch.setattr(start, "start", lambda venv, arguments: 0)
    assert start.run(wish(ready)) == 0
    assert start.run(wish(ready)) == 0
    assert len(tried) == 1


def test_errors_are_two_sentences_and_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(asked: object) -> int:
        raise StepError("This went wrong.", "Do that.")

    monkeypatch.setattr(command, "run", fails)
    assert command.main(["run"]) == 1
    assert capsys.readouterr().err == "This went wrong.\nDo that.\n"
    assert command.main(["run", "--wheels", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_a_break_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(asked: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", stopped)
    assert command.main(["run"]) == 130
    assert "Run again to go on." in capsys.readouterr().err


def test_wrong_use_exits_2() -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["walk"])
    assert caught.value.code == 2


def test_odd_names_can_be_printed() -> None:
    assert plain("a\udcff\x1b[31m\nb") == "a\\udcff?[31m\nb"


def bench(tmp_path: Path) -> check.Bench:
    return check.Bench(Path(sys.executable), tmp_path, {}, ())


def test_one_failed_step_fails_the_whole_and_all_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def step(name: str, good: bool) -> object:
        def run(bench: object) -> bool:
            """A step."""
            ran.append(name)
            return good

        return run

    monkeypatch.setattr(check, "STEPS", {"a": step("a", True), "b": step("b", False), "c": step("c", True)})
    assert check.run_steps(bench(tmp_path), ("a", "b", "c")) == 1
    assert check.run_steps(bench(tmp_path), ("a", "c")) == 0
    assert ran == ["a", "b", "c", "a", "c"]


def test_the_newest_versions_come_from_the_project_itself(tmp_path: Path) -> None:
    text = check.newest_requirements(tmp_path).read_text()
    assert "PySide6-Essentials" in text
    assert "pytest" in text
    assert "--hash" not in text


def test_an_unknown_step_is_said() -> None:
    with pytest.raises(StepError, match="no step 'nonsense'"):
        check.test(wish(Path("v")), only=("nonsense",))


@needs_modes
def test_checks_see_nothing_of_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "somewhere")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    env = check.test_environment(tmp_path / "run")
    assert "OLLAMA_HOST" not in env
    assert "WAYLAND_DISPLAY" not in env
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_nothing_is_asked_of_the_system_when_all_is_there(tmp_path: Path) -> None:
    plan = install.Plan(tmp_path / "r.lock", 1, Displays((), "command line"))
    assert install.preflight(plan, wish(tmp_path)) is True


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("hardware", "--json")])
def test_the_command_line_is_started_without_a_screen(
    ready: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    started: list[object] = []
    monkeypatch.setattr(start, "start", lambda venv, given: started.append(tuple(given)) or 0)
    assert start.run(wish(ready, *arguments)) == 0
    assert started == [arguments]
