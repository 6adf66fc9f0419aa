"""Fonts with the measures of those that systems draw their windows with, made from one that is here.

Letters are DejaVu's, their widths and the height of a line are those of the other: what a text needs on such
a system is known without its font.
"""

import struct
from pathlib import Path

SOURCES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
NAME = "DejaVu Sans"

METRICS = {
    "DejaVu Sans": (1.0, 0.928, 0.236),
    "Noto Sans": (0.926, 1.069, 0.293),
    "Cantarell": (0.875, 0.983, 0.217),
    "Segoe UI": (0.89, 1.079, 0.251),
    "SF Pro": (0.94, 0.952, 0.241),
}
"""Width of a text beside DejaVu's, height above and below the line in em. Noto (20201225) and Cantarell
(0.303) measured; heights of Segoe UI and SF Pro as published, their widths about: that of SF Pro is Inter's,
which is drawn much like it."""


def found() -> list[Path]:
    """The files that fonts are made from; not all where one is missing."""
    known = {file.name: file for folder in FOLDERS for file in folder.rglob("DejaVuSans*.ttf")}
    return [known[name] for name in SOURCES if name in known]


def with_metrics(data: bytes, name: str) -> bytes:
    """A font file with the measures of ``name``, under a family of its own: :func:`family`."""
    width, above, below = METRICS[name]
    font = bytearray(data)
    tables = {}
    for index in range(struct.unpack_from(">H", font, 4)[0]):
        tag, _, at, length = struct.unpack_from(">4sLLL", font, 12 + 16 * index)
        tables[tag] = at, length
    em = struct.unpack_from(">H", font, tables[b"head"][0] + 18)[0]
    up, down = round(above * em), round(below * em)
    hhea, os2 = tables[b"hhea"][0], tables[b"OS/2"][0]
    struct.pack_into(">hhh", font, hhea + 4, up, -down, 0)
    struct.pack_into(">hhhHH", font, os2 + 68, up, -down, 0, up, down)
    count = struct.unpack_from(">H", font, hhea + 34)[0]
    for index in range(count):
        at = tables[b"hmtx"][0] + 4 * index
        struct.pack_into(">H", font, at, round(struct.unpack_from(">H", font, at)[0] * width))
    at, length = tables[b"name"]
    names = bytes(font[at : at + length])
    for code in ("utf-16-be", "latin-1"):
        names = names.replace(NAME.encode(code), family(name).encode(code))
        names = names.replace(NAME.replace(" ", "").encode(code), family(name).replace(" ", "").encode(code))
    font[at : at + length] = names
    return bytes(font)


def family(name: str) -> str:
    """As long as the name that it replaces."""
    return f"{sorted(METRICS).index(name)}easure Sans"[: len(NAME)]
