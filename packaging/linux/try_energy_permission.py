"""Tries the permission for the processor's energy counter in bare Debian systems. Slow; needs root.

    python packaging/linux/try_energy_permission.py [--roots DIR] [--release bookworm] [--release trixie] DIST

Shown are, for the .deb and for the tar.xz: what is said without polkit, without somebody who asks for the
password, and after a wrong one, each time with nothing changed; with the right password (typed into polkit's
own ``pkttyagent``) the counter opens for the one account and the program reads it; the rule opens it anew as
after a restart; it is closed again; a new version keeps the permission, and the removal of the package takes
it back. The counter is a made-up powercap tree. Roots and layers are those of ``try_in_bare_root.py``.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from try_in_bare_root import Layer, NotAsPromised, bare_root, expect, layer

POLKIT = "polkitd pkexec dbus udev systemd"
RULE = "/etc/udev/rules.d/70-wattlight-energy.rules"
# What every part begins with: an account, a counter that moves, and how it is looked at.
BEGIN = r"""
id tester >/dev/null 2>&1 || { useradd -m -s /bin/sh tester; echo root:right | chpasswd; }
zone=/sys/class/powercap/intel-rapl:0
if [ ! -d $zone ]; then
    mkdir -p $zone && echo package-0 >$zone/name && echo 262143328850 >$zone/max_energy_range_uj
    echo 100000000000 >$zone/energy_uj && chmod 400 $zone/energy_uj
fi
mkdir -p /run/dbus && install -d -m 777 /run/t
(n=100000000000; while :; do n=$((n + 4000000)); echo $n >$zone/energy_uj; sleep 0.2; done) & moving=$!
trap 'kill $moving $(cat /run/t/*.daemon 2>/dev/null) 2>/dev/null || :' EXIT
as() { setpriv --reuid=tester --regid=tester --init-groups env HOME=/home/tester "$@"; }
owner() { stat -c %U:%a $zone/energy_uj; }
program() { as setsid -w "$PROGRAM" "$@" </dev/null 2>&1 || echo "code $?"; }
polkit() {
    dbus-daemon --system --fork --print-pid >/run/t/bus.daemon
    /usr/lib/polkit-1/polkitd --no-debug >/dev/null 2>&1 & echo $! >/run/t/polkit.daemon
    sleep 1
}
# The program waits until polkit's own agent for terminals is there, which gets the password $1.
asked() {
    rm -f /run/t/pid /run/t/agent /run/t/done; : >/run/t/agent.log
    { sleep 2; touch /run/t/agent
      while [ ! -e /run/t/done ] && ! grep -q Password: /run/t/agent.log; do sleep 0.2; done
      sleep 0.5; echo "$1"; while [ ! -e /run/t/done ]; do sleep 0.2; done; } |
        { while [ ! -s /run/t/pid ]; do sleep 0.1; done
          echo "echo \$\$ >/run/t/agent.pid; exec pkttyagent --process $(cat /run/t/pid)" >/run/t/agent.sh
          script -qfec "setpriv --reuid=tester --regid=tester --init-groups sh /run/t/agent.sh" \
              /run/t/agent.log >/dev/null; } &
    as setsid -w sh -c 'echo $$ >/run/t/pid; while [ ! -e /run/t/agent ]; do sleep 0.1; done; exec "$@"' \
        sh "$PROGRAM" doctor "$2" </dev/null >/run/t/said 2>&1 || echo "code $?"
    touch /run/t/done; kill "$(cat /run/t/agent.pid)"; wait $! || :
    head -3 /run/t/said
}
"""
REFUSALS = """
polkit
echo "== nobody asks"; program doctor --allow-energy; owner
echo "== wrong"; asked wrong --allow-energy; owner
ls /etc/udev/rules.d /etc/tmpfiles.d | grep wattlight || echo "no rule"
"""
OPENED = """
polkit
echo "== closed"; program hardware --json | grep -A3 '"cpu_power"'
echo "== right"; asked right --allow-energy; owner
cat /run/t/agent.log
echo "== read"; program hardware --json | grep '"package_w"'; program doctor | grep -i "rule of Wattlight"
echo "== other accounts"; setpriv --reuid=65534 --clear-groups cat $zone/energy_uj 2>&1 || :
echo "== after a restart"; chown root $zone/energy_uj; owner
RUN=$(sed -n 's/.*RUN+="\\(.*\\)"$/\\1/p' @RULE@ | sed "s|/sys%p|$zone|"); echo "$RUN"; $RUN; owner
! udevadm verify --help >/dev/null 2>&1 || udevadm verify @RULE@
"""
TMPFILES = """
polkit
mv /usr/bin/udevadm /usr/bin/udevadm.away
echo "== by tmpfiles"; asked right --allow-energy; owner; ls /etc/udev/rules.d
chown root $zone/energy_uj; systemd-tmpfiles --create /etc/tmpfiles.d/wattlight-energy.conf; owner
mv /usr/bin/udevadm.away /usr/bin/udevadm
"""
CLOSED = """
polkit
echo "== closed again"; asked right --forbid-energy; owner
ls /etc/udev/rules.d /etc/tmpfiles.d | grep wattlight || echo "no rule"
"""


def said_in(inside: Layer, program: str, script: str, what: str) -> str:
    """What a part says; it must come to its end."""
    text = BEGIN + script.replace("@RULE@", RULE)
    return inside.sh(f"PROGRAM='{program}'\n{text}", what)


def try_permission(inside: Layer, program: str, dialog: str) -> None:
    """Everything but the removal; ``dialog`` is what the agent has to show. Leaves the counter open."""
    said = said_in(inside, program, REFUSALS, "refusals come to their end")
    nobody, wrong = said.split("== wrong")
    for part, words in ((nobody, "Nothing here asks"), (wrong, "did not allow it")):
        once = part.count("In a terminal this does the same") == 1 and "Traceback" not in part
        expect(words in part and once and "code 1" in part, f"{words} ...", said)
    expect("root:400" in nobody and "root:400" in wrong and "no rule" in wrong, "nothing was changed", said)
    said = said_in(inside, program, OPENED, "with the right password it comes to its end")
    closed, rest = said.split("== right")
    expect('"reason": "permission"' in closed or "null" in closed, "before, the counter is closed", said)
    right, rest = rest.split("== read")
    expect(dialog in right and "COMPLETE" in right, f"polkit asked: {dialog[:60]}", said)
    expect("tester:400" in right, "the counter belongs to the account, mode 400", said)
    read, rest = rest.split("== other accounts")
    expect('"package_w": null' not in read and '"package_w"' in read, "the program reads it", said)
    other, restart = rest.split("== after a restart")
    expect("Permission denied" in other, "another account does not", said)
    expect(restart.split().count("root:400") == 1 and "tester:400" in restart, "the rule opens it anew", said)
    said = said_in(inside, program, TMPFILES, "without udev it comes to its end")
    expect(said.count("tester:400") == 2, "without udev tmpfiles keeps it", said)
    said = said_in(inside, program, CLOSED, "closing comes to its end")
    expect("root:400" in said and "no rule" in said, "it is closed, no rule is left", said)
    said_in(inside, program, "polkit; asked right --allow-energy", "it is opened once more")


def traces(inside: Layer, before: set[str]) -> str:
    new = (name for name in inside.files() - before if "wattlight" in name.lower())
    return "\n".join(sorted(name for name in new if not name.startswith(("/home/", "/root/"))))


def try_deb(inside: Layer, package: Path) -> None:
    inside.sh("apt-get update", "package lists are there")
    before = inside.files()
    shutil.copy(package, inside.shared / package.name)
    install = f"apt-get install -y --no-install-recommends /run/shared/{package.name}"
    inside.sh(install, "the .deb installs without polkit")
    said = said_in(inside, "wattlight", "program doctor --allow-energy; owner", "without polkit")
    expect("has no polkit" in said and "root:400" in said, "without polkit the command is said", said)
    inside.sh(f"apt-get install -y --no-install-recommends {POLKIT}", "polkit installs")
    dialog = "Wattlight wants to open the processor's energy counter for your account"
    try_permission(inside, "wattlight", dialog)
    again = f"apt-get install -y --reinstall --no-install-recommends /run/shared/{package.name}"
    said = inside.sh(f"{again}; stat -c %U /sys/class/powercap/intel-rapl:0/energy_uj; ls {RULE}", "again")
    expect("tester" in said and RULE in said, "a new version keeps the permission", said)
    said = inside.sh(
        "apt-get purge -y wattlight; stat -c %U:%a /sys/class/powercap/intel-rapl:0/energy_uj",
        "it is removed",
    )
    expect("root:400" in said, "the removal closes the counter", said)
    left = traces(inside, before)
    expect(not left, "nothing of it is left", left)


def try_tar(inside: Layer, archive: Path) -> None:
    inside.sh(
        f"apt-get update; apt-get install -y --no-install-recommends {POLKIT} xz-utils", "polkit is there"
    )
    before = inside.files()
    shutil.copy(archive, inside.shared / archive.name)
    place = "/home/tester/Wätt light"
    said_in(inside, "true", "", "the account is there")
    unpack = f"mkdir '{place}'; tar -xJf /run/shared/{archive.name} --strip-components=1 -C '{place}'"
    inside.sh(f"{unpack}; chown -R tester: '{place}'", "the tar.xz unpacks at home")
    try_permission(inside, f"{place}/bin/wattlight", "Authentication is needed to run `/bin/sh")
    said = inside.sh(f"HOME=/home/tester '{place}/menu.sh' remove", "out of the menu")
    expect("doctor --forbid-energy" in said, "leaving says what is still open", said)
    said = inside.sh(
        f"'{place}/energy-access' forbid; stat -c %U:%a /sys/class/powercap/intel-rapl:0/energy_uj",
        "the script beside it closes it",
    )
    expect("root:400" in said and not traces(inside, before), "nothing of it is left", said)


def main() -> int:
    parser = argparse.ArgumentParser(description="Tries the energy permission in bare Debian systems.")
    parser.add_argument(
        "--roots", type=Path, default=Path("/var/tmp/wattlight-roots"), help="where they are kept"
    )
    parser.add_argument("--release", action="append", help="bookworm, trixie (both when not given)")
    parser.add_argument("dist", type=Path, help="the folder with the .deb and the tar.xz")
    args = parser.parse_args()
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        print("This needs root, and: apt-get install debootstrap")
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
                    Path(name).chmod(0o755)
                    attempt(stack.enter_context(layer(root, Path(name))), file)
    except NotAsPromised as fault:
        print(fault)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
