"""Mutated headers: every one is either read or refused with a sentence, and quickly."""

import random
import time

import pytest

from fakes import fit_truth, gguf_writer
from fakes.gguf_writer import shape_from_bytes
from fakes.mutations import mutated
from wattlight.catalog.gguf import BadModelFile
from wattlight.domain.fit import FitOptions, fit, prepare
from wattlight.domain.values import Device, MachineProfile

GIB = 1 << 30
MACHINE = MachineProfile(
    "m", "linux", 32 * GIB, 24 * GIB, devices=(Device("g", "g", "cuda", 8 * GIB, 7 * GIB),)
)
MODELS = ("tiny-llama", "gptoss20b", "lfm2_1b", "deepseek2lite", "qwen35-9b", "gemma3-1b")


def run(count: int, seed: int) -> tuple[int, int]:
    chance = random.Random(seed)
    headers = [gguf_writer.header(fit_truth.raw_shapes()[m], vocabulary=40, merges=20) for m in MODELS]
    read = refused = 0
    for _ in range(count):
        data = mutated(chance.choice(headers), chance)
        started = time.process_time()
        try:
            shape = shape_from_bytes(data)
        except BadModelFile as problem:
            refused += 1
            assert problem.message.endswith(".")
            assert "\n" not in problem.message
        else:
            read += 1
            result = fit(prepare(shape), MACHINE, FitOptions(context=4096))
            assert result.gpu_bytes >= 0
            assert result.host_bytes >= 0
        assert time.process_time() - started < 2
    return read, refused


def test_200_mutated_headers() -> None:
    read, refused = run(200, 1)
    assert read + refused == 200
    assert refused > 20


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_200000_mutated_headers() -> None:
    read, refused = run(200_000, 2)
    assert read + refused == 200_000
    assert refused > 20_000
