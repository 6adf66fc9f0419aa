"""``wattlight fit`` of models that draft: in words and as JSON, and what it would be without."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes import draft_models, fit_truth
from unit.cli.test_fit import SCHEMA, Shop, card, machine
from wattlight.cli import run
from wattlight.domain.shape import ModelShape
from wattlight.i18n import activate


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


class Asked:
    """A computer with one card, and models in its server's store."""

    def __init__(self, root: Path, gib: int = 24, bandwidth: float | None = 936.0) -> None:
        root.mkdir(exist_ok=True)
        self._shop = Shop(root)
        self._store = root / "models"
        cards = [{**card(gib), "bandwidth_gbs": bandwidth}] if gib else []
        self._machine = machine(root, devices=cards)

    def install(self, shape: ModelShape, length: int | None = None) -> None:
        draft_models.install(self._store, "m", shape, length)

    def text(self, *words: str) -> str:
        out = io.StringIO()
        code = run(["fit", "m", "--machine", self._machine, *words], self._shop, out)  # type: ignore[arg-type]
        assert code == 0, out.getvalue()
        return out.getvalue()

    def document(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text(*words, "--json"))
        jsonschema.validate(found, SCHEMA)
        return found


def test_a_length_among_the_parameters_makes_the_blocks_draft(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    asked.install(draft_models.with_block(fit_truth.shape("qwen35-9b")), 3)
    answer = asked.document("--context", "8192")
    draft = answer["draft"]
    assert (draft["kind"], draft["length"], draft["counted"]) == ("embedded", 3, True)
    assert draft["state_bytes"] == 3 * 50.25 * (1 << 20)
    bare = asked.document("--context", "8192", "--draft", "0")
    assert bare["draft"] is None
    assert draft["without"] == {key: bare[key] for key in draft["without"]}
    extra = sum(draft[f"{part}_bytes"] for part in ("weights", "kv", "compute", "state", "output"))
    both = answer["gpu_bytes"] + answer["host_bytes"] - bare["gpu_bytes"] - bare["host_bytes"]
    assert both == pytest.approx(extra, abs=1 << 20)
    speed, plain = draft["tokens_per_second"], answer["tokens_per_second"]
    assert speed["low"] == pytest.approx(1.3 * plain["low"], rel=0.01)
    assert speed["high"] == pytest.approx(1.8 * plain["high"], rel=0.01)
    assert "short answers gain least" in speed["basis"]
    text = asked.text("--context", "8192")
    assert text.startswith("m on other: all on GPU, with a draft of 3\n")
    assert "With a draft of 3 tokens, made by blocks in its file:" in text
    assert "Without the draft (draft_num_predict 0) it is all on the GPU" in text


def test_blocks_without_a_length_do_nothing_but_are_named(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    asked.install(draft_models.with_block(fit_truth.shape("qwen35moe-35b")))
    answer = asked.document("--context", "4096")
    assert answer["draft"] is None
    assert any("draft_num_predict is not set" in reason for reason in answer["reasons"])
    what_if = asked.document("--context", "4096", "--draft", "2")
    assert what_if["draft"]["length"] == 2
    assert what_if["draft"]["tokens_per_second"]["high"] == pytest.approx(
        1.3 * what_if["tokens_per_second"]["high"], rel=0.01
    )


def test_layers_that_the_draft_costs_are_said(tmp_path: Path) -> None:
    asked = Asked(tmp_path, gib=16)
    asked.install(draft_models.with_block(fit_truth.shape("qwen35-27b")), 4)
    answer = asked.document("--context", "32768", "--batch", "1024")
    lost = answer["draft"]["without"]["layers_on_gpu"] - answer["layers_on_gpu"]
    assert 3 <= lost <= 5
    assert answer["draft"]["tokens_per_second"] is None
    assert any(f"The draft costs {lost} layers on the GPU" in reason for reason in answer["reasons"])
    assert "no gain to be expected" in asked.text("--context", "32768", "--batch", "1024")


def test_a_draft_file_is_on_by_default(tmp_path: Path) -> None:
    asked = Asked(tmp_path, gib=32)
    asked.install(replace(fit_truth.shape("qwen35-27b"), draft=draft_models.dflash()))
    answer = asked.document("--context", "8192")
    assert (answer["draft"]["kind"], answer["draft"]["length"]) == ("dflash", 4)
    assert answer["draft"]["counted"] is False
    assert answer["reported_vram_bytes"] < answer["gpu_bytes"] / 4
    assert any("come on top" in reason for reason in answer["reasons"])
    tight = Asked(tmp_path, gib=18)
    answer = tight.document("--context", "8192", "--batch", "1024")
    assert answer["verdict"] == "no"
    assert answer["draft"]["without"]["verdict"] == "full_gpu"
    assert any("fitted without counting it" in reason for reason in answer["reasons"])
    assert any("With num_batch 512" in reason for reason in answer["reasons"])
    assert tight.document("--context", "8192", "--batch", "512")["verdict"] == "full_gpu"


@pytest.mark.parametrize(
    ("shape", "length", "words"),
    [
        (draft_models.tiny("exaone4"), 2, "the first request ends the engine"),
        (
            replace(fit_truth.shape("qwen25-7b"), draft=fit_truth.shape("qwen25-05b")),
            None,
            "has no blocks that draft",
        ),
    ],
)
def test_drafts_that_cannot_work(tmp_path: Path, shape: ModelShape, length: int | None, words: str) -> None:
    asked = Asked(tmp_path)
    asked.install(shape, length)
    answer = asked.document("--context", "4096")
    assert answer["verdict"] == "no"
    assert answer["draft"]["without"]["verdict"] == "full_gpu"
    assert any(words in reason for reason in answer["reasons"])
    assert "does not work with a draft of" in asked.text("--context", "4096").splitlines()[0]


def test_no_gain_is_promised_where_none_was_seen(tmp_path: Path) -> None:
    on_processor = Asked(tmp_path / "a", gib=0)
    on_processor.install(draft_models.with_block(fit_truth.shape("qwen35-9b")), 4)
    assert on_processor.document("--context", "4096")["draft"]["tokens_per_second"] is None
    saves = Asked(tmp_path / "b", gib=80)
    saves.install(draft_models.with_block(fit_truth.shape("qwen3next-80b")), 4)
    assert saves.document("--context", "4096")["draft"]["tokens_per_second"] is None
    unknown = Asked(tmp_path / "c", bandwidth=None)
    unknown.install(draft_models.with_block(fit_truth.shape("qwen35-9b")), 4)
    assert unknown.document("--context", "4096")["draft"]["tokens_per_second"]["low"] is None


def test_a_length_for_a_model_that_cannot_draft(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    asked.install(fit_truth.shape("gemma2-9b"), 4)
    assert asked.document("--context", "4096")["draft"] is None
    answer = asked.document("--context", "4096", "--draft", "8")
    assert answer["draft"] is None
    assert any("Nothing in this model can draft" in reason for reason in answer["reasons"])


def test_two_forms_of_small_words(tmp_path: Path) -> None:
    """More heads than tokens asked for, and a file that drafts fewer than asked."""
    asked = Asked(tmp_path, gib=48)
    asked.install(replace(fit_truth.shape("qwen35-27b"), draft=draft_models.dflash()), 20)
    assert any("drafts only 15 tokens at a time" in r for r in asked.document("--context", "4096")["reasons"])
