"""``wattlight fit --engine vllm``: the document, the words, and one sentence for wrong use."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from unit.catalog.test_safetensors import LLAMA, folder
from wattlight.cli import run
from wattlight.i18n import activate

from .test_fit import Shop

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "desktop" / "schemas" / "fit-vllm.json").read_text(encoding="utf-8")
)
GIB = 1 << 30


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


@pytest.fixture
def box(tmp_path: Path) -> list[str]:
    """A folder of a model of 16 GiB, and a machine with two cards of 24 GiB."""
    model = tmp_path / "model"
    model.mkdir()
    more = {
        "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8,
        "max_position_embeddings": 8192,
    }  # fmt: skip
    folder(model, LLAMA | more, 16 * GIB)
    cards = [
        {
            "id": str(i), "name": "NVIDIA GeForce RTX 4090", "backend": "cuda", "compute_capability": "8.9",
            "memory_total_bytes": 24 * GIB, "memory_free_bytes": (24 - 4 * i) * GIB,
        }
        for i in range(2)
    ]  # fmt: skip
    profile = {
        "schema": 1, "name": "box", "ram_total_bytes": 64 * GIB, "ram_available_bytes": 56 * GIB,
        "cpu_physical_cores": 8, "devices": cards,
    }  # fmt: skip
    (tmp_path / "box.json").write_text(json.dumps(profile), encoding="utf-8")
    return [str(model), "--engine", "vllm", "--machine", str(tmp_path / "box.json")]


def call(words: list[str], root: Path) -> tuple[int, str]:
    """The exit code, and what is said on both streams."""
    out, faults = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(faults):
        code = run(["fit", *words], Shop(root), out)  # type: ignore[arg-type]
    return code, out.getvalue() + faults.getvalue()


def document(words: list[str], root: Path) -> dict[str, Any]:
    code, text = call([*words, "--json"], root)
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMA)
    return found


def test_one_card_and_two(box: list[str], tmp_path: Path) -> None:
    one = document(box, tmp_path)
    assert (one["outlook"], one["weights_bytes"], one["request_bytes"]) == ("starts", 16 * GIB, GIB)
    assert one["requests_at_once"]["low"] == pytest.approx(24 * 0.92 - 16 - 3, abs=0.01)
    assert one["busy_bytes"] == 0
    two = document([*box, "--gpus", "2", "--utilization", "0.9"], tmp_path)
    assert (two["weights_bytes"], two["request_bytes"]) == (8 * GIB, GIB // 2)
    assert two["busy_bytes"] == int(24 * GIB * 0.9) - 20 * GIB
    assert two["requests_at_once"]["high"] > 3 * one["requests_at_once"]["high"]


def test_the_words(box: list[str], tmp_path: Path) -> None:
    code, text = call(box, tmp_path)
    assert code == 0
    first, _, rest = text.partition("\n")
    assert first.endswith("model on box, vLLM: starts, with 3 to 5 requests of 8,192 tokens at once")
    assert "Buffers and graphs  0.4 GiB to 3.0 GiB" in " ".join(rest.split("\n"))
    assert "its log tells" in rest or "log tells the exact figures" in rest
    code, text = call([*box, "--context", "8192", "--quiet"], tmp_path)
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--gpus", "3"], "can use 2 of box"),
        (["--kv-type", "q8_0"], "no cache of the kind q8_0"),
        (["--draft", "4"], "--draft is not an option of vLLM"),
        (["--with", "other"], "--with is not an option of vLLM"),
        (["--gpu-layers", "0"], "--gpu-layers is not an option of vLLM"),
    ],
)
def test_wrong_use(box: list[str], tmp_path: Path, more: list[str], said: str) -> None:
    code, text = call([*box, *more], tmp_path)
    assert code != 0
    assert said in text
    assert len(text.strip().splitlines()) <= 2


def test_options_of_vllm_need_vllm(tmp_path: Path) -> None:
    code, text = call(["any", "--gpus", "2"], tmp_path)
    assert code != 0
    assert "--gpus is an option of vLLM" in text
    code, text = call(["any", "--utilization", "1.5"], tmp_path)
    assert code == 2


def test_no_folder(tmp_path: Path, box: list[str]) -> None:
    code, text = call([str(tmp_path / "nothing"), *box[1:]], tmp_path)
    assert code != 0
    assert "no config.json" in text
