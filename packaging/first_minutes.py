"""Prints the table "minutes from the click to the first answer" as Markdown, from the data Wattlight ships.

python packaging/first_minutes.py [--measure]     (with Wattlight installed; see packaging/bootstrap.py)

Sizes are those of the listed server and of the three models that the first run offers on each computer. What
is assumed is printed under the table. ``--measure`` unpacks an archive on this computer, instead of taking
the speed that was measured before.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import DEFAULT_CONTEXT, Question, Use
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.values import MachineProfile
from wattlight.paths import asset_text
from wattlight.runtime.managed import choose_release
from wattlight.services.advising import Advisor
from wattlight.services.answers import Extras, Offer
from wattlight.services.offers import offers
from wattlight.viewmodels.first_model import fetch_seconds, three_offers

CHECKOUT = Path(__file__).resolve().parents[1]
MACHINES = (
    ("laptop, 8 GB", "laptop_8gb"),
    ("laptop, 16 GB", "laptop_16gb"),
    ("card, 24 GiB", "card_24gib"),
)
LINES_MBIT = (25, 50, 100)
UNPACK_BYTES_S = 594e6
"""Hash and unpack, with fsync: 300 MiB in 0.53 s (tests/bench/test_unpacking.py; two cores, virtual disk)."""
READ_BYTES_S = 500e6
START_S = 5.0
"""Assumed, not measured: a solid state disk reads a model at this speed; the server and the model take so
long to start besides; the first words of a short prompt come with that."""
GOOD_MINUTES = 10.0
SAMPLE_BYTES = 300 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """What an installation of the server fetches and unpacks."""

    version: str
    download_bytes: int
    unpacked_bytes: int


def listed_server() -> Server:
    """The server that is installed on Linux, x86-64."""
    release = choose_release(asset_text("servers/ollama.json"), "linux", "x86_64")
    return Server(release.version, release.download_bytes, release.unpacked_bytes)


def offered(profile: MachineProfile) -> tuple[Offer, ...]:
    """The three models of the first run on a computer."""
    advisor = Advisor(load_catalog(), load_editorial(), lambda _name: None)
    best = offers(advisor.advice(profile, Question(Use.CHAT, DEFAULT_CONTEXT, limit=30)))
    every = offers(advisor.advice(profile, Question(Use.CHAT, DEFAULT_CONTEXT, limit=200, everything=True)))
    return three_offers(Extras(offers=best, starters=every))


def minutes(model_bytes: int, line_mbit: float, server: Server | None, unpack_bytes_s: float) -> float:
    """From the click to the first words; ``server`` None: one is installed already."""
    line = line_mbit * 1e6 / 8
    seconds = (fetch_seconds(model_bytes, line) or 0.0) + model_bytes / READ_BYTES_S + START_S
    if server is not None:
        seconds += (
            fetch_seconds(server.download_bytes, line) or 0.0
        ) + server.unpacked_bytes / unpack_bytes_s
    return seconds / 60


def table(server: Server, unpack_bytes_s: float) -> list[str]:
    """The lines of the table and what it rests on."""
    head = [f"{mbit} Mbit/s" for mbit in LINES_MBIT]
    lines = [
        "| Computer | Model | Size | " + " | ".join(head) + " | " + " | ".join(head) + " |",
        "|---|---|---:|" + "---:|" * 2 * len(LINES_MBIT),
        "| | | | *server installed* | | | *with the server* | | |",
    ]
    for name, file in MACHINES:
        document = json.loads((CHECKOUT / "tests" / "data" / "machines" / f"{file}.json").read_text())
        for number, offer in enumerate(offered(parse_machine(document))):
            size = offer.download_bytes or 0
            cells = [
                cell(minutes(size, mbit, needed, unpack_bytes_s))
                for needed in (None, server)
                for mbit in LINES_MBIT
            ]
            first = "" if number else name
            lines.append(f"| {first} | {offer.model} | {size / 1e9:.1f} GB | " + " | ".join(cells) + " |")
    return [*lines, "", *basis(server, unpack_bytes_s)]


def cell(value: float) -> str:
    """Minutes; bold within ten."""
    text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return f"**{text}**" if value <= GOOD_MINUTES else text


def basis(server: Server, unpack_bytes_s: float) -> list[str]:
    """What the table rests on, in sentences."""
    return [
        f"Minutes from the click to the first words, **bold** within {GOOD_MINUTES:.0f}. Computed "
        "(`python packaging/first_minutes.py`), not tried on such lines:",
        f"Ollama {server.version} is {server.download_bytes / 1e9:.2f} GB to download and about "
        f"{server.unpacked_bytes / 1e9:.1f} GB unpacked; hashing and unpacking were measured at "
        f"{unpack_bytes_s / 1e6:.0f} MB/s; the line is used fully; reading a model at "
        f"{READ_BYTES_S / 1e6:.0f} MB/s and {START_S:.0f} s to start are assumptions. The time a person "
        "takes to answer the questions is not counted.",
    ]


def measured() -> float:
    """Bytes per second of hashing and unpacking on this computer."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    import os
    from threading import Event

    from fakes.release_server import member, tar_zst
    from wattlight.runtime.managed.fetching import _hash_of
    from wattlight.runtime.managed.unpacking import unpack

    data = os.urandom(SAMPLE_BYTES // 6) + b"library" * (SAMPLE_BYTES // 42)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
        archive = Path(scratch) / "archive"
        archive.write_bytes(tar_zst(*(member(f"lib/{n}.so", data) for n in range(3))))
        begun = time.perf_counter()
        _hash_of(archive)
        done = unpack(archive, Path(scratch), SAMPLE_BYTES * 2, Event())
        return done / (time.perf_counter() - begun)


def main(arguments: Sequence[str]) -> int:
    """Print it."""
    speed = measured() if "--measure" in arguments else UNPACK_BYTES_S
    print("\n".join(table(listed_server(), speed)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
