"""The reader: nothing outside its root, mode 0000 is a closed door, descriptors are kept and dropped."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wattlight.probes.reader import Reader

Make = Callable[..., Path]


def test_links_stay_inside_the_root(make_tree: Make, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("outside")
    root = make_tree({"sys/real/value": 7, "etc/x": 1})
    (root / "sys/absolute").symlink_to("/sys/real")
    (root / "sys/relative").symlink_to("real/value")
    (root / "sys/escape").symlink_to("../../secret")
    (root / "sys/outside").symlink_to(str(secret))
    (root / "sys/loop").symlink_to("loop")
    reader = Reader(root)
    assert reader.text("/sys/absolute/value") == "7"
    assert reader.text("/sys/relative") == "7"
    for path in ("/sys/escape", "/sys/outside", "/sys/loop", "/../secret", "/sys/../../secret", "/sys/\0x"):
        assert reader.text(path) is None
        assert not reader.exists(path)
        assert reader.listdir(path) == []
    assert reader.readlink("/sys/relative") == "value" and reader.readlink("/sys/real/value") is None


def test_mode_0000_is_permission_denied_even_for_root(make_tree: Make) -> None:
    root = make_tree({"a/energy_uj": 1, "b/inner/x": 1}, ("energy_uj",))
    (root / "b").chmod(0)
    reader = Reader(root)
    with pytest.raises(PermissionError) as caught:
        reader.read_bytes("/a/energy_uj")
    assert caught.value.errno == errno.EACCES
    with pytest.raises(PermissionError):
        reader.again("/a/energy_uj")
    assert reader.text("/b/inner/x") is None and reader.listdir("/b") == []
    (root / "b").chmod(0o755)


def test_a_kept_descriptor_sees_new_content_and_is_dropped(make_tree: Make) -> None:
    root = make_tree({"sys/value": 1})
    lines: list[str] = []
    reader = Reader(root, lines.append)
    assert reader.again("/sys/value") == b"1\n"
    (root / "sys/value").write_text("22\n")
    assert reader.again("/sys/value") == b"22\n"
    assert lines == ["open /sys/value"]
    reader.drop("/sys")
    assert reader.again("/sys/value") == b"22\n" and len(lines) == 2
    reader.close()


def test_no_descriptor_is_left_open(make_tree: Make) -> None:
    root = make_tree({f"sys/{n}": n for n in range(700)})
    before = len(list(Path("/proc/self/fd").iterdir()))
    reader = Reader(root)
    for n in range(700):
        assert reader.again(f"/sys/{n}") == f"{n}\n".encode()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 512
    assert reader.again("/sys/0") == b"0\n"
    reader.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_folders_pipes_and_missing_files_are_no_text(make_tree: Make) -> None:
    root = make_tree({"sys/a/b": 1})
    os.mkfifo(root / "sys/pipe")
    reader = Reader(root)
    assert reader.text("/sys/a") is reader.text("/sys/pipe") is reader.text("/sys/none") is None
    assert reader.listdir("/none") == [] and reader.listdir("/sys/a/b") == []


def test_ioctl_answers_come_from_the_tree(make_tree: Make) -> None:
    root = make_tree({"ioctl/two.bin": b"\x01\x02", "dev/dri/renderD128": ""})
    reader = Reader(root)
    assert reader.canned("one", "two") == b"\x01\x02" and reader.canned("three") is None
    assert reader.ioctl("/dev/dri/renderD128", 1, bytearray(4)) is False
    assert Reader().canned("two") is None


def test_long_files_are_cut(make_tree: Make) -> None:
    root = make_tree({"proc/big": "x" * 300_000})
    assert len(Reader(root).text("/proc/big") or "") == 65536


def test_moving_reads_the_later_sample(make_tree: Make) -> None:
    first, second = make_tree({"v": 1}), make_tree({"v": 2})
    reader = Reader(first)
    assert reader.again("/v") == b"1\n"
    reader.move(second)
    assert reader.again("/v") == b"2\n"
    reader.close()


def test_the_real_machine_is_read_too(tmp_path: Path) -> None:
    reader = Reader()
    file = tmp_path / "value"
    file.write_text("5\n")
    assert reader.live and reader.text(str(file)) == "5"
    with pytest.raises(OSError):
        reader.ioctl(str(tmp_path / "none"), 1, bytearray(4))
