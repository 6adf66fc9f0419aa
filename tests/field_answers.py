"""Prints for kinds of fault in reports of other people a command and its answer, which is right now.

``python tests/field_answers.py`` asks the command line itself, on machines and servers other than those of
the reports; with words after it only the rows that hold one of the words. Ends with 1 if one is wrong.
``tests/field_rows.py`` has the tests of every row.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fakes import fit_truth, gguf_writer
from fakes.fake_ollama import FakeOllama, PullScript

TESTS = Path(__file__).resolve().parent
MACHINES = TESTS / "data" / "machines"
GIB = 1 << 30


class Ask(NamedTuple):
    """What is asked for a row, words of the right answer (a pattern), and the exit code."""

    row: str
    command: str
    right: str
    code: int = 0
    environ: tuple[tuple[str, str], ...] = ()


def fits(folder: Path) -> list[Ask]:
    """Memory, fit and speed."""
    carved = json.loads((MACHINES / "strix_halo.json").read_text(encoding="utf-8"))
    device = carved["devices"][0]
    carved |= {"ram_total_bytes": 63 * GIB, "ram_available_bytes": 55 * GIB}
    device |= {"memory_total_bytes": 64 * GIB, "memory_free_bytes": 63 * GIB, "memory_own_bytes": 64 * GIB}
    (folder / "carved.json").write_text(json.dumps(carved), encoding="utf-8")
    plain = fit_truth.raw_shapes()["llama32-1b"]
    gguf_writer.write_sparse(plain, folder / "small.gguf")
    (folder / "lora.gguf").write_bytes(gguf_writer.header(_kind(plain, "adapter")))
    (folder / "imatrix.gguf").write_bytes(gguf_writer.header(_kind(plain, "imatrix")))
    (folder / "clip.gguf").write_bytes(gguf_writer.header(_kind(plain, "mmproj", "clip")))
    on = f"--machine {MACHINES}"
    return [
        Ask("memory as logged", f"fit llama3.2:3b {on}/apple_16gb.json --context 16384", r"1\.87 GiB"),
        Ask("drafts", f"fit qwen3.8:27b {on}/card_24gib.json --context 16384", "With a draft of 4 tokens"),
        Ask("drafts", f"fit qwen3.8:27b {on}/card_16gib.json --context 16384", "draft costs .* layers"),
        Ask("drafts", f"fit qwen3.6:27b {on}/card_24gib.json --context 8192", "snapshots of the model"),
        Ask("true shapes", f"fit codestral:22b {on}/card_24gib.json --context 16384", r"of 57.*|3\.50 GiB"),
        Ask("carve-out", f"fit gpt-oss:120b --machine {folder}/carved.json --context 8192", "all on GPU"),
        Ask(
            "the server's switches",
            f"fit gemma4:12b {on}/intel_integrated_16gb.json",
            "OLLAMA_IGPU_ENABLE|OLLAMA_VULKAN",
        ),
        Ask("a wrong kind of file", f"fit {folder}/lora.gguf", "adapter", 1),
        Ask("a wrong kind of file", f"fit {folder}/imatrix.gguf", "importance", 1),
        Ask("a wrong kind of file", f"fit {folder}/clip.gguf", "projector|vision", 1),
        Ask("the default context", f"fit llama3.1:70b {on}/apple_64gb.json", "the server's default"),
        Ask("one needs figure", f"fit gemma4:26b {on}/card_12gib.json --context 8192", r"Needs +18\.\d\d"),
        Ask("one needs figure", f"recommend {on}/card_12gib.json --all", r"gemma4:26b.* 18\.1 GiB"),
        Ask("projector beside a file", f"fit {folder}/small.gguf {on}/card_8gib.json", "all on GPU"),
        Ask(
            "speed of a mixture",
            f"fit qwen3.6:35b {on}/card_24gib.json --context 4096",
            r"\b9\d–20\d tok",
        ),
        Ask(
            "speed of a dense model",
            f"fit qwen3:8b {on}/card_24gib.json --context 4096",
            r"s \(fairly",
        ),
    ]


def _kind(raw: dict[str, Any], kind: str, architecture: str = "") -> dict[str, Any]:
    told = {"general.type": kind} | ({"general.architecture": architecture} if architecture else {})
    return {**raw, "kv": {**raw["kv"], **told}}


def money(folder: Path) -> list[Ask]:
    """Prices, tariffs, words of the command line."""
    digits = (
        "start_utc,price_per_kwh\n2026-01-01T00:00Z,0.30000000000000004\n"
        "2026-01-01T05:00Z,-2e-05\n2026-01-02T00:00Z,0.2\n"
    )
    (folder / "digits.csv").write_text(digits)
    (folder / "octopus_go.csv").write_bytes((TESTS / "data" / "tariffs" / "octopus_go.csv").read_bytes())
    for name, rows in (("digits.csv", {}), ("octopus_go.csv", {"rows": {"payment_method": "DIRECT_DEBIT"}})):
        series = {
            "schema": 1,
            "currency": "GBP",
            "timezone": "UTC",
            "periods": [{"series": {"file": name} | rows}],
        }
        (folder / f"{name[:-4]}.json").write_text(json.dumps(series))
    work = "--calls 10000 --tokens-in 900 --tokens-out 400 --api gpt-6-luna --price 0.3 --currency EUR"
    speed = "--rate 0.9 --tokens-per-second 40 --watts 250"
    old = work.replace("gpt-6-luna", "gpt-4o-mini")
    return [
        Ask("a steady draw", "cost --watts 300 --hours 500 --price 0.30 --currency EUR", "€45.00"),
        Ask("unknown costs", f"breakeven {work} {speed}", "--hardware-price"),
        Ask("payback beyond its life", f"breakeven {work} {speed} --hardware-price 9000", "never"),
        Ask(
            "dates of prices",
            f"breakeven {old} {speed} --hardware-price 0",
            "Jan 14, 2027",
        ),
        Ask("slots of a series", f"tariff check {folder}/octopus_go.json", "6 slots"),
        Ask("numbers of machines", f"tariff check {folder}/digits.json", "3 slots"),
        Ask("wrong use", "cost --day banana", "banana", 2),
        Ask("wrong use", "load m --keep banana", "banana", 2),
        Ask("json before the verb", "--json models", '"code"|no_server|"error"', 1),
        Ask("a verb that was meant", "recomend", "recommend", 2),
        Ask("help VERB", "help tariff", "tariff"),
        Ask(
            "a dash is the standard input",
            f"fit qwen3:8b --machine - < {MACHINES}/card_12gib.json",
            "all on GPU",
        ),
        Ask("doctor without a server", "doctor", "No Ollama server is running"),
        Ask("export as JSON", "export --json", r"^\{"),
        Ask("60 columns", f"recommend --machine {MACHINES}/card_12gib.json", "qwen", 0, (("COLUMNS", "60"),)),
    ]


@contextmanager
def servers() -> Iterator[list[tuple[FakeOllama, Ask]]]:
    """What is asked of servers, each with what is done to it before."""

    def nothing(fake: FakeOllama) -> None:
        pass

    def same_weights(fake: FakeOllama) -> None:
        fake.install("base:1", digest="sha256:" + "ab" * 32)
        fake.copy({"source": "base:1", "destination": "own:2"})
        fake.start("base:1")

    def told_wrong(fake: FakeOllama) -> None:
        fake.load_errors = {"m:latest": "no suitable llama servers found"}

    def refused(fake: FakeOllama) -> None:
        fake.faults["*"] = lambda handler: handler.json(401, {"message": "log in first"})

    def torn(fake: FakeOllama) -> None:
        fake.offer("y:latest", size=100_000)
        fake.pulling = PullScript(error_at=0.5, error="mkdir /m/blobs: read-only file system")

    asked = [
        (nothing, Ask("models of the cloud", "load deepseek-v3.1:671b-cloud", "nothing to load", 1)),
        (same_weights, Ask("identity by weights", "load own:2", "loaded already, as base:1")),
        (told_wrong, Ask("words of the server", "load m", "installation of Ollama is incomplete", 1)),
        (refused, Ask("words of the server", "models", "sign-in", 1)),
        (torn, Ask("words of the server", "pull y", "may not write into its folder", 1)),
        (nothing, Ask("a path after the port", "models", "without /api", 1, (("OLLAMA_HOST", "{}/api"),))),
    ]
    with ExitStack() as stack:
        made = []
        for prepare, ask in asked:
            fake = stack.enter_context(FakeOllama())
            fake.install("m:latest")
            prepare(fake)
            made.append((fake, ask))
        yield made


def answered(ask: Ask, home: Path, host: str) -> tuple[bool, str]:
    """Whether the answer is right, and the line of it that shows it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "WATTLIGHT_HOME": str(home), "LANG": "C.UTF-8"}
    environ |= {
        "PYTHONPATH": str(TESTS.parent / "desktop"),
        "OLLAMA_HOST": host,
        "https_proxy": "http://127.0.0.1:9",
    }
    environ |= {name: value.format(host) for name, value in ask.environ}
    words, _, source = ask.command.partition(" < ")
    done = subprocess.run(
        [sys.executable, "-m", "wattlight", *shlex.split(words)],
        input=Path(source).read_text(encoding="utf-8") if source else "",
        capture_output=True, text=True, timeout=120, check=False, env=environ,
    )  # fmt: skip
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    shown = next((line for line in lines if re.search(ask.right, line)), "")
    narrow = "COLUMNS" not in dict(ask.environ) or max(map(len, lines)) <= int(dict(ask.environ)["COLUMNS"])
    return bool(
        shown
    ) and done.returncode == ask.code and narrow, shown or f"{done.returncode}: {' '.join(lines)}"


def main(words: list[str]) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as name, servers() as asked:
        folder = Path(name)
        every = [(ask, "127.0.0.1:9") for ask in (*fits(folder), *money(folder))]
        every += [(ask, f"127.0.0.1:{fake.port}") for fake, ask in asked]
        for ask, host in every:
            if words and not any(word.lower() in ask.row for word in words):
                continue
            right, shown = answered(ask, folder / "home", host)
            wrong += not right
            command = ask.command.replace(f"{folder}/", "").replace(f"{MACHINES}/", "")
            print(
                f"{'ok   ' if right else 'WRONG'} {ask.row}\n      $ wattlight {command}\n      {shown[:200]}"
            )
    print(f"{wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
