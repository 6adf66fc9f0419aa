"""The copies on the disk: whole or not at all, tried before use, the one before kept."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from fakes.release_server import ReleaseServer, member, release_list, server_archive, stub_program, tar_zst
from fakes.systems import needs_posix
from wattlight.paths import asset_text
from wattlight.runtime import RuntimeProblem
from wattlight.runtime.managed import (
    Fetcher,
    InUse,
    Release,
    Versions,
    advisories_for,
    choose_release,
    converts_models,
    find_installed,
    floor_version,
    proxy_environment,
    read_advisories,
)
from wattlight.runtime.managed.versions import try_program

ENV = {"PATH": "/usr/bin:/bin"}


def put(versions: Versions, page: ReleaseServer, version: str, data: bytes | None = None) -> Release:
    artefact = page.add(f"{version}.tar.zst", data or server_archive(version))
    release = Release(version, (artefact,))
    archive = Fetcher(versions.downloads, {}).fetch(artefact, Event())
    versions.add(release, (archive,), Event())
    return release


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "ollama")


@needs_posix
def test_install_use_update_and_go_back(versions: Versions, page: ReleaseServer) -> None:
    assert versions.in_use() == InUse()
    put(versions, page, "0.33.0")
    assert versions.in_use() == InUse()
    assert versions.activate("0.33.0", ENV) == InUse("0.33.0")
    put(versions, page, "0.34.0")
    assert versions.activate("0.34.0", ENV) == InUse("0.34.0", "0.33.0")
    assert versions.go_back(ENV) == InUse("0.33.0", "0.34.0")
    put(versions, page, "0.35.0")
    assert versions.activate("0.35.0", ENV) == InUse("0.35.0", "0.33.0")
    assert sorted(p.name for p in (versions.root / "versions").iterdir()) == ["0.33.0", "0.35.0"]
    assert list(versions.downloads.iterdir()) == []


@needs_posix
def test_fault_26_the_version_before_is_intact_after_a_bad_archive(
    versions: Versions, page: ReleaseServer
) -> None:
    put(versions, page, "0.33.0")
    versions.activate("0.33.0", ENV)
    with pytest.raises(RuntimeProblem):
        put(versions, page, "0.34.0", server_archive()[:-50])
    assert versions.in_use() == InUse("0.33.0")
    assert [p.name for p in (versions.root / "versions").iterdir()] == ["0.33.0"]


KILLED = """
import os, shutil, sys
from pathlib import Path
from threading import Event
from wattlight.runtime.managed import Artefact, Release, Versions

archive, root, size = Path(sys.argv[1]), sys.argv[2], os.path.getsize(sys.argv[1])
artefact = Artefact(
    url="", sha256="", size_bytes=size, system="linux", machine="x86_64", unpacked_bytes=1_000_000
)
STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "open"}
left = 0

def step(event, values):
    global left
    if event in STEPS and left and str(values[0]).startswith(root):
        left -= 1
        if not left:
            os._exit(9)

sys.addaudithook(step)
for number in range(1, 200):
    child = os.fork()
    if child == 0:
        copy = Path(root, str(number))
        shutil.copytree(sys.argv[3], copy)
        left = number
        versions = Versions(copy)
        versions.add(Release("0.33.0", (artefact,)), (archive,), Event())
        versions.activate("0.33.0", {"PATH": "/usr/bin:/bin"})
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 9:
        break
print(number)
"""


@needs_posix
def test_the_same_version_again_is_whole_wherever_it_is_killed(
    versions: Versions, page: ReleaseServer, tmp_path: Path
) -> None:
    release = put(versions, page, "0.33.0")
    versions.activate("0.33.0", ENV)
    archive = Fetcher(tmp_path / "kept", {}).fetch(release.artefacts[0], Event())
    words = [str(archive), str(tmp_path / "killed"), str(versions.root)]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *words], capture_output=True, text=True, timeout=100, check=True
    )
    kills = int(ended.stdout)
    assert kills > 15
    for number in range(1, kills + 1):
        left = Versions(tmp_path / "killed" / str(number))
        assert left.in_use() == InUse("0.33.0"), number
        assert left.binary("0.33.0").read_bytes() == versions.binary("0.33.0").read_bytes()
        left.activate("0.33.0", ENV)
        assert [p.name for p in (left.root / "versions").iterdir()] == ["0.33.0"]


@needs_posix
def test_a_new_copy_of_the_same_version_that_does_not_run_changes_nothing(
    versions: Versions, page: ReleaseServer
) -> None:
    put(versions, page, "0.33.0")
    versions.activate("0.33.0", ENV)
    for _ in range(2):
        put(versions, page, "0.33.0", tar_zst(member("bin/ollama", b"#!/bin/sh\nexit 3\n", 0o755)))
        try_program(versions.binary("0.33.0"), "0.33.0", ENV)
    with pytest.raises(RuntimeProblem):
        versions.activate("0.33.0", ENV)
    assert versions.in_use() == InUse("0.33.0")
    try_program(versions.binary("0.33.0"), "0.33.0", ENV)
    assert [p.name for p in (versions.root / "versions").iterdir()] == ["0.33.0"]


ELF_OF_ANOTHER = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf3\x00" + bytes(100)


@pytest.mark.skipif(sys.platform == "win32", reason="programs of this kind")
@pytest.mark.parametrize(
    ("program", "mode", "code"),
    [
        (ELF_OF_ANOTHER, 0o755, "wrong_architecture"),
        (stub_program(), 0o644, "not_allowed_to_run"),
        (b"#!/nonexistent/loader\n", 0o755, "system_too_old"),
        (
            b"#!/bin/sh\necho \"ollama: version 'GLIBC_2.99' not found\" >&2; exit 1\n",
            0o755,
            "system_too_old",
        ),
        (b"#!/bin/sh\nexit 3\n", 0o755, "does_not_run"),
        (b"#!/bin/sh\necho version is 0.1.0\n", 0o755, "wrong_version"),
    ],
)
def test_fault_28_what_does_not_run_is_not_put_to_use(
    versions: Versions, page: ReleaseServer, program: bytes, mode: int, code: str
) -> None:
    put(versions, page, "0.33.0")
    versions.activate("0.33.0", ENV)
    put(versions, page, "0.34.0", tar_zst(member("bin/ollama", program, mode)))
    with pytest.raises(RuntimeProblem) as caught:
        versions.activate("0.34.0", ENV)
    assert caught.value.code == code
    assert "is not used, because" in caught.value.message
    assert versions.in_use() == InUse("0.33.0")


def test_fault_28_a_program_that_never_ends(
    versions: Versions, page: ReleaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.runtime.managed.versions.TRIAL_S", 0.2)
    put(versions, page, "0.34.0", tar_zst(member("bin/ollama", b"#!/bin/sh\nexec sleep 60\n", 0o755)))
    with pytest.raises(RuntimeProblem) as caught:
        versions.activate("0.34.0", ENV)
    assert caught.value.code == "does_not_run"


def test_an_extra_archive_is_laid_beside(versions: Versions, page: ReleaseServer) -> None:
    base = page.add("base", server_archive())
    extra = page.add("rocm", tar_zst(member("lib/ollama/rocm/librocm.so", b"rocm")), variant="rocm")
    release = Release("0.33.0", (base, extra))
    fetcher = Fetcher(versions.downloads, {})
    archives = tuple(fetcher.fetch(item, Event()) for item in release.artefacts)
    heard: list[int] = []
    versions.add(release, archives, Event(), heard.append)
    folder = versions.root / "versions" / "0.33.0"
    assert (folder / "lib/ollama/rocm/librocm.so").read_bytes() == b"rocm"
    assert sorted(p.name for p in folder.iterdir()) == ["bin", "lib"]
    assert heard == sorted(heard)


def test_no_room_is_said_before_the_download(versions: Versions, page: ReleaseServer) -> None:
    artefact = page.add("x", b"x", unpacked_bytes=10**16)
    with pytest.raises(RuntimeProblem) as caught:
        versions.check_room(Release("0.33.0", (artefact,)))
    assert caught.value.code == "no_room"
    assert page.requests == []


def test_a_damaged_pointer_names_nothing(versions: Versions, page: ReleaseServer) -> None:
    put(versions, page, "0.33.0")
    pointer = versions.root / "in-use.json"
    for text in ("", "[]", "{", '{"current": 5}', '{"current": "../../etc"}', '{"current": "9.9.9"}'):
        pointer.write_text(text)
        assert versions.in_use() == InUse()
    with pytest.raises(RuntimeProblem) as caught:
        versions.go_back(ENV)
    assert caught.value.code == "no_previous"


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_the_shipped_list_pins_a_release_for_linux(machine: str) -> None:
    release = choose_release(asset_text("servers/ollama.json"), "linux", machine)
    (server,) = release.artefacts
    assert server.url.startswith(f"https://github.com/ollama/ollama/releases/download/v{release.version}/")
    assert 10**9 < server.expected_bytes < release.unpacked_bytes
    assert not release.disk_is_exact
    advisories = read_advisories(asset_text("servers/advisories.json"))
    assert advisories_for(release.version, advisories) == ()


def test_every_shipped_hash_names_at_least_two_sources() -> None:
    for release in json.loads(asset_text("servers/ollama.json"))["releases"]:
        for artefact in release["artefacts"]:
            assert len(set(artefact["sources"])) >= 2
            if artefact["size_bytes"] is not None:
                assert len(set(artefact["size_sources"])) >= 2


def test_without_the_extra_files_of_a_card_the_server_alone_is_offered_and_it_is_said() -> None:
    release = choose_release(asset_text("servers/ollama.json"), "linux", "x86_64", frozenset({"rocm"}))
    assert [a.variant for a in release.artefacts] == [""]
    assert release.lacking == {"rocm"}


def test_a_release_is_chosen_for_the_computer_and_its_cards(page: ReleaseServer) -> None:
    base, rocm = page.add("b", b"b"), page.add("r", b"r", variant="rocm")
    text = release_list("0.33.0", rocm, base)
    assert choose_release(text, "linux", "x86_64").artefacts == (base,)
    both = choose_release(text, "linux", "x86_64", frozenset({"rocm"}))
    assert both.artefacts == (base, rocm)
    assert both.download_bytes == 2
    assert not both.lacking
    older = json.loads(text)["releases"]
    newest = json.loads(release_list("0.34.0", base))["releases"]
    two = json.dumps({"releases": newest + older})
    assert choose_release(two, "linux", "x86_64", frozenset({"rocm"})).version == "0.33.0"
    assert choose_release(two, "linux", "x86_64").version == "0.34.0"
    with pytest.raises(RuntimeProblem) as caught:
        choose_release(text, "darwin", "arm64")
    assert caught.value.code == "no_pinned_server"
    assert caught.value.next_step


def test_sizes_that_are_only_roughly_known(page: ReleaseServer) -> None:
    known = page.add("b", b"b" * 10, unpacked_bytes=50)
    rough = replace(known, size_bytes=None, about_bytes=12, unpacked_bytes=None, about_unpacked_bytes=60)
    release = choose_release(release_list("0.33.0", rough), "linux", "x86_64")
    assert (release.download_bytes, release.unpacked_bytes, release.disk_bytes) == (12, 60, 72)
    assert (release.download_is_exact, release.disk_is_exact) == (False, False)
    assert (rough.most_bytes, rough.most_unpacked_bytes) == (24, 120)
    exact = choose_release(release_list("0.33.0", known), "linux", "x86_64")
    assert (exact.download_is_exact, exact.disk_is_exact) == (True, True)
    assert (known.most_bytes, known.most_unpacked_bytes) == (10, 50)


def test_an_archive_of_roughly_known_size_may_be_twice_that_and_no_more(
    versions: Versions, page: ReleaseServer
) -> None:
    data = tar_zst(member("bin/ollama", stub_program("0.33.0"), 0o755), member("lib/x", bytes(9_000_000)))
    for about, works in ((4_600_000, True), (3_000_000, False)):
        artefact = replace(page.add("a", data), unpacked_bytes=None, about_unpacked_bytes=about)
        archive = Fetcher(versions.downloads, {}).fetch(artefact, Event())
        release = Release("0.33.0", (artefact,))
        if works:
            versions.add(release, (archive,), Event())
            continue
        with pytest.raises(RuntimeProblem) as caught:
            versions.add(release, (archive,), Event())
        assert caught.value.code == "bad_archive"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://127.0.0.1", "http://far.example"),
        ('"0.33.0"', '"../0.33.0"'),
        ('"size_bytes": 1', '"size_bytes": -1'),
        ('"size_bytes": 1', '"size_bytes": 99999999999999'),
        ('"size_bytes": 1', '"size_bytes": null'),
        ('"size_bytes": 1', '"size_bytes": "1"'),
        ('"sha256": "', '"sha256": "zz'),
        ('"url"', '"uri"'),
        ("{", "["),
    ],
)
def test_a_list_that_is_not_as_it_should_be_is_refused(page: ReleaseServer, old: str, new: str) -> None:
    text = release_list("0.33.0", page.add("b", b"b"))
    assert old in text
    with pytest.raises(RuntimeProblem) as caught:
        choose_release(text.replace(old, new), "linux", "x86_64")
    assert caught.value.code == "bad_release_list"


def test_fault_20_known_holes() -> None:
    advisories = read_advisories(asset_text("servers/advisories.json"))
    assert floor_version(advisories) == "0.34.3"
    old = [a.source for a in advisories_for("0.1.30", advisories)]
    assert old == ["CVE-2026-86289", "CVE-2026-7482", "CVE-2025-51471", "CVE-2024-37032"]
    assert advisories_for("0.17.1-rc0", advisories)
    for fine in ("0.34.3", "0.35.0-rc2", "v1.0.0", "0.0.0", "0.0.0-dev", None, "newest"):
        assert advisories_for(fine, advisories) == ()


def test_an_installed_program_and_its_service(tmp_path: Path) -> None:
    assert find_installed({"PATH": ""}, tmp_path) is None
    binary = tmp_path / "usr" / "local" / "bin" / "ollama"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(b"")
    found = find_installed({"PATH": ""}, tmp_path)
    assert found is not None
    assert (found.binary, found.service_commands) == (binary, ())
    unit = tmp_path / "etc" / "systemd" / "system" / "ollama.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]")
    found = find_installed({"PATH": ""}, tmp_path)
    assert found is not None
    if sys.platform == "linux":
        assert found.service_commands[0] == "sudo systemctl start ollama"


def test_the_server_gets_the_proxy_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "http://proxy:3128", "ftp": "x"})
    assert proxy_environment({}, "darwin") == {
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "127.0.0.1,localhost,::1",
    }
    assert proxy_environment({"no_proxy": "lan"}, "win32") == {"HTTPS_PROXY": "http://proxy:3128"}
    assert proxy_environment({"HTTPS_PROXY": "http://mine:1"}, "darwin") == {}
    assert proxy_environment({}, "linux") == {}


@needs_posix
def test_a_full_disk_during_unpacking(
    versions: Versions, page: ReleaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    put(versions, page, "0.33.0")
    versions.activate("0.33.0", ENV)
    monkeypatch.setattr("wattlight.runtime.managed.unpacking.shutil.copyfileobj", full)
    with pytest.raises(RuntimeProblem) as caught:
        put(versions, page, "0.34.0")
    assert caught.value.code == "no_room"
    assert versions.in_use() == InUse("0.33.0")
    assert [p.name for p in (versions.root / "versions").iterdir()] == ["0.33.0"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a file system")
@pytest.mark.parametrize(
    ("options", "code"), [("size=64k", "no_room"), ("size=8m,noexec", "not_allowed_to_run")]
)
def test_fault_28_on_file_systems_that_are_full_or_run_no_programs(
    tmp_path: Path, page: ReleaseServer, options: str, code: str
) -> None:
    place = tmp_path / "mount"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        versions = Versions(place / "ollama")
        with pytest.raises(RuntimeProblem) as caught:
            put(
                versions,
                page,
                "0.33.0",
                tar_zst(member("bin/ollama", stub_program() + os.urandom(100_000), 0o755)),
            )
            versions.activate("0.33.0", ENV)
        assert caught.value.code == code
        assert versions.in_use() == InUse()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_hole_is_told_from_the_version_on_that_has_it() -> None:
    advisories = read_advisories(asset_text("servers/advisories.json"))

    def holes(version: str) -> list[str]:
        return [a.source.split(";")[0] for a in advisories_for(version, advisories)]

    assert holes("0.13.5") == ["CVE-2026-86289", "CVE-2026-7482", "CVE-2025-51471"]
    assert holes("0.29.9") == ["CVE-2026-86289", "CVE-2026-102697"]
    assert holes("0.31.2") == ["CVE-2026-85180"]
    assert holes("0.34.3") == holes("0.40.2") == []


@pytest.mark.parametrize(
    ("version", "converts"),
    [
        ("0.35.1", False),
        ("0.40.0-rc1", True),
        ("0.40.0", True),
        ("1.0.0", True),
        ("0.0.0", False),
        (None, False),
    ],
)
def test_from_which_version_on_models_are_converted(version: str | None, converts: bool) -> None:
    assert converts_models(version) is converts
