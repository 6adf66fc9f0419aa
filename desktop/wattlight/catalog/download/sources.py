"""Where the bytes of a layer come from: the registry, or a copy of the user's that is nearer."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import BinaryIO

from wattlight.catalog.registry import Layer, ModelAddress, ModelPages, RegistryUnreachable
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.paths import open_regular
from wattlight.web import Limits, Web, WireFault, split_url

from .problems import DownloadProblem

Read = Callable[[memoryview], int]
"""Reads what has come into a buffer; how many bytes, 0 at the end."""
Opened = tuple[Read, int | None]
"""With it the position of the first byte, None where ranges are ignored and all of the layer comes."""
_MIRROR = Limits(connect_s=5.0, idle_s=15.0, total_s=None)


class Lacking(Exception):
    """The copy does not hold this layer, or not as it should be."""


class FromRegistry:
    """The layers of one model at its registry."""

    def __init__(self, pages: ModelPages, host: str) -> None:
        self._pages = pages
        self._host = host

    @contextmanager
    def open(self, layer: Layer, start: int, end: int, stop: Event) -> Iterator[Opened]:
        """The layer from ``start`` up to ``end``.

        Raises:
            RegistryProblem: also in the block.
        """
        with self._pages.part_of(layer.digest, start, end, stop) as answer:
            yield answer.into, start if answer.status == 206 else None

    def cut(self) -> Exception:
        """It ended before its end."""
        return RegistryUnreachable(self._host)


class Mirror:
    """A copy of a models folder that the user names: another folder, or its share over HTTP.

    Over HTTP it is a share of the folder (``blobs/sha256-…``), of its blobs alone, or a registry. Ollama
    itself gives no layer away, it only says whether it has one. Only layers that the registry's manifest
    names are taken from it, and they are hashed like those of the registry.
    """

    def __init__(self, place: str | Path, web: Web, address: ModelAddress) -> None:
        self._place = place
        self._web = web
        self._address = address
        self._form: int | None = None

    @contextmanager
    def open(self, layer: Layer, start: int, end: int, stop: Event) -> Iterator[Opened]:
        """As :meth:`FromRegistry.open`.

        Raises:
            Lacking: the copy does not have it; also in the block.
        """
        if isinstance(self._place, Path):
            yield from self._from_folder(self._place, layer, start)
            return
        try:
            for form, url in enumerate(self._urls(layer.digest)):
                if self._form not in {None, form}:
                    continue
                ranged = (f"Range: bytes={start}-{end - 1}", "Accept: */*")
                with self._web.get(url, _MIRROR, stop, ranged) as answer:
                    begins = start if answer.status == 206 else None
                    sent = answer.header("Content-Range").replace(" ", "")
                    if answer.status == 206 and sent.startswith(f"bytes{start}-"):
                        sound = sent.endswith((f"/{layer.size_bytes}", "/*"))
                    else:
                        sound = answer.status == 200 and answer.header("Content-Length") == str(
                            layer.size_bytes
                        )
                    if sound:
                        self._form = form
                        yield answer.into, begins
                        return
        except WireFault as fault:
            raise Lacking from fault
        raise Lacking

    def cut(self) -> Exception:
        """It ended before its end."""
        return Lacking()

    def _from_folder(self, folder: Path, layer: Layer, start: int) -> Iterator[Opened]:
        name = layer.digest.replace(":", "-")
        for file in (folder / "blobs" / name, folder / name):
            try:
                stream = open_regular(file)
            except OSError:
                continue
            with stream:
                if _size(stream) == layer.size_bytes:
                    stream.seek(start)
                    yield _reads(stream), start
                    return
        raise Lacking

    def _urls(self, digest: str) -> tuple[str, ...]:
        base, name = str(self._place), digest.replace(":", "-")
        model = f"{self._address.namespace}/{self._address.model}"
        return f"{base}/blobs/{name}", f"{base}/{name}", f"{base}/v2/{model}/blobs/{digest}"


def read_place(text: str) -> str | Path:
    """The place of a copy, from what a person wrote: an http address or a folder.

    Raises:
        DownloadProblem: it is neither (code ``bad_source``).
    """
    words = text.strip()
    if re.match(r"https?://", words, re.IGNORECASE):
        with suppress(WireFault):
            endpoint, path = split_url(words)
            if "?" not in path:
                return f"{endpoint.url}{path.rstrip('/')}"
    elif words and Path(words).expanduser().is_dir():
        return Path(words).expanduser().absolute()
    raise DownloadProblem(
        tr('"{source}" is neither an http address nor a folder.', source=clean_text(words, 120)),
        tr("Name a folder of models, or the address of its share, like http://192.168.1.20:8000."),
        "bad_source",
    )


def _size(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size


def _reads(stream: BinaryIO) -> Read:
    """A folder that goes away has nothing more."""

    def read(buffer: memoryview) -> int:
        try:
            piece = stream.read(len(buffer))
        except OSError as error:
            raise Lacking from error
        buffer[: len(piece)] = piece
        return len(piece)

    return read
