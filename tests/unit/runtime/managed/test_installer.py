"""The vendor's installer: which one is listed, fetching it with and without a hash, opening it."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from fakes.release_server import ReleaseServer
from fakes.signature_tools import FakeTools, authenticode, good_macos, good_windows
from wattlight.paths import asset_text
from wattlight.runtime import RuntimeProblem
from wattlight.runtime.managed import (
    Fetcher,
    Installer,
    Said,
    check_installer,
    choose_installer,
    choose_release,
    make_room,
    open_installer,
)

DATA = bytes(range(256)) * 4000


def listed(page: ReleaseServer, **changes: object) -> Installer:
    artefact = page.add("Ollama.dmg", DATA)
    made = Installer(
        system="darwin", version="0.33.0", url=artefact.url, sha256=artefact.sha256, size_bytes=len(DATA)
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # names of its own fields


def fetch(folder: Path, installer: Installer) -> Path:
    return Fetcher(folder, {}, wait=lambda *_: False).fetch(installer, Event())


def problem_of(call: object, *given: object) -> str:
    with pytest.raises(RuntimeProblem) as caught:
        call(*given)  # type: ignore[operator]  # whatever is tested
    assert caught.value.next_step
    return caught.value.code


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_shipped_list_names_one_for_macos_and_windows(system: str) -> None:
    found = choose_installer(asset_text("servers/ollama.json"), system)
    assert found is not None
    assert found.url.startswith(f"https://github.com/ollama/ollama/releases/download/v{found.version}/")
    assert 0 < found.expected_bytes < found.most_bytes < 4 * 10**9


def test_linux_has_none_and_keeps_its_pinned_copy() -> None:
    text = asset_text("servers/ollama.json")
    assert choose_installer(text, "linux") is None
    assert choose_release(text, "linux", "x86_64").version
    assert choose_installer('{"releases": []}', "darwin") is None


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://example.org/Ollama.dmg"},
        {"url": "https://example.org/Ollama.pkg"},
        {"url": "https://example.org/OllamaSetup.exe"},
        {"system": "linux"},
        {"version": "../../x"},
        {"sha256": "short"},
        {"size_bytes": 0},
        {"about_bytes": 10**12},
        {"about_bytes": "1"},
    ],
)
def test_a_damaged_list_is_refused(change: dict[str, object]) -> None:
    good = {
        "system": "darwin", "version": "0.33.0", "url": "https://example.org/Ollama.dmg",
        "sha256": None, "size_bytes": None, "about_bytes": 1000,
    }  # fmt: skip
    assert choose_installer(json.dumps({"installers": [good]}), "darwin") is not None
    bad = json.dumps({"installers": [{**good, **change}]})
    assert problem_of(choose_installer, bad, "darwin") == "bad_release_list"
    assert problem_of(choose_installer, "[]", "darwin") == "bad_release_list"


def test_with_a_hash_it_is_checked(page: ReleaseServer, tmp_path: Path) -> None:
    installer = listed(page)
    page.faults.wrong_byte = True
    assert problem_of(fetch, tmp_path, installer) == "wrong_hash"
    page.faults.wrong_byte = False
    path = fetch(tmp_path, installer)
    assert path.name == "Ollama-0.33.0.dmg"
    assert path.read_bytes() == DATA


def test_without_a_hash_and_a_size_it_is_fetched_whole_and_gone_on_with(
    page: ReleaseServer, tmp_path: Path
) -> None:
    installer = listed(page, sha256=None, size_bytes=None, about_bytes=len(DATA))
    page.faults.cut_after = 300_000
    path = fetch(tmp_path, installer)
    assert path.read_bytes() == DATA
    assert page.requests[1][1] == "bytes=300000-"
    asked = len(page.requests)
    assert fetch(tmp_path, installer) == path
    assert len(page.requests) == asked


def test_a_whole_part_of_an_unknown_file_is_not_trusted(page: ReleaseServer, tmp_path: Path) -> None:
    (tmp_path / "Ollama-0.33.0.part").write_bytes(b"x" * len(DATA))
    installer = listed(page, sha256=None, size_bytes=None, about_bytes=len(DATA))
    assert fetch(tmp_path, installer).read_bytes() == DATA


def test_more_than_twice_the_rough_size_is_thrown_away(page: ReleaseServer, tmp_path: Path) -> None:
    installer = listed(page, sha256=None, size_bytes=None, about_bytes=len(DATA) // 2 - 1)
    assert problem_of(fetch, tmp_path, installer) == "wrong_hash"
    assert list(tmp_path.iterdir()) == []


def test_a_web_page_is_not_taken_for_it(page: ReleaseServer, tmp_path: Path) -> None:
    page.faults.login_page = True
    installer = listed(page, sha256=None, size_bytes=None, about_bytes=len(DATA))
    assert problem_of(fetch, tmp_path, installer) == "login_page"


def test_other_installers_go_and_room_is_looked_for(tmp_path: Path) -> None:
    installer = Installer(
        system="win32",
        version="0.33.0",
        url="https://example.org/a.exe",
        sha256=None,
        size_bytes=None,
        about_bytes=1000,
    )
    for name in ("Ollama-0.32.0.exe", "Ollama-0.33.0.part"):
        (tmp_path / name).write_bytes(b"x")
    make_room(tmp_path, installer)
    assert [file.name for file in tmp_path.iterdir()] == ["Ollama-0.33.0.part"]
    assert problem_of(make_room, tmp_path, replace(installer, about_bytes=10**18)) == "no_room"
    assert problem_of(make_room, tmp_path / "Ollama-0.33.0.part", installer) == "no_folder"


def test_only_a_file_that_passes_stays(tmp_path: Path) -> None:
    path = tmp_path / "Ollama-0.33.0.exe"
    path.write_bytes(b"x")
    check_installer(path, "win32", good_windows().tools(), {}, Event())
    assert path.exists()
    stopped = FakeTools(RuntimeProblem("Stopped.", "x", "cancelled"))
    assert problem_of(check_installer, path, "win32", stopped.tools(), {}, Event()) == "cancelled"
    assert path.exists(), "it is checked again next time"
    evil = FakeTools(authenticode("O=Ollama Inc. Evil"))
    assert problem_of(check_installer, path, "win32", evil.tools(), {}, Event()) == "wrong_signer"
    assert not path.exists()
    path.write_bytes(b"x")
    hung = FakeTools(TimeoutError())
    assert problem_of(check_installer, path, "darwin", hung.tools(), {}, Event()) == "signature_unknown"
    assert not path.exists()


def test_it_is_opened_as_by_a_double_click_without_any_option(tmp_path: Path) -> None:
    path = tmp_path / "Ollama-0.33.0.exe"
    fake = FakeTools()
    open_installer(path, "win32", fake.tools(), {}, Event())
    assert fake.started == [str(path)]
    assert fake.calls == []
    fake = FakeTools(Said(0))
    open_installer(path, "darwin", fake.tools(), {"LANG": "C"}, Event())
    assert fake.calls == [("/usr/bin/open", str(path))]
    assert fake.environs == [{"LANG": "C"}]


@pytest.mark.parametrize("answer", [Said(1), FileNotFoundError(), TimeoutError()])
def test_what_cannot_be_opened_is_said(tmp_path: Path, answer: Said | OSError) -> None:
    fake = FakeTools(answer)
    assert problem_of(open_installer, tmp_path / "a.dmg", "darwin", fake.tools(), {}, Event()) == "not_opened"


def test_a_person_who_says_no_to_windows_is_told(tmp_path: Path) -> None:
    def refuse(_: str) -> None:
        raise OSError(errno.ECANCELED, "cancelled by the user")

    tools = replace(good_macos().tools(), start_file=refuse)
    assert problem_of(open_installer, tmp_path / "a.exe", "win32", tools, {}, Event()) == "not_opened"
