"""Opening the processor's energy counter: the script run by root, and who runs it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wattlight.paths import asset_text
from wattlight.system import EnergyPermission, EnergyPermissionProblem
from wattlight.system import energy_permission as module

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for Linux")
UDEV, TMPFILES = "etc/udev/rules.d/70-wattlight-energy.rules", "etc/tmpfiles.d/wattlight-energy.conf"


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


class System:
    """A system of files on which the script is root: who owns a counter is noted beside it."""

    def __init__(self, root: Path, tools: tuple[str, ...] = ("udevadm",)) -> None:
        self.root = root
        self.tools = root / "bin"
        for at, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "core"), ("intel-rapl:1", "psys")):
            zone = root / "sys/class/powercap" / at
            zone.mkdir(parents=True)
            (zone / "name").write_text(name)
            (zone / "energy_uj").write_text("1")
        program(self.tools / "id", "echo 0")
        program(self.tools / "chown", 'echo "$1" > "$2.owner"')
        for tool in tools:
            program(self.tools / tool, "exit 0")
        for tool in ("rm", "mv", "mkdir", "ls", "kill", "sleep"):
            (self.tools / tool).symlink_to(f"/bin/{tool}")
        (root / "etc").mkdir()

    def text(self) -> str:
        moved = asset_text(module.SCRIPT).replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PATH={self.tools}")
        return moved.replace("/etc/", f"{self.root}/etc/").replace("/sys/class", f"{self.root}/sys/class")

    def run(self, *words: str, **who: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", "-c", self.text(), "energy-access", *words],
            env=who, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def owners(self) -> set[str]:
        zones = (self.root / "sys/class/powercap").iterdir()
        said = (zone / "energy_uj.owner" for zone in zones)
        return {file.read_text().strip() if file.exists() else "0" for file in said}

    def rules(self) -> dict[str, str]:
        """What lies in the folders of rules, half-written files too."""
        found = (self.root / "etc").rglob("*")
        return {str(f.relative_to(self.root)): f.read_text() for f in found if f.is_file()}


@pytest.mark.parametrize(
    ("tool", "file"), [("udevadm", UDEV), ("systemd-tmpfiles", TMPFILES)], ids=["udev", "tmpfiles"]
)
def test_the_rule_is_written_once_and_goes_without_a_trace(tool: str, file: str, tmp_path: Path) -> None:
    system = System(tmp_path, (tool,))
    for _ in range(2):
        assert system.run("allow", PKEXEC_UID="1234").returncode == 0
        assert system.owners() == {"1234"} and list(system.rules()) == [file]
    rule, line = module.rule_for(1234, tool == "udevadm")
    written = system.rules()[file].replace(f"{tmp_path}/sys/", "/sys/")
    assert (rule, line) == (f"/{file}", written.splitlines()[1]), "the lines for a terminal do the same"
    assert system.run("allow", SUDO_UID="77").returncode == 0
    assert system.owners() == {"77"} and list(system.rules()) == [file]
    for _ in range(2):
        assert system.run("forbid").returncode == 0
        assert system.owners() == {"0"} and system.rules() == {}


@pytest.mark.parametrize(
    "who", [{}, {"PKEXEC_UID": "0"}, {"PKEXEC_UID": "1 /etc/shadow"}, {"SUDO_UID": "-1"}]
)
def test_nobody_is_nobody(who: dict[str, str], tmp_path: Path) -> None:
    system = System(tmp_path)
    assert system.run("allow", **who).returncode == 11
    assert system.owners() == {"0"} and system.rules() == {}


def test_what_cannot_be_is_said_and_changes_nothing(tmp_path: Path) -> None:
    bare = System(tmp_path / "bare", tools=())
    assert bare.run("allow", PKEXEC_UID="1000").returncode == 13
    without = System(tmp_path / "without")
    for counter in (without.root / "sys").rglob("energy_uj"):
        counter.unlink()
    assert without.run("allow", PKEXEC_UID="1000").returncode == 12
    assert bare.rules() == without.rules() == {} and bare.owners() == {"0"}
    assert bare.run("open").returncode == 2 and bare.run().returncode == 2
    program(bare.tools / "id", "echo 1000")
    assert bare.run("forbid").returncode == 10


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_counter_that_refuses_leaves_nothing_half_done(at: int, tmp_path: Path) -> None:
    """The kernel may refuse one of them; what was opened before is closed again."""
    system = System(tmp_path)
    count = f'echo x >> {tmp_path}/calls; [ "$(/usr/bin/wc -l < {tmp_path}/calls)" != {at} ] || exit 1'
    program(system.tools / "chown", f'{count}; echo "$1" > "$2.owner"')
    assert system.run("allow", PKEXEC_UID="1000").returncode != 0
    assert system.rules() == {} and system.owners() == {"0"}


@pytest.mark.parametrize("signal", ["TERM", "HUP", "INT"])
def test_it_takes_back_what_it_began_when_it_is_ended(signal: str, tmp_path: Path) -> None:
    system = System(tmp_path)
    once = f"[ -e {tmp_path}/killed ] || {{ : > {tmp_path}/killed; kill -{signal} $PPID; }}"
    program(system.tools / "chown", f'{once}; echo "$1" > "$2.owner"')
    assert system.run("allow", PKEXEC_UID="1000").returncode != 0
    assert system.rules() == {} and system.owners() == {"0"}


def test_killed_half_way_it_is_seen_and_taken_back(tmp_path: Path) -> None:
    """Nothing can be done about SIGKILL but this: the rule is there as long as a counter may be open."""
    system = System(tmp_path)
    program(system.tools / "chown", 'kill -KILL $PPID; echo "$1" > "$2.owner"')
    system.run("allow", PKEXEC_UID="1000")
    assert EnergyPermission({}, tmp_path, uid=1000).look(True).opened_for
    system.run("forbid")
    assert EnergyPermission({}, tmp_path, uid=1000).look(True).opened_for, "not yet closed: still to be seen"
    program(system.tools / "chown", 'echo "$1" > "$2.owner"')
    assert system.run("forbid").returncode == 0
    assert not EnergyPermission({}, tmp_path, uid=1000).look(True).opened_for
    assert system.rules() == {} and system.owners() == {"0"}


Ask = Callable[[str], EnergyPermission]


@pytest.fixture
def polkit(tmp_path: Path) -> Ask:
    """A permission whose pkexec does what the text says."""

    def make(text: str) -> EnergyPermission:
        program(tmp_path / "pkexec", text)
        return EnergyPermission(
            {"SHELL": "/bin/odd", "PATH": "/bin:/usr/bin"},
            tmp_path,
            lambda name, _: str(tmp_path / name) if name == "pkexec" else None,
            uid=4321,
        )

    return make


NO_AGENT = "Error executing command as another user: No authentication agent found."
NO_TTY = "Error creating textual authentication agent: Error opening current controlling terminal"
REFUSED = "Error executing command as another user: Not authorized\n\nThis incident has been reported."


@pytest.mark.parametrize(
    ("answer", "said", "next_step"),
    [
        ("exit 126", "question for the password was closed", "Nothing was changed."),
        (f"echo '{NO_AGENT}' >&2; exit 127", "Nothing here asks for", "sudo chown 4321"),
        (f"echo '{NO_TTY}' >&2; exit 127", "Nothing here asks for", "sudo chown 4321"),
        (f"printf '{REFUSED}' >&2; exit 127", "did not allow it", "sudo chown 4321"),
        ("exit 12", "no energy counter to open", "Nothing was changed."),
        ("exit 13", "Neither udev nor systemd", "Nothing was changed."),
        ("kill -KILL $$", "interrupted", "Try it again"),
        ("exit 14", "interrupted", "Try it again"),
        ("echo 'Read-only file\x1b[2J system' >&2; exit 2", "(Read-only file\ufffd", "Nothing was changed."),
        ("exit 5", "(5)", "Nothing was changed."),
    ],
)
def test_each_refusal_is_one_sentence_and_a_way_out(
    answer: str, said: str, next_step: str, polkit: Ask
) -> None:
    with pytest.raises(EnergyPermissionProblem) as caught:
        polkit(answer).allow()
    assert said in caught.value.message and next_step in caught.value.next_step
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_run_is_fixed_and_no_file_of_this_account(polkit: Ask, tmp_path: Path) -> None:
    note = f'printf "%s\\n" "$#" "$1" "$2" "$4" "$5" "${{SHELL-none}}" > {tmp_path}/words'
    polkit(f'{note}; printf %s "$3" > {tmp_path}/text').forbid()
    words = (tmp_path / "words").read_text().split()
    assert words[:5] == ["5", "/bin/sh", "-c", "energy-access", "forbid"]
    assert (tmp_path / "text").read_text().startswith("# Lets one account read"), "the dialog begins so"
    assert words[5] != "/bin/odd", "pkexec refuses shells that the system does not list"


@pytest.mark.parametrize(("mode", "trusted"), [(0o755, True), (0o775, False), (0o757, False)])
def test_the_packages_helper_is_run_only_if_it_is_roots_alone(
    mode: int, trusted: bool, polkit: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    permission = polkit(f'echo "$@" > {tmp_path}/words')
    helper = tmp_path / module.HELPER[1:]
    program(helper, "exit 0")
    helper.chmod(mode)
    if helper.stat().st_uid != 0:
        trusted = False
    permission.allow()
    words = (tmp_path / "words").read_text().strip()
    assert (words == f"{module.HELPER} allow") is trusted
    assert (permission.look(True).commands == (f"sudo {module.HELPER} allow",)) is trusted


def test_without_polkit_the_commands_are_said(tmp_path: Path) -> None:
    permission = EnergyPermission({}, tmp_path, lambda _name, _path: None, uid=4321)
    state = permission.look(True)
    assert not state.by_click and "systemd" not in state.commands[1]
    assert state.commands[0].endswith("| sudo tee /etc/tmpfiles.d/wattlight-energy.conf")
    for ask in (permission.allow, permission.forbid):
        with pytest.raises(EnergyPermissionProblem, match=r"polkit.*In a terminal"):
            ask()


def test_whose_rule_it_is(tmp_path: Path) -> None:
    permission = EnergyPermission({}, tmp_path, lambda _name, _path: None, uid=4321)
    assert permission.look(False).opened_for == ""
    rule = tmp_path / UDEV
    rule.parent.mkdir(parents=True)
    for uid in (4321, 99999):
        rule.write_text("# x\n" + module.rule_for(uid, udev=True)[1] + "\n")
        assert permission.look(True).opened_for == str(uid)
    rule.write_bytes(b"\xff\x00 nonsense")
    assert permission.look(True).opened_for, "a file of this name is ours to remove"


def test_where_there_are_no_such_accounts_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows and macOS look too, with the first sample."""
    monkeypatch.setitem(sys.modules, "pwd", None)
    monkeypatch.setattr(module.sys, "platform", "win32")
    monkeypatch.delattr(module.os, "getuid")
    state = EnergyPermission({}, tmp_path, find=lambda name, folders: None).look(False)
    assert not (state.closed or state.opened_for or state.by_click)


def test_the_end_of_the_program_does_not_wait_for_a_password(polkit: Ask) -> None:
    permission = polkit("exec sleep 60")
    said: list[str] = []

    def ask() -> None:
        try:
            permission.allow()
        except EnergyPermissionProblem as problem:
            said.append(problem.message)

    asking = threading.Thread(target=ask)
    asking.start()
    end = time.monotonic() + 10
    while permission._child is None and time.monotonic() < end:
        time.sleep(0.01)
    permission.end()
    asking.join(10)
    assert not asking.is_alive() and said and "interrupted" in said[0]


def test_nobody_is_waited_for_for_ever(polkit: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    with pytest.raises(EnergyPermissionProblem, match="interrupted"):
        polkit("exec sleep 60").allow()
