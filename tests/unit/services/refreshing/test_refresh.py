"""Manifests read again on request, from a registry on loopback."""

import os
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from fakes.blob_registry import BlobRegistry
from wattlight.catalog.registry import Manifest, ModelConfig, Registry, RegistryUnreachable, ShapeCache
from wattlight.catalog.reread import RereadBook
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.entry import Catalog, with_rereads
from wattlight.domain.values import Problem
from wattlight.services.refreshing import CatalogueRefresh
from wattlight.web import Web

CATALOG = load_catalog()
DAY = date(2026, 11, 24)
SHIPPED = Path(__file__).resolve().parents[4] / "resources" / "catalog" / "models.json"


class Desk:
    """A refresher whose registry is the fake one."""

    def __init__(self, fake: BlobRegistry, folder: Path) -> None:
        self.fake = fake
        self.book = RereadBook(folder / "catalogue.json")
        self.registry = Registry(ShapeCache(folder / "shapes"), Web(os.environ))
        self.changes = 0
        self.down_after: int | None = None
        self.asked: list[str] = []
        self.refresher = CatalogueRefresh(self.catalog, self.describe, self.book, lambda: DAY, self._change)

    def catalog(self) -> Catalog:
        return with_rereads(CATALOG, self.book.read())

    def describe(self, name: str) -> tuple[Manifest, ModelConfig]:
        self.asked.append(name)
        port = self.fake.port()
        if self.down_after is not None and len(self.asked) > self.down_after:
            port = 9
        return self.registry.described(f"127.0.0.1:{port}/library/{name}")

    def offer(self, name: str, size: int, file_type: str = "Q4_K_M", projector: bytes = b"") -> str:
        config = {"file_type": file_type, "model_family": "qwen35"}
        extra = (("projector", projector),) if projector else ()
        self.fake.add(name.partition(":")[0], b"GGUF", size, config, extra)
        return "sha256:" + sha256(b"GGUF").hexdigest()

    def _change(self) -> None:
        self.changes += 1


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with BlobRegistry() as fake:
        yield Desk(fake, tmp_path)


def test_exact_bytes_and_digest_with_their_day(desk: Desk) -> None:
    shipped = SHIPPED.read_bytes()
    digest = desk.offer("qwen3.8:27b", 17_654_321_098, projector=b"x" * 5000)
    report = desk.refresher.refresh(["qwen3.8"])
    (item,) = report.read
    assert (item.name, item.was_exact, report.read_on) == ("qwen3.8:27b", False, DAY)
    assert item.download_bytes > 17_654_326_098
    match = desk.catalog().find("qwen3.8:27b")
    assert match is not None
    assert match.entry.model_bytes == 17_654_321_098
    assert match.entry.projector_bytes == 5000
    assert match.entry.blob_digest == digest
    assert (match.tag.read_on, match.tag.slack_bytes) == (DAY, 0)
    assert desk.changes == 1
    assert SHIPPED.read_bytes() == shipped
    assert desk.fake.sent_bytes < 10_000, "the model's file must not be touched"


def test_nothing_is_asked_before_refresh_and_every_model_once(desk: Desk) -> None:
    desk.offer("qwen3.8:27b", 17_000_000_000)
    assert desk.fake.requests == []
    desk.refresher.refresh(["qwen3.8", "qwen3.8:27b", "QWEN3.8:latest"])
    assert desk.asked == ["qwen3.8:27b"]


def test_a_name_that_is_not_listed_asks_nobody(desk: Desk) -> None:
    with pytest.raises(Problem, match="not in the catalogue") as problem:
        desk.refresher.refresh(["qwen3.8", "my/own:thing"])
    assert problem.value.code == "not_listed"
    assert desk.asked == []


def test_offline_is_one_sentence_and_keeps_nothing(desk: Desk) -> None:
    desk.down_after = 0
    with pytest.raises(RegistryUnreachable, match="cannot be reached"):
        desk.refresher.refresh(["qwen3.8"])
    assert desk.book.read() == ()
    assert desk.changes == 0


def test_what_came_before_the_network_failed_is_kept(desk: Desk) -> None:
    desk.offer("qwen3.8:27b", 17_000_000_000)
    desk.down_after = 1
    report = desk.refresher.refresh(["qwen3.8", "qwen3.6:27b", "qwen3.5"])
    assert [item.name for item in report.read] == ["qwen3.8:27b"]
    assert report.stopped is not None and report.stopped.code == "offline"
    assert len(desk.asked) == 2
    assert [item.name for item in desk.book.read()] == ["qwen3.8:27b"]


def test_one_that_is_gone_does_not_stop_the_others(desk: Desk) -> None:
    desk.offer("qwen3.8:27b", 17_000_000_000)
    report = desk.refresher.refresh(["qwen3.6:27b", "qwen3.8"])
    assert [name for name, _ in report.problems] == ["qwen3.6:27b"]
    assert [item.name for item in report.read] == ["qwen3.8:27b"]


def test_a_form_that_cannot_be_judged_keeps_the_catalogues_figures(desk: Desk) -> None:
    desk.fake.add("qwen3.8", b"x", 5000, kind="tensor")
    report = desk.refresher.refresh(["qwen3.8"])
    assert [problem.code for _, problem in report.problems] == ["not_one_file"]
    assert desk.book.read() == () and desk.changes == 0


def test_changed_means_another_manifest(desk: Desk) -> None:
    desk.offer("qwen3.8:27b", 17_000_000_000)
    assert desk.refresher.refresh(["qwen3.8"]).read[0].changed
    assert not desk.refresher.refresh(["qwen3.8"]).read[0].changed
    desk.offer("qwen3.8:27b", 17_000_000_001)
    again = desk.refresher.refresh(["qwen3.8"]).read[0]
    assert again.changed and again.was_exact and again.download_bytes == again.was_bytes + 1


def test_an_unknown_quantization_is_not_believed(desk: Desk) -> None:
    desk.offer("qwen3.8:27b", 17_000_000_000, file_type="unknown")
    desk.refresher.refresh(["qwen3.8"])
    match = desk.catalog().find("qwen3.8")
    assert match is not None and match.entry.quant == "Q4_K_M"
    desk.offer("qwen3.8:27b", 17_000_000_000, file_type="Q8_0")
    desk.refresher.refresh(["qwen3.8"])
    match = desk.catalog().find("qwen3.8")
    assert match is not None and match.entry.quant == match.tag.quant == "Q8_0"
