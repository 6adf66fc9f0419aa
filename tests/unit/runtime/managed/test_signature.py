"""Who signed an installer: only Ollama's maker is accepted, everything else has one sentence."""

import sys
from pathlib import Path
from threading import Event

import pytest

from fakes.signature_tools import OLLAMA_SUBJECT, TEAM, FakeTools, authenticode, codesign_names, good_macos
from wattlight.runtime import RuntimeProblem
from wattlight.runtime.managed import Said
from wattlight.runtime.managed.installer import REQUIREMENT, check_signature, parse_subject, run_tool

FILE = Path("/data/it's $(here); rm -rf/Ollama-0.35.0.exe")
ENV = {"PATH": "/bin", "SystemRoot": r"D:\Win", "PSModulePath": r"C:\other", "LANG": "C"}


def refused(system: str, fake: FakeTools) -> str:
    with pytest.raises(RuntimeProblem) as caught:
        check_signature(FILE, system, fake.run, ENV, Event())
    assert str(caught.value).startswith("Ollama's installer was not opened, because ")
    assert caught.value.next_step
    return caught.value.code


@pytest.mark.parametrize(
    "subject",
    [
        OLLAMA_SUBJECT,
        "CN=Ollama Inc., O=Ollama Inc., L=San Francisco, S=California, C=US",
        'CN="Ollama Inc.", O="Ollama Inc.", C=US',
        "C=US, o=Ollama Inc.",
        "O=Ollama Inc.+OU=Releases, C=US",
    ],
)
def test_windows_accepts_exactly_ollama(subject: str) -> None:
    fake = FakeTools(authenticode(subject))
    check_signature(FILE, "win32", fake.run, ENV, Event())
    assert len(fake.calls) == 1


def test_windows_is_asked_without_a_shell_and_the_path_is_no_part_of_the_command() -> None:
    fake = FakeTools(authenticode())
    check_signature(FILE, "win32", fake.run, ENV, Event())
    argv, env = fake.calls[0], fake.environs[0]
    assert argv[0] == r"D:\Win\System32\WindowsPowerShell\v1.0\powershell.exe"
    assert "-NoProfile" in argv
    assert "-LiteralPath $env:WATTLIGHT_FILE" in argv[-1]
    assert not any(str(FILE) in part for part in argv)
    assert env == {"PATH": "/bin", "SystemRoot": r"D:\Win", "LANG": "C", "WATTLIGHT_FILE": str(FILE)}


@pytest.mark.parametrize(
    "subject",
    [
        "CN=Ollama Inc., O=Ollama Inc. Evil, C=US",
        "CN=Ollama Inc., O=Evil Ollama Inc., C=US",
        "CN=Ollama Inc., O=ollama inc., C=US",
        "CN=Ollama Inc., O=Ollama Inc, C=US",
        "CN=Ollama Inc., C=US",
        "CN=Ollama Inc., OU=Ollama Inc., C=US",
        'CN="Evil, O=Ollama Inc.", O=Evil, C=US',
        'CN="Evil, O=Ollama Inc.", C=US',
        'CN="x"", O=Ollama Inc., L=""", O=Evil',
        'O="Ollama Inc., Evil", C=US',
        'O="Ollama Inc."" ", C=US',
        'O="""Ollama Inc.""", C=US',
        "O=Evil, O=Ollama Inc.",
        "O=Ollama Inc., O=Ollama Inc.",
        "O=Ollama Inc., OID.2.5.4.10=Evil",
        "O=Ollama\u00a0Inc., C=US",
        "O=Оllama Inc., C=US",  # a Cyrillic first letter is the point
        "O=Ollama Inc.\\, Evil, C=US",
        "O=Ollama Inc.;O=Evil",
        "O=Ollama Inc.\nO=Evil",
        "O=Ollama Inc.,",
        'O="Ollama Inc.',
        'O="Ollama Inc."x, C=US',
        "Ollama Inc.",
        "",
    ],
)
def test_windows_refuses_every_other_signer(subject: str) -> None:
    assert refused("win32", FakeTools(authenticode(subject))) == "wrong_signer"


@pytest.mark.parametrize(
    "status", ["NotSigned", "HashMismatch", "NotTrusted", "UnknownError", "valid", "Valid ", ""]
)
def test_windows_refuses_what_is_not_valid_whoever_it_names(status: str) -> None:
    assert refused("win32", FakeTools(authenticode(status=status))) == "bad_signature"


@pytest.mark.parametrize(
    "said",
    [
        Said(1, authenticode().out),
        Said(0),
        Said(0, "Valid|O=Ollama Inc."),
        Said(0, "[]"),
        Said(0, "null"),
        Said(0, '{"Status": "Valid"}'),
        Said(0, '{"Status": 0, "Subject": "O=Ollama Inc."}'),
        Said(0, '{"Status": "Valid", "Subject": null}'),
        Said(0, '{"Status": "Valid", "Subject": "O=Ollama Inc.", "More": 1}'),
        Said(0, authenticode().out + authenticode().out),
        Said(0, "[" * 60_000),
        Said(0, "\ufffd\ufffd\x00"),
    ],
)
def test_windows_refuses_an_answer_that_is_none(said: Said) -> None:
    assert refused("win32", FakeTools(said)) == "signature_unknown"


def test_macos_asks_for_the_chain_the_names_and_gatekeeper() -> None:
    fake = good_macos()
    check_signature(FILE, "darwin", fake.run, ENV, Event())
    verify, names, gatekeeper = fake.calls
    assert verify == (
        "/usr/bin/codesign", "--verify", "--deep", "--strict", f"-R={REQUIREMENT}", str(FILE),
    )  # fmt: skip
    assert f'leaf[subject.OU] = "{TEAM}"' in REQUIREMENT
    assert names[:2] == ("/usr/bin/codesign", "-dv")
    assert gatekeeper[:4] == ("/usr/sbin/spctl", "--assess", "--type", "open")
    assert all(call[-1] == str(FILE) for call in fake.calls)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ((Said(1, "", "code object is not signed at all"),), "bad_signature"),
        ((Said(3, "", "test-requirement: code failed to satisfy"),), "wrong_signer"),
        ((Said(-9),), "bad_signature"),
        ((Said(0), codesign_names("EVIL000000")), "wrong_signer"),
        ((Said(0), codesign_names(TEAM, "Apple Development: Infra Technologies, Inc")), "wrong_signer"),
        ((Said(0), codesign_names("not set")), "wrong_signer"),
        ((Said(0), codesign_names(f"{TEAM}\nTeamIdentifier=EVIL000000")), "wrong_signer"),
        ((Said(0), codesign_names("EVIL000000", f"Developer ID Application: ({TEAM})")), "wrong_signer"),
        (
            (Said(0), Said(0, "", codesign_names("EVIL000000").err.replace("=EVIL000000", f"={TEAM}"))),
            "wrong_signer",
        ),
        ((Said(0), Said(0, "", "Signature=adhoc\nTeamIdentifier=not set\n")), "signature_unknown"),
        ((Said(0), Said(0, "\ufffd" * 9, "garbage")), "signature_unknown"),
        ((Said(0), Said(1, "", codesign_names().err)), "signature_unknown"),
        ((Said(0), codesign_names(), Said(3, "", "rejected")), "bad_signature"),
        ((Said(0), codesign_names(), Said(-6)), "bad_signature"),
    ],
)
def test_macos_refuses_everything_else(answers: tuple[Said, ...], code: str) -> None:
    fake = FakeTools(*answers)
    assert refused("darwin", fake) == code
    assert fake.answers == []


@pytest.mark.parametrize("system", ["win32", "darwin"])
@pytest.mark.parametrize("error", [FileNotFoundError(), PermissionError(), TimeoutError("powershell")])
def test_a_tool_that_is_not_there_or_hangs_accepts_nothing(system: str, error: OSError) -> None:
    assert refused(system, FakeTools(error)) == "signature_unknown"


@pytest.mark.parametrize("done", [1, 2])
def test_the_later_tools_of_macos_may_not_fail_either(done: int) -> None:
    good = (Said(0), codesign_names())
    assert refused("darwin", FakeTools(*good[:done], TimeoutError())) == "signature_unknown"


def test_elsewhere_nothing_is_accepted() -> None:
    fake = FakeTools()
    assert refused("linux", fake) == "signature_unknown"
    assert fake.calls == []


def test_names_are_read_as_windows_writes_them() -> None:
    assert parse_subject('CN="a, ""b""", O=c d , OID.2.5.4.15="x"+L=') == (
        ("CN", 'a, "b"'),
        ("O", "c d"),
        ("OID.2.5.4.15", "x"),
        ("L", ""),
    )


# The real runner, with programs that are on every system with these tests.


def test_the_runner_gives_the_environment_no_input_and_keeps_both_streams() -> None:
    script = "import os,sys; print(sorted(os.environ)); sys.stderr.write(repr(sys.stdin.read())); sys.exit(3)"
    said = run_tool((sys.executable, "-I", "-c", script), {"ONLY": "this"}, Event())
    assert said.code == 3
    assert "'ONLY'" in said.out
    assert "'PATH'" not in said.out
    assert said.err == "''"


def test_the_runner_ends_what_hangs_and_what_is_cancelled() -> None:
    hang = (sys.executable, "-I", "-c", "import time; time.sleep(600)")
    with pytest.raises(TimeoutError):
        run_tool(hang, {}, Event(), limit_s=0)
    cancel = Event()
    cancel.set()
    with pytest.raises(RuntimeProblem) as caught:
        run_tool(hang, {}, cancel)
    assert caught.value.code == "cancelled"


def test_the_runner_says_when_a_program_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError):  # which one differs between systems
        run_tool((str(tmp_path / "none"),), {}, Event())


def test_the_runner_uses_no_shell() -> None:
    script = "import sys; print(sys.argv[1])"
    said = run_tool((sys.executable, "-I", "-c", script, "$(id); `id` & |"), {}, Event())
    assert said.out.strip() == "$(id); `id` & |"
