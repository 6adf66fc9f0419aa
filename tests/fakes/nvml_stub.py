"""Builds the stand-in NVML library and runs code against it in a process of its own."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")
DESKTOP = Path(__file__).resolve().parents[2] / "desktop"


def why_not() -> str | None:
    """Why the stub cannot be built here, None if it can."""
    if sys.platform != "linux":
        return "the stand-in library is a Linux one"
    return None if shutil.which("cc") or shutil.which("gcc") else "no C compiler on this machine"


@functools.cache
def build(old_driver: bool = False) -> Path:
    """The folder that holds the built library."""
    folder = Path(tempfile.mkdtemp(prefix="wattlight-nvml-"))
    compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wl,-soname,libnvidia-ml.so.1"]
    command += ["-DOLD_DRIVER"] if old_driver else []
    command += ["-o", str(folder / "libnvidia-ml.so.1"), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


def run_python(code: str, mode: str, home: Path, *, old_driver: bool = False, log: Path | None = None) -> str:
    """The standard output of ``code`` run with the stub in the loader's path."""
    env = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "WATTLIGHT_HOME": str(home / "wattlight"),
        "PYTHONPATH": f"{DESKTOP}{os.pathsep}{DESKTOP.parent / 'tests'}",
        "LD_LIBRARY_PATH": str(build(old_driver)),
        "FAKE_NVML": mode,
        "XDG_RUNTIME_DIR": str(home),
    }
    if log is not None:
        env["FAKE_NVML_LOG"] = str(log)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
