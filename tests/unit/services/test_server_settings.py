"""Where the variables of the server are set: the right place, our own file, and nobody else's lines."""

import plistlib
import subprocess
from pathlib import Path

import pytest

from fakes.systems import needs_posix
from wattlight.domain.values import Problem
from wattlight.services.server_settings import (
    SettingsPlace,
    StartedBy,
    apply,
    drop_in,
    find_place,
    how_to,
    plan,
    set_at,
    set_in,
    values_of,
    with_values,
)
from wattlight.settings import ServerValue, Settings


def unit(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    file.write_text("[Service]\nExecStart=ollama serve\n")
    return file


def test_each_kind_of_computer_has_its_place(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path / "home")}
    assert find_place(environ, False, "linux", tmp_path).kind is StartedBy.BY_HAND
    unit(tmp_path / "usr/lib/systemd/system/ollama.service")
    assert find_place(environ, False, "linux", tmp_path) == SettingsPlace(StartedBy.SYSTEM_SERVICE)
    own = unit(tmp_path / "home/.config/systemd/user/ollama.service")
    place = find_place(environ, False, "linux", tmp_path)
    assert place == SettingsPlace(
        StartedBy.USER_SERVICE, own.with_name("ollama.service.d") / "wattlight.conf"
    )
    assert find_place(environ, True, "linux", tmp_path).kind is StartedBy.MANAGED
    mac = find_place(environ, False, "darwin", tmp_path)
    assert mac.kind is StartedBy.LAUNCHD
    assert mac.file is not None
    assert mac.file.parent == tmp_path / "home/Library/LaunchAgents"
    assert find_place(environ, False, "win32", tmp_path) == SettingsPlace(StartedBy.WINDOWS, in_registry=True)
    assert [find_place({}, ours, "linux", tmp_path).is_written for ours in (True, False)] == [True, False]


def test_a_change_of_a_user_service_is_shown_written_and_taken_back(tmp_path: Path) -> None:
    place = SettingsPlace(StartedBy.USER_SERVICE, tmp_path / "ollama.service.d" / "wattlight.conf")
    assert place.file is not None
    first = plan(place, {"OLLAMA_MAX_QUEUE": "64", "OLLAMA_MODELS": '/mnt/a "b" 100%\\c'})
    assert not place.file.exists()
    assert '+Environment="OLLAMA_MAX_QUEUE=64"' in first.diff
    assert first.commands == ("systemctl --user daemon-reload", "systemctl --user restart ollama")
    apply(first)
    assert set_in(place.file.read_text()) == {"OLLAMA_MAX_QUEUE": "64", "OLLAMA_MODELS": '/mnt/a "b" 100%\\c'}
    again = plan(place, {"OLLAMA_MAX_QUEUE": "64"}, ())
    assert set_in(again.text)["OLLAMA_MAX_QUEUE"] == "64"
    last = plan(place, {"OLLAMA_MAX_QUEUE": "32"}, ("OLLAMA_MODELS",))
    assert '-Environment="OLLAMA_MAX_QUEUE=64"' in last.diff
    apply(last)
    assert set_in(place.file.read_text()) == {"OLLAMA_MAX_QUEUE": "32"}


def test_lines_that_are_not_ours_stay() -> None:
    before = (
        "# mine\n[Service]\nEnvironment=OLLAMA_UNHEARD_OF=7\nNice=5\n"
        'Environment="OLLAMA_DEBUG=1" "HTTPS_PROXY=http://proxy:1"\nEnvironment="OLLAMA_NOPRUNE=0"\n'
    )
    after = drop_in(before, {"OLLAMA_NOPRUNE": "1"})
    assert after.splitlines()[:5] == before.splitlines()[:5]
    assert after.splitlines()[5:] == ['Environment="OLLAMA_NOPRUNE=1"']


@pytest.mark.parametrize(
    "kind", [StartedBy.SYSTEM_SERVICE, StartedBy.LAUNCHD, StartedBy.WINDOWS, StartedBy.BY_HAND]
)
def test_elsewhere_the_exact_commands_are_shown(kind: StartedBy) -> None:
    change = plan(SettingsPlace(kind), {"OLLAMA_MODELS": "/mnt/it's here"}, ("OLLAMA_MAX_QUEUE",))
    assert not change.diff
    text = "\n".join(change.commands)
    assert "OLLAMA_MODELS" in text
    assert "OLLAMA_MAX_QUEUE" in text
    word = {
        "system_service": "sudo systemctl",
        "launchd": "launchctl",
        "windows": "setx",
        "by_hand": "export",
    }
    assert word[kind.value] in text


@needs_posix
def test_the_commands_of_a_system_service_write_what_we_would(tmp_path: Path) -> None:
    value = '/mnt/it\'s 100% "here"'
    text = plan(SettingsPlace(StartedBy.SYSTEM_SERVICE), {"OLLAMA_MODELS": value}).commands[1]
    made = subprocess.run(
        text.split(" | sudo tee")[0], shell=True, capture_output=True, text=True, check=True
    )
    assert set_in(made.stdout) == {"OLLAMA_MODELS": value}


@pytest.mark.parametrize("name", ["OLLAMA_HOST", "OLLAMA_ORIGINS"])
def test_who_can_reach_the_server_is_not_ours(name: str, tmp_path: Path) -> None:
    place = SettingsPlace(StartedBy.USER_SERVICE, tmp_path / "x.conf")
    for wanted, unset in (({name: "x"}, ()), ({}, (name,))):
        with pytest.raises(Problem) as caught:
            plan(place, wanted, unset)
        assert caught.value.code == "not_ours"


@pytest.mark.parametrize("kind", [k for k in StartedBy if k is not StartedBy.MANAGED])
def test_how_to_set_it_oneself_is_shown(kind: StartedBy) -> None:
    assert "OLLAMA_ORIGINS" in "\n".join(how_to(SettingsPlace(kind), "OLLAMA_ORIGINS", "https://a.example"))
    assert how_to(SettingsPlace(StartedBy.MANAGED), "OLLAMA_ORIGINS", "https://a.example") == ()


@needs_posix
def test_on_a_mac_an_agent_sets_them_at_each_login_and_launchctl_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[dict[str, str], tuple[str, ...]]] = []
    monkeypatch.setattr(
        "wattlight.services.server_settings.set_login_variables",
        lambda values, unset: asked.append((dict(values), tuple(unset))),
    )
    place = SettingsPlace(StartedBy.LAUNCHD, tmp_path / "Library" / "agent.plist")
    assert place.file is not None
    value = '/Volumes/it\'s 100% "here" & <there>'
    first = plan(place, {"OLLAMA_MODELS": value, "OLLAMA_MAX_QUEUE": "7"})
    assert [line for line in first.diff if line.startswith("+OLLAMA")] == [
        "+OLLAMA_MAX_QUEUE=7",
        f"+OLLAMA_MODELS={value}",
    ]
    apply(first)
    assert set_at(place, Settings()) == {"OLLAMA_MODELS": value, "OLLAMA_MAX_QUEUE": "7"}
    agent = plistlib.loads(place.file.read_bytes())
    script = agent["ProgramArguments"][2].replace("launchctl", "printf '%s;%s;%s\\n'")
    made = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert f"setenv;OLLAMA_MODELS;{value}" in made.stdout.splitlines()
    apply(plan(place, {}, ("OLLAMA_MODELS", "OLLAMA_MAX_QUEUE")))
    assert not place.file.exists()
    assert asked[-1] == ({}, ("OLLAMA_MODELS", "OLLAMA_MAX_QUEUE"))
    place.file.write_text("no list of properties")
    assert set_at(place, Settings()) == {}


def test_on_windows_the_variables_of_the_account_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    account = {"Path": "C:\\bin", "OLLAMA_HOST": "0.0.0.0", "OLLAMA_NUM_PARALLEL": "2"}

    def write(values: dict[str, str], unset: tuple[str, ...]) -> None:
        account.update(values)
        for name in unset:
            account.pop(name, None)

    monkeypatch.setattr("wattlight.services.server_settings.user_variables", lambda: dict(account))
    monkeypatch.setattr("wattlight.services.server_settings.set_user_variables", write)
    place = SettingsPlace(StartedBy.WINDOWS, in_registry=True)
    assert set_at(place, Settings()) == {"OLLAMA_NUM_PARALLEL": "2"}, "of what is not ours nothing is shown"
    change = plan(place, {"OLLAMA_FLASH_ATTENTION": "1"}, ("OLLAMA_NUM_PARALLEL",))
    assert {"-OLLAMA_NUM_PARALLEL=2", "+OLLAMA_FLASH_ATTENTION=1"} <= set(change.diff)
    assert account["OLLAMA_NUM_PARALLEL"] == "2"
    apply(change)
    assert account == {"Path": "C:\\bin", "OLLAMA_HOST": "0.0.0.0", "OLLAMA_FLASH_ATTENTION": "1"}
    assert plan(place, {"OLLAMA_FLASH_ATTENTION": "1"}).diff == ()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr("wattlight.services.server_settings.set_user_variables", refuse)
    with pytest.raises(Problem, match="HKEY_CURRENT_USER"):
        apply(plan(place, {"OLLAMA_DEBUG": "1"}))


def test_variables_of_a_server_of_ours_are_planned_like_a_file() -> None:
    settings = Settings(server_values=(ServerValue("OLLAMA_DEBUG", "1"),))
    change = plan(SettingsPlace(StartedBy.MANAGED), {"OLLAMA_MAX_QUEUE": "7"}, ("OLLAMA_DEBUG",), settings)
    assert {"-OLLAMA_DEBUG=1", "+OLLAMA_MAX_QUEUE=7"} <= set(change.diff)
    after = with_values(settings, dict(change.values), change.unset)
    assert after.server_values == (ServerValue("OLLAMA_MAX_QUEUE", "7"),)


@needs_posix
def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("a file where the folder should be")
    change = plan(SettingsPlace(StartedBy.USER_SERVICE, tmp_path / "e.conf"), {"OLLAMA_NOPRUNE": "1"})
    apply(change)
    with pytest.raises(Problem) as caught:
        plan(SettingsPlace(StartedBy.USER_SERVICE, tmp_path / "d" / "e.conf"), {"OLLAMA_NOPRUNE": "1"})
    assert caught.value.code == "not_writable"


def test_a_server_of_ours_gets_only_what_can_be() -> None:
    pairs = (("OLLAMA_NOPRUNE", "1"), ("OLLAMA_HOST", "0.0.0.0"), ("PATH", "/x"), ("OLLAMA_MAX_QUEUE", "a"))
    assert values_of(Settings(server_values=tuple(ServerValue(*pair) for pair in pairs))) == {
        "OLLAMA_NOPRUNE": "1"
    }
