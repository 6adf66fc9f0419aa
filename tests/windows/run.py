"""Runs the tests under a Windows Python in Wine, part by part, and prints a table.

    tests/windows/setup.sh FOLDER                      once
    python3 tests/windows/run.py FOLDER [PART...]      all parts, or those named

Parts: each folder of tests/unit, ``qt``, ``windows`` (probes on a stand-in for Windows' libraries, tray) and
``bundle`` (PyInstaller with and without a console). One after the other, at low priority: about 25 minutes on
two cores. The reports of the parts lie in FOLDER/reports. What Wine cannot show is in packaging/README.md.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
UNITS = sorted(path.name for path in (CHECKOUT / "tests/unit").iterdir() if any(path.rglob("test_*.py")))
PARTS = [*UNITS, "qt", "windows", "bundle"]
LIMIT_S = 7200


def windows_path(path: Path) -> str:
    """``path`` as Wine shows it."""
    return "Z:" + str(path).replace("/", "\\")


class Wine:
    """The Windows below a folder, on a screen of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        reader, writer = os.pipe()
        self._screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
            pass_fds=(writer,),
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(reader) as pipe:
            display = pipe.readline().strip()
        self.env = {
            **{key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
            "DISPLAY": f":{display}",
            "WINEPREFIX": str(folder / "prefix"),
            "WINEARCH": "win64",
            "WINEDLLOVERRIDES": "mscoree,mshtml,winedbg.exe=",
            "WINEDEBUG": "-all",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": windows_path(CHECKOUT / "desktop"),
            "FAKE_KERNEL_DLL": windows_path(folder / "fake_kernel.dll"),
            "FAKE_NVML_FOLDER": windows_path(folder / "nvml"),
        }

    def python(self, report: Path, *arguments: str) -> int | None:
        """Run the Windows Python; its exit code, None where it had to be ended. Streams must be pipes."""
        command = ["nice", "-n", "10", "wine", str(self.folder / "py/python.exe"), *arguments]
        with report.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            copy = subprocess.Popen(["cat"], stdin=process.stdout, stdout=file)
            try:
                return process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return None
            finally:
                self.end()
                copy.wait(30)

    def end(self) -> None:
        """End every program of this Windows."""
        subprocess.run(["wineserver", "-k"], env=self.env, check=False)

    def close(self) -> None:
        self.end()
        self._screen.terminate()
        self._screen.wait()


def part(wine: Wine, name: str, report: Path) -> tuple[bool, str]:
    """Run one part; whether it is well, and its figures."""
    if name == "bundle":
        build = wine.folder / "bundle"
        code = wine.python(
            report.with_suffix(".build"),
            *("-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
            *("--distpath", windows_path(build / "dist"), "--workpath", windows_path(build / "work")),
            windows_path(CHECKOUT / "packaging/pyinstaller/wattlight.spec"),
        )
        if code != 0:
            return False, f"PyInstaller ended with {code}"
        wine.env["WATTLIGHT_BUNDLE"] = windows_path(build / "dist/wattlight")
    where = {"qt": "tests/qt", "windows": "tests/windows", "bundle": "tests/windows"}.get(
        name, f"tests/unit/{name}"
    )
    chosen = ("-k", "bundle") if name == "bundle" else ()
    options = ("-q", "-p", "no:cacheprovider", "-o", "timeout=900")  # it is slow, the more beside other work
    code = wine.python(report, "-m", "pytest", *options, where, *chosen)
    text = report.read_text(encoding="utf-8", errors="replace")
    figures = re.findall(
        r"^(?:=* ?)?(\d+ (?:passed|failed|skipped|error).* in [\d.]+s.*?)(?: =*)?$", text, re.MULTILINE
    )
    return code == 0, figures[-1] if figures else f"ended with {code}"


def main(arguments: list[str]) -> int:
    """Run the parts; 1 when one of them is not well."""
    if not arguments or set(arguments[1:]) - set(PARTS):
        print(__doc__)
        return 2
    folder = Path(arguments[0]).resolve()
    reports = folder / "reports"
    reports.mkdir(exist_ok=True)
    wine = Wine(folder)
    bad = 0
    try:
        for name in arguments[1:] or PARTS:
            begun = time.monotonic()
            well, figures = part(wine, name, reports / f"{name}.txt")
            bad += not well
            print(
                f"{name:<12} {'ok ' if well else 'BAD'}  {time.monotonic() - begun:4.0f} s  {figures}",
                flush=True,
            )
    finally:
        wine.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
