"""The frozen program: with a console it answers, without one it shows windows; nothing useless is in it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from .desktop import PATIENCE_S, TrayProgram, wait_until

BUNDLE = Path(os.environ.get("WATTLIGHT_BUNDLE", ""))
MOST_BYTES = 120_000_000
pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not os.environ.get("WATTLIGHT_BUNDLE"), reason="WATTLIGHT_BUNDLE names no bundle"),
]


def test_bundle_with_a_console(tmp_path: Path) -> None:
    command = str(BUNDLE / "wattlight-cli.exe")
    env = {**os.environ, "WATTLIGHT_HOME": str(tmp_path)}

    def call(*words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [command, *words], capture_output=True, env=env, timeout=PATIENCE_S, check=False
        )

    done = call("hardware", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["environment"]["os"] == "windows"
    done = call("nonsense")
    assert done.returncode == 2 and b"Traceback" not in done.stderr and b"nonsense" in done.stderr


def test_bundle_without_a_console(tmp_path: Path) -> None:
    command = [str(BUNDLE / "wattlight.exe")]
    wrong = TrayProgram(command, tmp_path, "nonsense", console=False)
    try:
        wait_until(lambda: bool(wrong.titles()), PATIENCE_S)
        assert wrong.titles() == ["Wattlight"], "our own sentence, not the loader's box"
        wrong.close_windows()
        assert wrong.process.wait(PATIENCE_S) == 2
    finally:
        wrong.end()
    tray = TrayProgram(command, tmp_path, "--window", console=False)
    try:
        tray.wait_window()
        again = TrayProgram(command, tmp_path, "--window", console=False)
        assert again.process.wait(PATIENCE_S) == 0
        again.end()
        tray.quit_by_the_menu()
        assert tray.process.wait(PATIENCE_S) == 0
    finally:
        tray.end()


def test_bundle_holds_nothing_that_is_never_loaded() -> None:
    files = [path for path in BUNDLE.rglob("*") if path.is_file()]
    sizes = {path.relative_to(BUNDLE).as_posix(): path.stat().st_size for path in files}
    useless = ("opengl32sw", "d3dcompiler", "Qt6OpenGL", "Qt6Qml", "Qt6Quick", "Qt6Pdf", "Qt6DBus")
    assert [name for name in sizes if any(word in name for word in useless)] == []
    assert sum(sizes.values()) < MOST_BYTES, sorted(sizes.items(), key=lambda item: -item[1])[:12]
