"""Newer versions of the program itself: asked once a day where that is switched on, and only told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import AppState, HostState, OwnUpdate, Package, ServerState
from wattlight.domain.values import LOCAL_HOST
from wattlight.i18n import activate
from wattlight.services import own_updates
from wattlight.services.current import CurrentSettings
from wattlight.services.factory import ServiceFactory
from wattlight.services.hub import StateHub
from wattlight.services.own_updates import OwnUpdates, UpdateProblem, feed_address, newer_than, parse_releases
from wattlight.settings import Settings

NOW = datetime(2027, 1, 12, 9, 0, tzinfo=UTC)
FEED = json.dumps(
    {
        "schema": 1,
        "releases": [
            {"version": "1.2.1", "date": "2026-12-20", "changes": ["Charts zoom"]},
            {
                "version": "1.3.0",
                "date": "2027-01-10",
                "page": "https://releases.example/1.3",
                "changes": ["Fans"],
            },
            {"version": "1.4.0rc1", "changes": ["not yet"]},
            {"version": "1.2.0", "date": "2026-11-30", "changes": ["old"]},
        ],
    }
)


class Server:
    """A feed on this computer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.status, self.body = 200, FEED

        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                self.send_response(outer.status)
                body = outer.body.encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self._http = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/versions.json"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


class Desk:
    """The service with its surroundings; the clock is moved by hand."""

    def __init__(self, folder: Path, address: str, running: str = "1.2.0", on: bool = True) -> None:
        activate("en")
        self.now = NOW
        self.factory = ServiceFactory({"WATTLIGHT_HOME": str(folder)})
        self.factory.now = lambda: self.now  # type: ignore[method-assign]
        self.settings = CurrentSettings(replace(Settings(), look_for_updates=on), {})
        self.hub = StateHub(AppState((HostState(LOCAL_HOST, "here", ServerState("x")),)))
        self.updates = OwnUpdates(self.factory, self.settings, self.hub, address, running, Package.DEB)

    def beat(self, hours: float = 0.0) -> OwnUpdate:
        """Time passes, a sample comes, and what it began ends."""
        self.now += timedelta(hours=hours)
        self.updates.beat()
        return self.settled()

    def settled(self) -> OwnUpdate:
        end = time.monotonic() + 10
        while self.updates._busy and time.monotonic() < end:
            time.sleep(0.01)
        return self.hub.state.update

    @property
    def notices(self) -> list[str]:
        return [notice.text for notice in self.hub.state.notices]


@contextmanager
def desk_at(folder: Path, address: str, **more: object) -> Iterator[Desk]:
    made = Desk(folder, address, **more)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        assert made.updates.stop()
        made.factory.threads.close(2.0)


def test_it_asks_nothing_until_it_is_switched_on(tmp_path: Path, server: Server) -> None:
    with desk_at(tmp_path, server.address, on=False) as desk:
        desk.beat()
        desk.updates.look(Command(Verb.LOOK_FOR_UPDATE))
        for _ in range(3):
            desk.beat(24)
        assert server.asked == [] and desk.hub.state.update.version == ""


def test_it_asks_once_a_day_and_tells_each_version_once(tmp_path: Path, server: Server) -> None:
    with desk_at(tmp_path, server.address) as desk:
        found = desk.beat()
        assert (found.version, found.day, found.page) == (
            "1.3.0",
            date(2027, 1, 10),
            "https://releases.example/1.3",
        )
        assert found.changes == ("Fans", "Charts zoom"), "all since the version that runs, the newest first"
        assert desk.notices == ["Wattlight 1.3.0 is available. Settings tell what is new."]
        for _ in range(20):
            desk.beat(1)
        assert len(server.asked) == 1
        desk.hub.dismiss("update", desk.now)
        desk.beat(5)
        assert len(server.asked) == 2 and desk.notices == [], "a version is told once"


def test_a_restart_knows_what_was_answered_and_asks_nothing(tmp_path: Path, server: Server) -> None:
    with desk_at(tmp_path, server.address) as desk:
        desk.beat()
    with desk_at(tmp_path, server.address) as again:
        again.now = NOW + timedelta(hours=2)
        assert again.beat().version == "1.3.0"
        assert again.notices == [] and len(server.asked) == 1
    with desk_at(tmp_path, server.address, running="1.3.0") as updated:
        updated.now = NOW + timedelta(hours=3)
        assert updated.beat().version == "" and len(server.asked) == 1


def test_the_request_says_nothing_of_the_computer(tmp_path: Path, server: Server) -> None:
    with desk_at(tmp_path, server.address) as desk:
        desk.beat()
        ((path, headers),) = server.asked
        assert path == "/versions.json"
        assert not {"Cookie", "Authorization", "Referer", "X-Version"} & set(headers)
        assert "1.2.0" not in json.dumps(headers) and "Linux" not in json.dumps(headers)
        (contact,) = desk.factory.jobs().contacts()
        assert (contact.host, contact.reason) == ("127.0.0.1", "update")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, "", "The address answered with status 404. Wattlight asks again tomorrow."),
        (200, "<html>busy</html>", "What the address answers is no list of versions."),
        (200, '{"releases": 7}', "What the address answers is no list of versions."),
        (200, "[" * 100_000, "What the address answers is no list of versions."),
        (200, "x" * (300 << 10), "The address could not be reached. Wattlight asks again tomorrow."),
    ],
)
def test_a_bad_answer_is_said_in_settings_and_nowhere_else(
    tmp_path: Path, server: Server, status: int, body: str, said: str
) -> None:
    server.status, server.body = status, body
    with desk_at(tmp_path, server.address) as desk:
        assert desk.beat().said == said
        assert desk.notices == []
        desk.beat(1)
        assert len(server.asked) == 1, "not before tomorrow"
        server.status, server.body = 200, FEED
        found = desk.beat(24)
        assert (found.said, found.version) == ("", "1.3.0")


def test_an_address_that_nobody_answers_is_no_error_of_the_program(tmp_path: Path, server: Server) -> None:
    address = server.address
    server.close()
    with desk_at(tmp_path, address) as desk:
        assert desk.beat().said.startswith("The address could not be reached.")
        assert desk.notices == []
    server._http = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # for the fixture's end
    server._thread = threading.Thread(target=server._http.serve_forever, daemon=True)
    server._thread.start()


def test_hostile_lines_are_plain_and_short() -> None:
    feed = {"releases": [{"version": "9.9", "page": "javascript:x", "changes": ["\u202eevil\n" * 99, 7]}, 3]}
    (release,) = parse_releases(json.dumps(feed))
    assert release.page == "" and release.day is None
    (line,) = release.changes
    assert len(line) <= 200 and "\n" not in line and "\u202e" not in line
    with pytest.raises(UpdateProblem):
        parse_releases("{}")


@pytest.mark.parametrize(
    ("running", "newest"),
    [
        ("1.2.0", "1.3.0"),
        ("1.3", None),
        ("1.3.0", None),
        ("1.10", None),
        ("2.0.0", None),
        ("1.3.0rc1", None),
        ("0.9", "1.3.0"),
    ],
)
def test_only_what_is_newer_is_offered(running: str, newest: str | None) -> None:
    found = newer_than(running, parse_releases(FEED))
    assert (found.version if found else None) == newest


def test_this_package_names_no_address_and_so_asks_nothing(tmp_path: Path) -> None:
    assert feed_address() == ""
    with desk_at(tmp_path, feed_address()) as desk:
        desk.beat()
        assert desk.hub.state.update == OwnUpdate(package=Package.DEB)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://example.org/v.json", "https://example.org/v.json"),
        ("http://127.0.0.1:8000/v.json", "http://127.0.0.1:8000/v.json"),
        ("http://example.org/v.json", ""),
        ("file:///etc/passwd", ""),
        ("https://me:secret@example.org/", ""),
        (7, ""),
    ],
)
def test_a_packagers_address_is_asked_only_where_it_is_safe(
    written: object, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_updates, "asset_bytes", lambda _name: json.dumps({"address": written}).encode())
    assert feed_address() == asked
