"""shapes.json is what the published geometry gives, and so are headers that were measured."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fakes import fit_truth

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
SHIPPED = PACKAGING.parent / "resources" / "catalog" / "shapes.json"


@pytest.fixture
def packaging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PACKAGING))
    yield
    for name in ("catalog_build", "catalog_shapes"):
        sys.modules.pop(name, None)


@pytest.fixture
def shapes(packaging: None) -> ModuleType:
    return importlib.import_module("catalog_shapes")


@pytest.fixture
def build(packaging: None) -> ModuleType:
    return importlib.import_module("catalog_build")


def test_the_shipped_file_is_what_the_tables_give(build: ModuleType) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert build.shapes_text(build.worked_out(json.loads(text))) == text
    assert build.main(["--from-geometry", "--check"]) == 0


def test_what_was_read_from_a_header_stays(build: ModuleType) -> None:
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    read, guessed = shipped["shapes"][4], shipped["shapes"][5]
    read |= {"proof": "header", "header": 1}
    guessed |= {"header": 1}
    made = build.worked_out(shipped)["shapes"]
    assert made[4] == read
    assert made[5]["header"] > 1


def test_every_model_says_where_its_geometry_is_from(shapes: ModuleType) -> None:
    rows = shapes.rows_of("models.csv")
    assert [row["model"] for row in rows if not row["source"].strip()] == []
    assert len({row["model"] for row in rows}) == len(rows) > 200


REAL = {
    "llama31-8b": "llama3.1:8b",
    "gemma3-4b": "gemma3:4b",
    "qwen3-8b": "qwen3:8b",
    "qwen3-30b-a3b": "qwen3:30b",
    "qwen35-9b": "qwen3.5:9b",
    "phi4-14b": "phi4:14b",
    "gemma4-26b": "gemma4:26b",
    "laguna-xs": "laguna-xs.2:latest",
    "lfm2.5-8b-a1b": "lfm2.5:8b",
}
"""Headers that the engine was given, and a model of the catalogue of the same make."""


@pytest.mark.parametrize("name", list(REAL))
def test_the_recipe_of_a_make_gives_the_matrices_of_a_real_header(shapes: ModuleType, name: str) -> None:
    row = next(row for row in shapes.rows_of("models.csv") if row["model"] == REAL[name])
    if row["like"]:
        row = next(other for other in shapes.rows_of("models.csv") if other["model"] == row["like"])
    made = fit_truth.shape(name)
    prefix = f"{made.architecture}."
    keys = {
        key.removeprefix(prefix): list(value) if isinstance(value, tuple) else value
        for key, value in made.metadata.items()
        if key.startswith(prefix)
    }
    real = {tensor.name: tensor.dims for tensor in made.tensors}
    row |= {"vocabulary": str(real["token_embd.weight"][1]), "types": ""}
    document = shapes.build()
    dimensions = {
        (line["tensor"], line["for"], line["blocks"]): line["dimensions"].split()
        for line in shapes.rows_of("dimensions.csv")
    }
    recipe = next(r["tensors"] for r in shapes.rows_of("recipes.csv") if r["recipe"] == row["recipe"])
    own = next(item for item in document["shapes"] if item["model"] == row["model"])
    keys = {**own["keys"], **{key: value for key, value in keys.items() if key in own["keys"]}}
    seen = 0
    for tensor, dims, *rest in shapes.tensors_of(row, keys, recipe.split(), dimensions):
        where = shapes_blocks(rest[0] if rest else "", keys["block_count"])
        for full in [f"blk.{i}{tensor}" for i in where] if tensor.startswith(".") else [tensor]:
            if full in real and len(dims) > 1:
                assert tuple(dims) == real[full], full
                seen += 1
    assert seen > len([name for name in real if len(real[name]) > 1]) * 0.9


def shapes_blocks(ranges: str, count: int) -> list[int]:
    if not ranges:
        return [*range(count)]
    ends = [part.partition("-") for part in ranges.split(",")]
    return [block for first, _, last in ends for block in range(int(first), int(last or first) + 1)]


def test_words_of_dimensions(shapes: ModuleType) -> None:
    words = {"heads": 6, "key": 10, "groups": 4, "rotated": 3}
    for text, size in (("heads*key", 60), ("2*heads+key", 22), ("key-rotated", 7), ("heads*key/groups", 15)):
        assert shapes.size_of(text, words) == size
    with pytest.raises(KeyError):
        shapes.size_of("hedas", words)


def test_runs_and_ranges(shapes: ModuleType) -> None:
    assert shapes.numbers_of("0,8*3,1") == [0, 8, 8, 8, 1]
    assert shapes.ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    blocks = shapes.blocks_of(
        {"block_count": 6, "full_attention_interval": 3, "leading_dense_block_count": 2}
    )
    assert blocks == {"dense": "0-1", "mixture": "2-5", "attention": "2,5", "state": "0-1,3-4"}
