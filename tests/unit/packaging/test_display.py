"""A screen is there when something answers behind the variable, not when the variable is set."""

import socket
import sys
from pathlib import Path

import pytest
from bootstrap_parts.screen import answers, find_displays, wayland_address, x11_addresses

unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
pytestmark = unix_only


def nobody(family: int, address: object) -> bool:
    return False


def everybody(family: int, address: object) -> bool:
    return True


def test_nothing_set() -> None:
    found = find_displays({}, "linux", everybody)
    assert found.platforms == ()
    assert found.why_none == "neither DISPLAY nor WAYLAND_DISPLAY is set"


def test_set_but_dead() -> None:
    found = find_displays(
        {"DISPLAY": ":7", "WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": "/r"}, "linux", nobody
    )
    assert found.platforms == ()
    assert "DISPLAY is :7, but nothing answers there" in found.why_none
    assert "WAYLAND_DISPLAY is wayland-9" in found.why_none


def test_both_ask_for_both_groups_of_libraries() -> None:
    env = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": "/r"}
    assert find_displays(env, "linux", everybody).platforms == ("wayland", "xcb")
    del env["XDG_RUNTIME_DIR"]
    assert find_displays(env, "linux", everybody).platforms == ("xcb",)


def test_a_platform_without_screen_is_the_persons_wish() -> None:
    found = find_displays({"QT_QPA_PLATFORM": "offscreen"}, "linux", nobody)
    assert (found.platforms, found.why_none) == ((), "")


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_have_a_screen(platform: str) -> None:
    assert find_displays({}, platform, nobody).why_none == ""


def test_where_an_x_server_listens() -> None:
    assert x11_addresses(":3.0")[:2] == [
        (socket.AF_UNIX, "\0/tmp/.X11-unix/X3"),
        (socket.AF_UNIX, "/tmp/.X11-unix/X3"),
    ]
    assert x11_addresses("127.0.0.1:10.0") == [(socket.AF_INET, ("127.0.0.1", 6010))]
    assert x11_addresses("nonsense") == []
    assert x11_addresses("") == []


def test_where_a_wayland_server_listens() -> None:
    assert wayland_address("wayland-0", "/run/user/1") == "/run/user/1/wayland-0"
    assert wayland_address("/abs/sock", "") == "/abs/sock"
    assert wayland_address("wayland-0", "") is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs Unix sockets")
def test_a_real_socket_answers(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert not answers(socket.AF_UNIX, path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert answers(socket.AF_UNIX, path)
    assert not answers(socket.AF_UNIX, path), "a socket file without a server is no screen"
