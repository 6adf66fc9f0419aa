"""What a failed trial start means."""

import pytest
from bootstrap_parts.screen import explain_import, explain_window

XCB = """\
qt.qpa.plugin: From 6.5.0, xcb-cursor0 or libxcb-cursor0 is needed to load the Qt xcb platform plugin.
qt.qpa.xcb: could not connect to display :0
qt.qpa.plugin: Could not load the Qt platform plugin "xcb" in "" even though it was found.
"""


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (XCB, "this account may not use it"),
        ("ImportError: libEGL.so.1: cannot open shared object file: No such file", "libEGL.so.1 is missing"),
        ("something odd\n", "something odd"),
        ("", "Qt said nothing"),
    ],
)
def test_windows(stderr: str, words: str) -> None:
    assert words in explain_window(stderr).message


def test_the_line_about_xcb_cursor_is_not_believed() -> None:
    said = explain_window("From 6.5.0, xcb-cursor0 or libxcb-cursor0 is needed to load the plugin.\n")
    assert "cursor" not in said.message


def test_imports() -> None:
    noexec = "ImportError: /x/QtCore.abi3.so: failed to map segment from shared object"
    assert "noexec" in explain_import(noexec).message
    assert (
        "No module named 'ollama'"
        in explain_import("Traceback\nModuleNotFoundError: No module named 'ollama'").message
    )
