"""Tries the built packages in bare Debian systems: install, start, use, remove. Slow; needs root.

    python packaging/linux/try_in_bare_root.py [--roots DIR] [--release bookworm] [--release trixie] DIST

In a root that debootstrap made, nothing of a desktop is there, no Python either. Shown are: the .deb pulls
all that it needs; the program starts as an ordinary user without a screen, on X11, on Wayland and in a
tray; it is removed without a trace; the tar.xz starts from a folder with an odd name, given the few
libraries that every desktop has. The roots are kept (--roots) and used again; each try is a layer of its
own that is thrown away.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bootstrap_parts.screen import virtual_screen

HERE = Path(__file__).resolve().parent
USER = 65534  # nobody: has an account in every root and outside, which the bus asks for
TOOLS = ("debootstrap", "unshare", "weston", "dbus-daemon", "Xvfb", "setpriv")
# What every desktop has and the tar.xz expects from the system.
DESKTOP = (
    "libgl1 libegl1 libxcb1 libwayland-client0 libwayland-cursor0 libwayland-egl1 "
    "fontconfig fonts-dejavu-core xkb-data tzdata xz-utils"
)
# A session bus of the ordinary user that also lets root in, who plays the panel.
BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
INSIDE = """
set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/up,workdir=$2/work" "$2/mnt"
cd "$2/mnt"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p run/shared
mount --bind "$3" run/shared
cp /etc/resolv.conf /etc/hosts etc/
shift 3
exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
"""


# A machine of files whose processor counter grows by 40 W: something to meter where no sensor is.
MOVING = """
zone="$WATTLIGHT_SYSROOT/sys/class/powercap/intel-rapl:0"
mkdir -p "$zone" "$WATTLIGHT_SYSROOT/proc/sys/kernel/random"
echo package-0 > "$zone/name"
echo 262143328850 > "$zone/max_energy_range_uj"
echo 11111111-2222-3333-4444-555555555555 > "$WATTLIGHT_SYSROOT/proc/sys/kernel/random/boot_id"
printf 'MemTotal: 32768000 kB\nMemAvailable: 26000000 kB\n' > "$WATTLIGHT_SYSROOT/proc/meminfo"
printf 'model name : A processor\n' > "$WATTLIGHT_SYSROOT/proc/cpuinfo"
energy=100000000000
echo $energy > "$zone/energy_uj"
(while :; do sleep 0.25; energy=$((energy + 10000000)); echo $energy > "$zone/energy_uj"; done) &
moving=$!
"$1" meter --for 14 --json
kill $moving
"$1" cost --json
"""


class NotAsPromised(Exception):
    """Something that the packages promise did not happen."""


def expect(fact: bool, what: str, output: str = "") -> None:
    """Say what holds; stop at what does not.

    Raises:
        NotAsPromised: with the output of the command.
    """
    if not fact:
        raise NotAsPromised(f"NOT SO: {what}\n{output[-6000:]}")
    print(f"  holds: {what}", flush=True)


@dataclass(frozen=True, slots=True)
class Layer:
    """A bare root with a layer over it in which one thing is tried."""

    root: Path
    folder: Path
    shared: Path

    def command(self, *command: str) -> list[str]:
        """``command`` as it is run inside, as root."""
        head = ["unshare", "-m", "--propagation", "private", "bash", "-c", INSIDE, "bash"]
        return [*head, str(self.root), str(self.folder), str(self.shared), "HOME=/root", *command]

    def as_user(self, *command: str, **env: str) -> list[str]:
        """``command`` as it is run inside by an ordinary user."""
        who = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        given = [f"{key}={value}" for key, value in {"HOME": "/home/tester", **env}.items()]
        return self.command(*who, "env", *given, *command)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run something inside as root."""
        return _run(self.command(*command))

    def sh(self, script: str, what: str) -> str:
        """Run a script inside that must go well; its output."""
        done = self.run("sh", "-ec", script)
        expect(done.returncode == 0, what, done.stdout + done.stderr)
        return done.stdout

    def files(self) -> set[str]:
        """Every file inside, outside of what the kernel shows."""
        skipped = " -o ".join(f"-path /{name}" for name in ("proc", "dev", "run", "sys", "tmp"))
        found = self.run("sh", "-c", f"find / \\( {skipped} \\) -prune -o -print")
        return set(found.stdout.splitlines())


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False
    )


def bare_root(roots: Path, release: str) -> Path:
    """A bare system of a release, made once, that uses this machine's own way to its mirror."""
    root = roots / release
    if not (root / "etc/debian_version").exists():
        sources = Path("/etc/apt/sources.list.d/debian.sources").read_text(encoding="utf-8")
        mirror = next(line.split()[1] for line in sources.splitlines() if line.startswith("URIs:"))
        print(f"making a bare {release} in {root} ...", flush=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", release, str(root), mirror],
            stdout=subprocess.DEVNULL,
            check=True,
        )
    here = Path("/etc/os-release").read_text(encoding="utf-8")
    codename = next(
        line.split("=")[1].strip() for line in here.splitlines() if line.startswith("VERSION_CODENAME=")
    )
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    text = Path("/etc/apt/sources.list.d/debian.sources").read_text(encoding="utf-8")
    (root / "etc/apt/sources.list.d/debian.sources").write_text(
        text.replace(codename, release), encoding="utf-8"
    )
    for settings in Path("/etc/apt/apt.conf.d").glob("9*"):
        shutil.copy(settings, root / "etc/apt/apt.conf.d" / settings.name)
    return root


@contextmanager
def layer(root: Path, shared: Path) -> Iterator[Layer]:
    """A throw-away layer over a root; the mounts vanish with each process inside."""
    with tempfile.TemporaryDirectory(prefix="wattlight-layer-", dir=root.parent) as name:
        folder = Path(name)
        for part in ("up", "work", "mnt"):
            (folder / part).mkdir()
        folder.chmod(0o755)
        (folder / "up").chmod(0o755)
        yield Layer(root, folder, shared)


@contextmanager
def service(command: list[str], ready: Path) -> Iterator[None]:
    """Run a service of the desktop as the ordinary user until the end of the block."""
    who = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(ready.parent), "HOME": str(ready.parent)}
    process = subprocess.Popen(
        [*who, *command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end_s = time.monotonic() + 20
        while not ready.exists() and process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.05)
        expect(ready.exists(), f"{command[0]} runs")
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def desktop(shared: Path) -> Iterator[str]:
    """A screen, a Wayland compositor and a session bus, all of the ordinary user; gives DISPLAY."""
    with ExitStack() as stack:
        display = stack.enter_context(virtual_screen())
        weston = ["weston", "--backend=headless-backend.so", "--socket=wayland-9", "--idle-time=0"]
        stack.enter_context(service(weston, shared / "wayland-9"))
        (shared / "bus.conf").write_text(BUS.format(address=f"unix:path={shared}/bus"), encoding="utf-8")
        bus = ["dbus-daemon", "--nofork", f"--config-file={shared}/bus.conf"]
        stack.enter_context(service(bus, shared / "bus"))
        yield display


def await_start(kind: str, inside: list[str], display: str, shared: Path) -> None:
    """Start the program inside and wait for its window or its icon, then end it.

    Raises:
        NotAsPromised: it did not come, or did not end well.
    """
    env = {**os.environ, "DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={shared}/bus"}
    command = [sys.executable, "-I", str(HERE.parent / "await_window.py"), kind, *inside]
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    expect(done.returncode == 0, f"{kind}: {done.stdout.strip()}", done.stdout + done.stderr)


def try_starts(inside: Layer, program: str, display: str) -> None:
    """Without a screen, on X11, on Wayland and in a tray, as an ordinary user."""
    bare = _run(inside.as_user(program))
    expect(
        bare.returncode == 1 and "There is no screen" in bare.stderr,
        "without a screen it says so",
        bare.stdout + bare.stderr,
    )
    hardware = _run(inside.as_user(program, "hardware", "--json"))
    expect(
        hardware.returncode == 0 and '"schema"' in hardware.stdout,
        "the command line works",
        hardware.stdout + hardware.stderr,
    )
    counted = _run(
        inside.as_user("sh", "-ec", MOVING, "sh", program, WATTLIGHT_SYSROOT="/run/shared/machine")
    )
    found = re.search(r'^  "energy_mj": ([0-9]+)', counted.stdout, re.MULTILINE)
    joules = int(found.group(1)) / 1000 if found else 0.0
    expect(
        counted.returncode == 0 and 200 < joules < 800,
        f"it meters: {joules:.0f} J in 14 s of 40 W",
        counted.stdout + counted.stderr,
    )
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/shared/bus", "XDG_RUNTIME_DIR": "/run/shared"}
    await_start("window", inside.as_user(program, "--window", DISPLAY=display), display, inside.shared)
    wayland = {"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": "/run/shared", "WAYLAND_DEBUG": "1"}
    await_start("wayland", inside.as_user(program, "--window", **wayland), display, inside.shared)
    await_start("tray", inside.as_user(program, DISPLAY=display, **bus), display, inside.shared)


def try_deb(inside: Layer, package: Path, display: str) -> None:
    """Install, start, remove; nothing of the package is left outside of the user's home."""
    inside.sh(f"install -d -o {USER} -g {USER} /home/tester; apt-get update", "package lists are there")
    before = inside.files()
    shutil.copy(package, inside.shared / package.name)
    begin_s = time.monotonic()
    said = inside.sh(
        f"apt-get install -y --no-install-recommends /run/shared/{package.name}", "the .deb installs"
    )
    new = [line for line in said.splitlines() if "newly installed" in line]
    print(f"  {time.monotonic() - begin_s:.0f} s; {new[0] if new else ''}")
    try_starts(inside, "wattlight", display)
    left_at_home = inside.sh(
        "find /home/tester -path '*attlight*' | head -50", "the user's data can be listed"
    )
    inside.sh("apt-get remove -y --purge wattlight; apt-get autoremove -y --purge", "it is removed")
    traces = sorted(
        name
        for name in inside.files() - before
        if "wattlight" in name.lower() and not name.startswith("/home/")
    )
    expect(not traces, "nothing of the package is left", "\n".join(traces))
    rest = sorted(
        name for name in inside.files() - before if not name.startswith(("/home/", "/var/", "/etc/"))
    )
    print(f"  left by the packages it pulled, outside of /var and /etc: {rest or 'nothing'}")
    print(f"  the user's own files stay: {len(left_at_home.splitlines())}")


def try_tar(inside: Layer, archive: Path, display: str) -> None:
    """Unpack into a folder with an odd name and start from there."""
    inside.sh(f"install -d -o {USER} -g {USER} /home/tester; apt-get update", "package lists are there")
    inside.sh(f"apt-get install -y --no-install-recommends {DESKTOP}", "what every desktop has is there")
    shutil.copy(archive, inside.shared / archive.name)
    place = "/opt/Wätt light"
    unpack = f"mkdir '{place}'; tar -xJf /run/shared/{archive.name} --strip-components=1 -C '{place}'"
    inside.sh(unpack, "the tar.xz unpacks")
    try_starts(inside, f"{place}/bin/wattlight", display)


def main() -> int:
    """Try both packages in each release; 1 at the first thing that is not as promised."""
    parser = argparse.ArgumentParser(description="Tries the built packages in bare Debian systems.")
    parser.add_argument(
        "--roots", type=Path, default=Path("/var/tmp/wattlight-roots"), help="where they are kept"
    )
    parser.add_argument("--release", action="append", help="bookworm, trixie (both when not given)")
    parser.add_argument("dist", type=Path, help="the folder with the .deb and the tar.xz")
    args = parser.parse_args()
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking or os.geteuid() != 0:
        print(f"This needs root, and: apt-get install debootstrap weston dbus xvfb (missing: {lacking})")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    package, archive = next(args.dist.glob("wattlight_*.deb")), next(args.dist.glob("wattlight-*.tar.xz"))
    args.roots.mkdir(parents=True, exist_ok=True)
    try:
        for release in args.release or ["bookworm", "trixie"]:
            root = bare_root(args.roots, release)
            for attempt, file in ((try_deb, package), (try_tar, archive)):
                print(f"== {file.name} on {release}", flush=True)
                with tempfile.TemporaryDirectory(prefix="wattlight-shared-") as name, ExitStack() as stack:
                    shared = Path(name)
                    os.chown(shared, USER, USER)
                    shared.chmod(0o755)
                    display = stack.enter_context(desktop(shared))
                    attempt(stack.enter_context(layer(root, shared)), file, display)
    except NotAsPromised as fault:
        print(fault)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
