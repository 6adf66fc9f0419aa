"""pip's lines as progress; its failures as causes; one more try with the system's certificates."""

import sys
from pathlib import Path

import pytest
from bootstrap_parts import install
from bootstrap_parts.say import StepError

from fakes import pip_words


def test_progress_follows_pips_lines() -> None:
    lines: list[str] = []
    assert "Asking" in install.progress_text(lines, 33, 0)
    lines.append("Collecting pyside6-essentials==6.12.0\n")
    assert install.progress_text(lines, 33, 0).startswith("Fetching 1 of 33: pyside6-essentials; ")
    lines.append("  Downloading pyside6_essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl (84.1 MB)\n")
    said = install.progress_text(lines, 33, 12_300_000)
    assert said == "Fetching 1 of 33: pyside6-essentials (84.1 MB); 12 MB so far"
    lines.append("Collecting anyio==4.16.0\n")
    assert install.progress_text(lines, 33, 0).startswith("Fetching 2 of 33: anyio; ")
    lines.append("Installing collected packages: a, b\n")
    assert install.progress_text(lines, 33, 0) == "Unpacking 33 packages ..."


def test_packages_are_counted_for_this_system() -> None:
    text = "a==1 \\\n    --hash=x\nb==2 ; sys_platform == 'win32' \\\n    --hash=y\n"
    text += "# c==3\nd==4 ; sys_platform != 'win32'\n"
    assert install.packages_in(text, "linux") == 2
    assert install.packages_in(text, "win32") == 2


def test_the_command_demands_hashes_and_ready_made_wheels(tmp_path: Path) -> None:
    command = install.install_command(["pip"], Path("requirements.lock"), None)
    assert "--require-hashes" in command
    assert command[command.index("--only-binary") + 1] == ":all:"
    assert "--isolated" not in command, "that would drop the certificate and index settings"
    offline = install.install_command(["pip"], Path("requirements.lock"), tmp_path)
    assert offline[-3:] == ["--no-index", "--find-links", str(tmp_path)]


def fake_pip(folder: Path, body: str) -> list[str]:
    script = folder / "fake_pip.py"
    script.write_text(f"import os, sys\n{body}\n")
    return [sys.executable, "-I", str(script)]


def test_a_failure_is_explained(tmp_path: Path) -> None:
    pip = fake_pip(tmp_path, f"print({pip_words.NO_NETWORK!r}); sys.exit(1)")
    with pytest.raises(StepError) as caught:
        install.install(pip, tmp_path, 3)
    assert caught.value.next_step == "Nothing was changed. Connect and run again."


def test_a_refused_certificate_is_tried_once_with_the_systems_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PIP_CERT", raising=False)
    body = "good = os.environ.get('PIP_CERT') == '/ca.pem'\n"
    body += f"print('' if good else {pip_words.COMPANY_PROXY!r})\nsys.exit(not good)"
    install.install(fake_pip(tmp_path, body), tmp_path, 3, certificates="/ca.pem")
    assert "trying the system's own (/ca.pem)" in capsys.readouterr().err


def test_a_certificate_refused_twice_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_CERT", raising=False)
    body = (
        f"open({str(tmp_path / 'calls')!r}, 'a').write('x'); print({pip_words.COMPANY_PROXY!r}); sys.exit(1)"
    )
    with pytest.raises(StepError, match="certificate"):
        install.install(fake_pip(tmp_path, body), tmp_path, 3, certificates="/ca.pem")
    assert (tmp_path / "calls").read_text() == "xx"


def test_pip_works_in_a_clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    body = "sys.exit('PIP_TARGET' in os.environ or os.environ['PIP_USER'] != '0')"
    install.install(fake_pip(tmp_path, body), tmp_path, 1)


def test_odd_bytes_do_not_break_the_reader(tmp_path: Path) -> None:
    body = r"sys.stdout.buffer.write(b'Collecting \xff\xfe\x1b[31m==1\n' + b'x' * 100000)"
    install.install(fake_pip(tmp_path, body), tmp_path, 1)
