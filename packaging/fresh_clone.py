"""Tries the README's ``run`` as a newcomer would: from a fresh clone, in an empty home.

    python packaging/fresh_clone.py

Shown are (1) without a screen: the setup, then the report in place of the window; (2) on a virtual screen
with a session bus: the tray program comes up within two seconds, and ends when asked to; (3) a read-only
checkout; (4) no network; after (1), the README's ``wattlight`` lines as
they are printed. Nothing of the person who runs this is used or changed; nothing is shared with the
checks' own environment. ``test`` calls this and is itself called by CI from a fresh clone in an empty home,
so that both commands of the README are tried, and neither calls itself.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bootstrap_parts.say import child_environment
from bootstrap_parts.screen import on_a_bus, virtual_screen

CHECKOUT = Path(__file__).resolve().parents[1]
COMMAND = ("packaging/bootstrap.py", "run")
READY_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A clone, an empty home, and the variables of somebody who has nothing set."""

    clone: Path
    home: Path
    env: dict[str, str]

    def run(
        self, *arguments: str, prefix: tuple[str, ...] = (), **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the README's command to its end."""
        return subprocess.run(
            [*prefix, self.python, *COMMAND, *arguments],
            cwd=self.clone,
            env={**self.env, **extra},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    @property
    def python(self) -> str:
        """The interpreter outside of any virtual environment: what ``python3`` means to a newcomer."""
        return str(Path(sys.base_prefix) / ("python.exe" if sys.platform == "win32" else "bin/python3"))


def newcomer(folder: Path) -> Newcomer:
    """Clone what is committed and make an empty home."""
    clone, home = folder / "Watt light ü", folder / "home"
    home.mkdir()
    (folder / "run").mkdir(mode=0o700)
    safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(CHECKOUT), str(clone)],
        env={**os.environ, **safe},
        check=True,
    )
    kept = {
        key: value
        for key, value in child_environment().items()
        if not key.startswith(("XDG_", "OLLAMA_", "WATTLIGHT_", "QT_"))
        and key not in {"DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"}
    }
    path = os.pathsep.join([str(home / ".local/bin"), kept.get("PATH", os.defpath)])
    return Newcomer(
        clone, home, {**kept, "HOME": str(home), "PATH": path, "XDG_RUNTIME_DIR": str(folder / "run")}
    )


class NotAsPromised(Exception):
    """Something that the README promises did not happen."""


def expect(fact: bool, what: str, output: str = "") -> None:
    """Say what holds; stop at what does not.

    Raises:
        NotAsPromised: with the output of the command.
    """
    if not fact:
        raise NotAsPromised(f"NOT SO: {what}\n{output[-4000:]}")
    print(f"  holds: {what}", flush=True)


def without_screen(who: Newcomer) -> None:
    """First run, no screen: sets up and prints the report; no traceback, every part there."""
    begin_s = time.monotonic()
    done = who.run()
    took_s = time.monotonic() - begin_s
    both = done.stdout + done.stderr
    expect(done.returncode == 0, f"run without a screen sets up and reports, in {took_s:.0f} s", both)
    expect("There is no screen" in done.stderr, "it says why there is no window", both)
    expect(
        all(part in done.stdout for part in ("What this computer is", "Models that fit", "today cost")),
        "three parts",
        both,
    )
    expect("Traceback" not in both, "no traceback", both)
    expect(
        (who.clone / ".venv" / "wattlight-stamp.json").is_file(), "the environment lies in the clone", both
    )
    left = subprocess.run(
        ["git", "status", "--porcelain"], cwd=who.clone, capture_output=True, text=True, check=True
    ).stdout
    expect(not left, "the clone has no new files that git would see", left)


# Verbs that need neither a server nor the network, and end by themselves.
ALONE = ("hardware", "recommend", "cost", "breakeven", "doctor", "replay")


def readme_lines(text: str) -> list[str]:
    """The ``wattlight ...`` lines of the README's code blocks, less the words that explain them."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("wattlight ")]
    return [re.split(r"\s{2,}", line.strip())[0] for line in lines]


def as_printed(who: Newcomer) -> None:
    """The README's lines work in a shell as they are printed, by the command that ``run`` has left."""
    readme = (who.clone / "README.md").read_text(encoding="utf-8")
    for line in readme_lines(readme):
        if line.split()[1] in ALONE:
            done = subprocess.run(
                ["sh", "-c", line],
                cwd=who.clone,
                env=who.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            expect(done.returncode == 0, f"as printed: {line}", done.stdout + done.stderr)


def on_a_screen(who: Newcomer) -> None:
    """On a screen the program is up in under two seconds and ends on SIGTERM: as a window where there is no
    tray, as an icon where there is one."""
    watch = [sys.executable, "-I", "packaging/await_window.py"]
    with ExitStack() as stack:
        display = stack.enter_context(virtual_screen())
        seconds = []
        for what in ("window", "window", "tray"):
            done = subprocess.run(
                on_a_bus([*watch, what, who.python, *COMMAND]),
                cwd=who.clone,
                env={**who.env, "DISPLAY": display},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            both = done.stdout + done.stderr
            expect(done.returncode == 0, f"with a screen: {done.stdout.strip()}", both)
            seconds += [float(found) for found in re.findall(r"after ([0-9.]+) s", done.stdout)]
        best = min(seconds)
        expect(best < READY_LIMIT_S, f"it is up in {best:.2f} s (promised: {READY_LIMIT_S})", str(seconds))


def read_only(who: Newcomer) -> None:
    """A checkout on a read-only file system: the environment goes into the user's data folder."""
    if not (sys.platform.startswith("linux") and os.geteuid() == 0 and shutil.which("unshare")):
        print("  not tried here: a read-only checkout (needs root)")
        return
    shutil.rmtree(who.clone / ".venv")
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && exec "$@"'
    done = who.run(
        "--",
        "--version",
        prefix=("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", str(who.clone)),
    )
    both = done.stdout + done.stderr
    if "ermission denied" in done.stderr or "not permitted" in done.stderr:
        print("  not tried here: a read-only checkout (mounts are not allowed)")
        return
    expect(done.returncode == 0 and "Traceback" not in both, "a read-only checkout runs", both)
    made = list((who.home / ".local/share/wattlight/environments").glob("*.venv/wattlight-stamp.json"))
    expect(len(made) == 1, "its environment lies in the user's data folder", both)
    shutil.rmtree(who.home / ".local")


def without_network(who: Newcomer) -> None:
    """No network: one sentence, nothing left behind."""
    if not (sys.platform.startswith("linux") and os.geteuid() == 0 and shutil.which("unshare")):
        print("  not tried here: no network (needs root)")
        return
    done = who.run(prefix=("unshare", "-n"), PIP_NO_INDEX="0", PIP_FIND_LINKS="")
    both = done.stdout + done.stderr
    expect(done.returncode == 1, "without network it ends with 1", both)
    expect(
        "Nothing was changed. Connect and run again." in both, "it says: nothing was changed, connect", both
    )
    expect(not (who.clone / ".venv").exists(), "nothing was left behind", both)


def main() -> int:
    """Run all parts; 1 at the first that is not as promised."""
    if not (CHECKOUT / ".git").exists():
        print("This is not a git checkout; there is nothing to clone.")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="wattlight-clone-") as folder:
        who = newcomer(Path(folder))
        try:
            without_screen(who)
            as_printed(who)
            on_a_screen(who)
            read_only(who)
            without_network(who)
        except NotAsPromised as fault:
            print(fault)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
