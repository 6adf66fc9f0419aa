"""Nominal figures by name: the right device or none; every row has a source."""

import csv
import re

import pytest

from wattlight.paths import asset_text
from wattlight.probes.device_table import facts_for

GIB = 1 << 30


@pytest.mark.parametrize(
    ("name", "memory_gib", "bandwidth", "tdp"),
    [
        ("NVIDIA GeForce RTX 4090", 23.99, 1010, 450),
        ("NVIDIA GeForce RTX 4060 Ti", 8, 288, 160),
        ("NVIDIA GeForce RTX 4060 Ti", 16, 288, 165),
        ("NVIDIA GeForce RTX 4060 Laptop GPU", 8, 256, 115),
        ("AD107M [GeForce RTX 4060 Max-Q / Mobile]", None, 256, 115),
        ("NVIDIA GeForce RTX 3060", 12, 360, 170),
        ("NVIDIA GeForce RTX 3060 Ti", 8, 448, 200),
        ("NVIDIA GeForce GTX 1060 6GB", 6, 192.2, 120),
        ("Tesla V100-PCIE-32GB", 32, 897, 250),
        ("Tesla T4", 14.75, 320, 70),
        ("AMD Radeon RX 7900 XTX", 23.98, 960, 355),
        ("AMD Radeon RX 7900 XT", 20, 800, 300),
        ("Radeon 8060S Graphics", None, 256, 120),
        ("Intel Arc B580", 11.9, 456, 190),
        ("Apple M3 Max", 64, 400, None),
        ("Apple M3 Max", 96, 300, None),
        ("Apple M3 Max", None, 300, None),
        ("Apple M4 Max", 36, 410, None),
        ("Apple M4 Max", 128, 546, None),
        ("Apple M5 Max", 36, 460, None),
        ("Apple M6", 32, 170, 70),
        ("NVIDIA GeForce RTX 4090 D", 24, 1008, 425),
        ("NVIDIA GeForce RTX 3080", 12, 912.4, 350),
        ("NVIDIA GeForce RTX 3060", None, 240, 170),
        ("NVIDIA H100 80GB HBM3", 80, 3360, 700),
        ("NVIDIA GeForce RTX 3060 Laptop GPU", 6, 336, 80),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 95, 1792, 300),
        ("NVIDIA Jetson AGX Orin Developer Kit", 61.4, 204.8, 60),
        ("NVIDIA Thor", 122, 273, 130),
        ("AMD Instinct MI60 / MI50", 32, 1024, 300),
        ("Tesla P100-PCIE-16GB", 16, 732.2, 250),
        ("Radeon 8065S Graphics", None, 273, 120),
        ("Intel Arc A770", 16, 560, 225),
        ("Intel Arc A770", 8, 512, 225),
        ("Apple M1", 8, 68.25, 39),
        ("NVIDIA A100-SXM4-80GB", 80, 2039, 400),
        ("NVIDIA A100-SXM4-40GB", 39.6, 1555, 400),
        ("NVIDIA A100 80GB PCIe", None, 1940, 300),
        ("NVIDIA A100-PCIE-40GB", None, 1555, 250),
        ("Tesla V100-SXM2-16GB", 16, 898, 300),
        ("NVIDIA GeForce GTX 1060 3GB", 3, 192.2, 120),
        ("NVIDIA RTX A2000 12GB", 12, 288, 70),
        ("NVIDIA RTX 4000 Ada Generation", 20, 360, 130),
        ("AMD Instinct MI50", 32, 1024, 300),
    ],
)
def test_known_devices(name: str, memory_gib: float | None, bandwidth: float, tdp: float | None) -> None:
    facts = facts_for(name, memory_bytes=None if memory_gib is None else int(memory_gib * GIB))
    assert facts is not None and (facts.bandwidth_gbs, facts.tdp_w) == (bandwidth, tdp)


@pytest.mark.parametrize(
    ("name", "memory_gib"),
    [
        ("NVIDIA GeForce RTX 3070 Laptop GPU", 8),
        ("NVIDIA RTX Spark", 120),
        ("AMD Radeon RX 7900M", 16),
        ("NVIDIA GeForce", 8),
        ("", 8),
        ("CPU DDR5-5600 dual channel", None),
        ("GPU", None),
    ],
)
def test_a_similar_device_is_not_taken_for_it(name: str, memory_gib: float | None) -> None:
    assert facts_for(name, memory_bytes=None if memory_gib is None else int(memory_gib * GIB)) is None


def test_the_second_name_helps_where_the_first_is_ambiguous() -> None:
    facts = facts_for("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]", "AMD Radeon RX 7900 XTX")
    assert facts is not None and facts.bandwidth_gbs == 960


def test_apples_watts_are_those_of_the_whole_machine() -> None:
    facts = facts_for("Apple M4 Pro")
    assert facts is not None and facts.whole_machine


def test_every_row_is_sound_and_has_a_source() -> None:
    rows = list(csv.DictReader(asset_text("devices/devices.csv").splitlines()))
    assert len(rows) >= 180
    for row in rows:
        assert row["source"].strip() and row["pattern"].strip()
        for key in ("bandwidth_gbs", "tdp_w", "idle_w"):
            assert not row[key] or float(row[key]) > 0
        if row["idle_w"] and row["tdp_w"]:
            assert float(row["idle_w"]) < float(row["tdp_w"])


def test_every_pci_name_is_unique_and_well_formed() -> None:
    rows = list(csv.DictReader(asset_text("devices/pci_names.csv").splitlines()))
    keys = [(row["pci_id"], row["revision"]) for row in rows]
    assert len(rows) > 200 and len(set(keys)) == len(keys)
    for row in rows:
        assert re.fullmatch(r"(10de|1002|8086):[0-9a-f]{4}", row["pci_id"])
        assert re.fullmatch(r"([0-9a-f]{2})?", row["revision"]) and row["name"].isprintable()


@pytest.mark.parametrize(
    ("chip", "gib", "low", "high"),
    [
        ("Apple M5 Max", 36, 460, None), ("Apple M5 Max", 64, 614, None), ("Apple M5 Max", None, 460, 614),
        ("Apple M3 Max", 96, 300, None), ("Apple M3 Max", None, 300, 400), ("Apple M4 Max", None, 410, 546),
        ("Apple M4 Pro", None, 273, None), ("Apple M1 Ultra", None, 800, None),
    ],
)  # fmt: skip
def test_where_the_size_does_not_tell_there_is_a_range(
    chip: str, gib: int | None, low: float, high: float | None
) -> None:
    facts = facts_for(chip, memory_bytes=None if gib is None else gib << 30)
    assert facts is not None
    assert (facts.bandwidth_gbs, facts.bandwidth_high_gbs) == (low, high)
