"""Letting this account read the processor's energy counter, and taking that back (Linux).

The counter is closed since a side channel was found in it (CVE-2020-8694). What opens it is a shell script
of a few lines (``resources/linux``), run as root by polkit's ``pkexec``, which asks for the password. The
Debian package brings the script as a program of root, with an action of its own. Anywhere else its text is
handed to the system's shell on the command line: a file that this account could change is never run as root.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from wattlight.domain.state import EnergyAccess
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import asset_text, read_small

from .programs import clean_environment

HELPER = "/usr/lib/wattlight/energy-access"
SCRIPT = "linux/energy-access.sh"
COUNTERS = "/sys/class/powercap/intel-rapl:*/energy_uj"
UDEV_RULE = "/etc/udev/rules.d/70-wattlight-energy.rules"
TMPFILES_RULE = "/etc/tmpfiles.d/wattlight-energy.conf"
PATIENCE_S = 300.0
"""So long a password may take."""
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_NAMED = re.compile(r"^(?:ACTION.*chown |z .* - )([0-9]{1,10})\b", re.MULTILINE)
_DISMISSED, _NOT_AUTHORISED = 126, 127

Find = Callable[[str, str], str | None]
"""Looks for a program: its name and the folders to look in."""


class EnergyPermissionProblem(Problem):
    """Nothing was opened or closed."""

    code = "energy_permission"


class EnergyPermission:
    """The rule that opens the counter for an account, as it stands on the system and as it is changed.

    Args:
        environ: of this process.
        root: where the system's files are looked at.
        find: looks for programs (``shutil.which``).
        uid: of the account; None: who runs this.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        root: Path | None = None,
        find: Find | None = None,
        uid: int | None = None,
    ) -> None:
        self._environ = environ
        self._root = root or Path(environ.get("WATTLIGHT_SYSROOT") or "/")
        self._find = find or (lambda name, folders: shutil.which(name, path=folders))
        self._uid = uid if uid is not None else getattr(os, "getuid", int)()
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def look(self, closed: bool) -> EnergyAccess:
        """How it stands; ``closed``: a probe was refused the counter. Never raises."""
        uid = self._named()
        return EnergyAccess(
            closed=closed,
            user=_name_of(self._uid),
            opened_for="" if uid is None else _name_of(uid),
            by_click=self._pkexec() is not None,
            commands=self._commands("allow"),
            undo=self._commands("forbid"),
        )

    def allow(self) -> None:
        """Let this account read the counter, now and after a restart. Waits for the password.

        Raises:
            EnergyPermissionProblem: nothing was opened; the sentence says why.
        """
        self._run("allow")

    def forbid(self) -> None:
        """Close the counter again and remove the rule. Waits for the password.

        Raises:
            EnergyPermissionProblem: it is not closed; the sentence says why.
        """
        self._run("forbid")

    def end(self) -> None:
        """Ask for no password any more: the program ends."""
        with self._lock:
            if self._child is not None:
                _stop(self._child)

    def _run(self, wish: str) -> None:
        code, said = self._asked(self._program(wish))
        if code == 0:
            return
        unchanged = tr("Nothing was changed.")
        if code == _DISMISSED:
            raise EnergyPermissionProblem(tr("The question for the password was closed."), unchanged)
        if code == _NOT_AUTHORISED and "agent" in said:
            why = tr("Nothing here asks for an administrator's password.")
            raise self._in_a_terminal(why, wish)
        if code == _NOT_AUTHORISED:
            raise self._in_a_terminal(tr("The system did not allow it; nothing was changed."), wish)
        if code == 11:
            raise EnergyPermissionProblem(
                tr("Root may read the counter anyway."), tr("Run this as the account that uses Wattlight.")
            )
        if code == 12:
            raise EnergyPermissionProblem(tr("There is no energy counter to open here."), unchanged)
        if code == 13:
            why = tr("Neither udev nor systemd is here, so it could not be kept after a restart.")
            raise EnergyPermissionProblem(why, unchanged)
        if code is None or code < 0 or code == 14:
            raise EnergyPermissionProblem(
                tr("It was interrupted before it was done."),
                tr("Try it again; taking it back removes what may be there."),
            )
        raise EnergyPermissionProblem(
            tr("The system refused ({reason}).", reason=clean_text(said.split("\n")[0], 160) or code),
            unchanged,
        )

    def _asked(self, command: list[str]) -> tuple[int | None, str]:
        """Exit code and words of a program that may ask a person; None when that took too long."""
        environ = clean_environment(self._environ)
        environ.pop("SHELL", None)  # pkexec refuses shells that the system does not list
        try:
            with self._lock:
                child = self._child = subprocess.Popen(
                    command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                    errors="replace",
                )  # fmt: skip
        except OSError as error:
            return error.errno or 1, error.strerror or ""
        try:
            said = child.communicate(timeout=PATIENCE_S)[1]
            return child.returncode, said.strip()
        except subprocess.TimeoutExpired:
            _stop(child)
            return None, ""
        finally:
            if child.stderr is not None:
                child.stderr.close()
            with self._lock:
                self._child = None

    def _program(self, wish: str) -> list[str]:
        """What is run. Who is root already (by sudo, which says for whom) is not asked again."""
        text = asset_text(SCRIPT).partition("\n")[2]  # polkit shows its first words: not "#!/bin/sh"
        shell = ["/bin/sh", "-c", text, "energy-access", wish]
        helper = [HELPER, wish] if self._trusted() else shell
        if self._uid == 0:
            return helper
        pkexec = self._pkexec()
        if pkexec is None:
            raise self._in_a_terminal(tr("This system has no polkit, which asks for the password."), wish)
        return [pkexec, *helper]

    def _in_a_terminal(self, why: str, wish: str) -> EnergyPermissionProblem:
        commands = "; ".join(self._commands(wish))
        return EnergyPermissionProblem(
            why, tr("In a terminal this does the same: {commands}", commands=commands)
        )

    def _commands(self, wish: str) -> tuple[str, ...]:
        """The same for a terminal: programs of the system alone."""
        if self._trusted():
            return (f"sudo {HELPER} {wish}",)
        rule, line = rule_for(self._uid, self._find("udevadm", _SYSTEM_PATH) is not None)
        if wish == "allow":
            return (f"echo '{line}' | sudo tee {rule}", f"sudo chown {self._uid} {COUNTERS}")
        return (f"sudo chown root {COUNTERS}", f"sudo rm -f {UDEV_RULE} {TMPFILES_RULE}")

    def _named(self) -> int | None:
        """The account a rule of ours opens the counter for."""
        for rule in (UDEV_RULE, TMPFILES_RULE):
            try:
                found = _NAMED.search(read_small(self._root / rule[1:], 10_000).decode("utf-8", "replace"))
            except OSError:
                continue
            return int(found.group(1)) if found else 0
        return None

    def _trusted(self) -> bool:
        """Whether the package's own helper is there, and nobody but root can change it."""
        try:
            found = (self._root / HELPER[1:]).stat()
        except OSError:
            return False
        return found.st_uid == 0 and not found.st_mode & 0o022

    def _pkexec(self) -> str | None:
        return self._find("pkexec", _SYSTEM_PATH) if sys.platform == "linux" else None


def rule_for(uid: int, udev: bool) -> tuple[str, str]:
    """File and line of the rule that keeps the counter open for an account after a restart."""
    if udev:
        run = f'RUN+="/bin/chown {uid} /sys%p/energy_uj"'
        return UDEV_RULE, f'ACTION=="add|change", SUBSYSTEM=="powercap", KERNEL=="intel-rapl:*", {run}'
    return TMPFILES_RULE, f"z {COUNTERS} - {uid} - - -"


def _stop(child: "subprocess.Popen[str]") -> None:
    try:
        child.terminate()
        child.wait(2.0)
    except (OSError, subprocess.TimeoutExpired):
        pass  # root's by now: it ends by itself


def _name_of(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):  # not on Windows; an account without an entry
        return str(uid)
