"""The frame of the command line: exit codes, one sentence per error, no traceback."""

import contextlib
import gc
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from wattlight.bootstrap import run_command_line
from wattlight.cli import run
from wattlight.cli.usage import Parser, WrongUse
from wattlight.domain.values import Problem
from wattlight.i18n import activate, tr
from wattlight.paths import Places
from wattlight.services.factory import ServiceFactory
from wattlight.settings import Settings


class Bench:
    """A workshop with folders only."""

    def __init__(self, root: Path) -> None:
        self.environ: dict[str, str] = {}
        self.places = Places(root, root, root, root, root)

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def settings(self) -> Settings:
        return Settings()


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("wattlight.cli.verb_doctor")
    module.arguments = lambda parser: parser.add_argument("--depth", type=int)
    monkeypatch.setitem(sys.modules, "wattlight.cli.verb_doctor", module)
    return module


def call(words: list[str], root: Path) -> tuple[int, str]:
    out = io.StringIO()
    code = run(words, Bench(root), out)
    return code, out.getvalue()


def test_the_language_is_that_of_the_settings_or_the_persons_own(
    verb: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb.run = lambda args, call: call.out.line(tr("Settings"))
    monkeypatch.setenv("LC_ALL", "de_AT.UTF-8")
    try:
        assert call(["doctor"], tmp_path) == (0, "Einstellungen\n")
        monkeypatch.setattr(Bench, "settings", lambda bench: Settings(language="fr"))
        assert call(["doctor"], tmp_path) == (0, "Réglages\n")
    finally:
        activate("en")


def test_a_problem_is_a_document_and_exit_1(verb: ModuleType, tmp_path: Path) -> None:
    def fail(args: object, call: object) -> int:
        raise Problem("The \x1b[31mserver\u202e is gone.", "Start it.", "no_server")

    verb.run = fail
    code, text = call(["doctor", "--json"], tmp_path)
    assert code == 1
    document = json.loads(text)
    assert document["schema"] == 1
    assert document["error"]["code"] == "no_server"
    assert document["error"]["next"] == "Start it."
    assert "\x1b" not in document["error"]["message"]


def test_garbage_is_searched_for_from_the_work_of_the_verb_on(
    verb: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATTLIGHT_HOME", str(tmp_path))
    seen = []
    verb.arguments = lambda parser: seen.append(gc.isenabled())
    verb.run = lambda args, call: seen.append(gc.isenabled())
    try:
        assert run_command_line(["doctor"]) == 0
        assert seen == [False, True]
        assert gc.get_freeze_count() > 0
        with pytest.raises(SystemExit):
            run_command_line(["--version"])
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_problem_is_one_line_for_a_person(
    verb: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object, call: object) -> int:
        raise Problem("No server.", "Start it.")

    verb.run = fail
    code, text = call(["doctor"], tmp_path)
    assert (code, text) == (1, "")
    assert capsys.readouterr().err == "No server. Start it.\n"


@pytest.mark.parametrize(
    "words", [["doctor", "--depth", "x"], ["doctor", "--frob"], ["frobnicate"], ["--json"]]
)
def test_wrong_use_exits_2(
    verb: ModuleType, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = call(words, tmp_path)
    said = text + capsys.readouterr().err
    assert code == 2
    assert "Traceback" not in said
    assert "--help" in said


def test_our_own_fault_goes_to_the_log_not_to_the_person(
    verb: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object, call: object) -> int:
        raise ZeroDivisionError("secret detail")

    verb.run = fail
    code, text = call(["doctor"], tmp_path)
    said = text + capsys.readouterr().err
    assert code == 1
    assert "Traceback" not in said
    assert "secret detail" in (tmp_path / "wattlight.log").read_text()


def test_json_output_never_holds_nan(verb: ModuleType, tmp_path: Path) -> None:
    verb.run = lambda args, call: call.out.document({"x": float("nan")}) or 0
    code, text = call(["doctor", "--json"], tmp_path)
    assert code == 1
    assert json.loads(text)["error"]["code"] == "internal"


def test_ctrl_c_is_quiet(verb: ModuleType, tmp_path: Path) -> None:
    def stop(args: object, call: object) -> int:
        raise KeyboardInterrupt

    verb.run = stop
    assert call(["doctor"], tmp_path) == (130, "")


@pytest.mark.parametrize(
    "words",
    [["--json", "doctor"], ["-q", "--json", "doctor", "--depth", "-3"], ["doctor", "--json", "--quiet"]],
)
def test_options_of_every_verb_stand_where_they_like(
    verb: ModuleType, tmp_path: Path, words: list[str]
) -> None:
    heard: list[object] = []
    verb.run = lambda args, call: heard.append((args.depth, call.as_json, call.out.quiet))
    assert call(words, tmp_path)[0] == 0
    assert heard == [(-3 if "-3" in words else None, True, "-q" in words or "--quiet" in words)]


def test_help_takes_a_verb(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words, start in ((["help", "export"], "usage: wattlight export"), (["help"], "usage: wattlight [")):
        with pytest.raises(SystemExit) as ended:
            call(words, tmp_path)
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith(start)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["swich"], "switch"),
        (["help", "exprot"], "export"),
        (["fit", "x", "--paralel", "2"], "--parallel"),
        (["cost", "--by", "modle"], "model"),
        (["tariff", "chek", "x"], "check"),
        (["completion", "bsh"], "bash"),
    ],
)
def test_what_was_meant_is_asked(
    tmp_path: Path, words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(words, tmp_path)[0] == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["power", "--host", "box"], ["unload", "--keep", "5m"], ["cost", "--zzz"]])
def test_an_option_that_is_like_none_is_not_guessed_at(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(words, tmp_path)[0] == 2
    said = capsys.readouterr().err
    assert "unrecognized arguments" in said and "Did you mean" not in said


def test_a_model_that_was_meant_is_asked(
    verb: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = (SimpleNamespace(tag="7b-instruct-q8_0"),)
    entries = [SimpleNamespace(name=name, tags=tags) for name in ("mistral:7b", "falcon3:1b", "falcon2:11b")]
    monkeypatch.setattr(Bench, "catalog", lambda _: SimpleNamespace(entries=entries), raising=False)
    verb.arguments = lambda parser: parser.add_argument("model")

    def fail(args: object, call: object) -> int:
        raise Problem("Not there.", "Look.", "unknown_model")

    verb.run = fail
    for word, meant in (
        ("mistal:7b", "mistral:7b"),
        ("mistral:7b-instruct-q80", "mistral:7b-instruct-q8_0"),
        ("falcn2", "falcon2:11b"),  # the family first: "falcon3:1b" is more like the bare word
        ("falcn2:7", "falcon2:11b"),
    ):
        assert call(["doctor", word], tmp_path)[0] == 1
        assert f"Look. Did you mean {meant}?" in capsys.readouterr().err
    call(["doctor", "quite-another"], tmp_path)
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("code", ["proxy", "tls", "registry_busy", "registry"])
def test_a_model_that_was_meant_is_asked_where_nobody_could_tell(
    code: str,
    verb: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = [SimpleNamespace(name="granite4:3b", tags=())]
    monkeypatch.setattr(Bench, "catalog", lambda _: SimpleNamespace(entries=entries), raising=False)
    verb.arguments = lambda parser: parser.add_argument("model")

    def fail(args: object, call: object) -> int:
        raise Problem("Nobody answers.", "Look.", code)

    verb.run = fail
    call(["doctor", "granit4:3b"], tmp_path)
    assert "Look. Did you mean granite4:3b?" in capsys.readouterr().err
    call(["doctor", "granite4:3b"], tmp_path)  # it is listed: its name is not what is wrong
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(call(["completion", "bash"], tmp_path)[1])
    (tmp_path / "wattlight").write_text("#!/bin/sh\necho llama3.2:3b\necho lfm2:24b\n")
    (tmp_path / "wattlight").chmod(0o755)
    (tmp_path / "prices.csv").touch()
    asked = {
        "wattlight sw": "switch",
        "wattlight --json pow": "power",
        "wattlight help bre": "breakeven",
        "wattlight recommend --us": "--use",
        "wattlight recommend --use em": "embedding",
        "wattlight tariff cou": "countries",
        "wattlight load lla": "llama3.2:3b",
        "wattlight breakeven --prices pri": "prices.csv",
        "wattlight completion z": "zsh",
    }
    ask = 'COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _wattlight; echo "${COMPREPLY[*]}"'
    for line, answer in asked.items():
        done = subprocess.run(
            ["bash", "-c", f"COMP_WORDBREAKS=' '; source {script}; {ask}", "bash", line],
            capture_output=True, text=True, check=True, cwd=tmp_path,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )  # fmt: skip
        assert (done.stdout.strip(), done.stderr) == (answer, ""), line


def test_the_other_shells_know_every_verb_and_option(tmp_path: Path) -> None:
    for shell in ("zsh", "fish"):
        text = call(["completion", shell], tmp_path)[1]
        for word in ("doctor", "breakeven", "kv-type", "q8_0", "since", "models --quiet"):
            assert word in text, (shell, word)
        if program := shutil.which(shell):
            subprocess.run([program, "-n", "-c", text], check=True)
        assert "%%" not in text, shell
    document = json.loads(call(["completion", "zsh", "--json"], tmp_path)[1])
    assert document["script"].startswith("#compdef")


@pytest.mark.parametrize("words", [["tariff", "show"], ["tariff", "check", "none.json"], ["fit"]])
def test_whatever_comes_of_it_no_file_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """SQLite takes its log away when the last connection goes; a later question opens the file again."""
    workshop = ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)})
    monkeypatch.setattr("wattlight.services.factory.ServiceFactory", lambda: workshop)
    workshop.note_contact("shop.example", "model")
    file = workshop.places.jobs_file
    log = file.with_name(file.name + "-wal")
    assert log.exists()
    run_command_line(words)
    assert file.exists() and not log.exists()
    assert [contact.host for contact in workshop.jobs().contacts()] == ["shop.example"]
    workshop.close()
    assert not log.exists()


def test_words_after_the_verb_and_options_before_it(tmp_path: Path) -> None:
    """As they were tried in zsh 5.9 and fish 3.6: a first word is one of the verb's, files come after it."""
    zsh, fish = (call(["completion", shell], tmp_path)[1] for shell in ("zsh", "fish"))
    (tariff,) = [line for line in zsh.splitlines() if line.startswith("    tariff) ")]
    assert "'1:word:(show check" in tariff and "'*:file:_files'" in tariff
    assert "compadd -- --json --quiet --help --version" in zsh
    assert "(default: csv" in zsh
    (settings,) = [line for line in zsh.splitlines() if line.startswith("    server-settings) ")]
    assert "_models" not in settings
    first = [line for line in fish.splitlines() if "from tariff; and not" in line]
    after = [line for line in fish.splitlines() if "from tariff; and __fish" in line]
    assert len(first) == 1 and first[0].endswith("'") and "-a 'show check" in first[0]
    assert len(after) == 1 and after[0].endswith(" -F")
    assert "complete -c wattlight -n __fish_use_subcommand -l json" in fish


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_completes(tmp_path: Path) -> None:
    script = tmp_path / "wattlight.fish"
    script.write_text(call(["completion", "fish"], tmp_path)[1])
    for line, wanted in (
        ("wattlight rec", "recommend"),
        ("wattlight tariff sh", "show"),
        ("wattlight --js", "--json"),
    ):
        words = ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"]
        found = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        assert [item.split("\t")[0] for item in found.splitlines()] == [wanted], line


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
def test_zsh_completes(tmp_path: Path) -> None:
    """At a prompt of its own: Tab, then a key that tells what stands there."""
    (tmp_path / "_wattlight").write_text(call(["completion", "zsh"], tmp_path)[1])
    (tmp_path / "wattlight").write_text("#!/bin/sh\necho llama3.2:3b\necho lfm2:24b\n")
    (tmp_path / "wattlight").chmod(0o755)
    (tmp_path / ".zshrc").write_text(
        f"fpath=({tmp_path} $fpath); path=({tmp_path} $path); autoload -Uz compinit; compinit -u -D\n"
        f'tell() {{ print -r -- "$BUFFER" > {tmp_path}/buffer; exit }}\n'
        "zle -N tell; bindkey '^X' tell; bindkey '^I' complete-word\n"
    )
    for line, rest in (
        ("wattlight rec", "ommend"),
        ("wattlight tariff sh", "ow"),
        ("wattlight recommend --use em", "bedding"),
        ("wattlight load lla", "ma3.2:3b"),
        ("wattlight help brea", "keven"),
    ):
        terminal, inside = os.openpty()
        shell = subprocess.Popen(
            ["zsh", "-d", "-i"], stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            env={"ZDOTDIR": str(tmp_path), "HOME": str(tmp_path), "TERM": "dumb", "PATH": os.environ["PATH"]},
        )  # fmt: skip
        os.close(inside)
        os.write(terminal, f"{line}\t\x18".encode())
        with contextlib.suppress(OSError):  # the terminal ends with the shell
            while os.read(terminal, 4096):
                pass
        assert shell.wait(20) == 0
        os.close(terminal)
        assert (tmp_path / "buffer").read_text().rstrip() == line + rest


def test_help_keeps_the_letters_of_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call(["help", "breakeven"], tmp_path)
    assert "Compare running a model here with an API." in " ".join(capsys.readouterr().out.split())


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings that ask for German; the next test speaks English again."""
    monkeypatch.setattr(Bench, "settings", lambda _self: Settings(language="de"))
    yield
    activate("en")


@pytest.mark.usefixtures("german")
def test_help_speaks_the_language_of_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call(["pull", "--help"], tmp_path)
    said = capsys.readouterr().out
    assert said.startswith("Aufruf: wattlight pull") and "\nOptionen:\n" in said
    assert "Ein Modell herunterladen." in said and "show this" not in said
    assert "Sprachmodelle" in call([], tmp_path)[1]


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["switch"], "wattlight switch: erforderlich sind noch: MODEL."),
        (["cost", "--day"], "Argument --day: ein Wert fehlt."),
        (["completion", "bsh"], "ungültige Auswahl: 'bsh'"),
        (["pull", "x", "--at-night=yes"], "nimmt keinen Wert"),
    ],
)
def test_wrong_use_is_said_in_the_language_of_the_settings(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(words, tmp_path)[0] == 2
    told = " ".join(capsys.readouterr().err.split())
    assert said in told and "--help'." in told


def test_every_error_of_argparse_that_can_happen_is_translated() -> None:
    """Those that a parser of ours raises for bad arguments: none stays in English."""
    activate("de")
    try:
        parser = Parser(prog="x")
        parser.add_argument("--n", type=int)
        parser.add_argument("--two", nargs=2)
        parser.add_argument("--some", nargs="+")
        parser.add_argument("--long-one")
        parser.add_argument("--long-other")
        parser.add_argument("--kind", choices=("a", "b"))
        one = parser.add_mutually_exclusive_group(required=True)
        one.add_argument("--left", action="store_true")
        one.add_argument("--right", action="store_true")
        parser.add_argument("must")
        wrong = (
            "--left",
            "m",
            "m --left --right",
            "m --left --n",
            "m --left --n x",
            "m --left --two 1",
            "m --left --some",
            "m --left --long 1",
            "m --left --kind c",
            "m --left=1",
        )
        english = re.compile(r"\b(required|expected|invalid|choose|allowed|ambiguous|ignored|one of)\b")
        for line in wrong:
            with pytest.raises(WrongUse) as raised:
                parser.parse_args(line.split())
            assert english.search(str(raised.value)) is None, (line, str(raised.value))
    finally:
        activate("en")
