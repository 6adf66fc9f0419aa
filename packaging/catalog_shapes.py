"""Shapes for resources/catalog worked out from what makers publish: ``catalog_build.py --from-geometry``.

Three small tables beside this file, in ``catalog/``:

* ``models.csv``: of each model its keys as in a header (names without the architecture's prefix), the recipe
  that lists its tensors, its vocabulary, and what is known of its file: bytes of the header, of a vision
  tower, of hidden draft blocks, types that follow other rules (``tensor:runs``), and where all of it is from.
* ``recipes.csv``: tensors in order; ``@`` names the blocks that have one, else all do.
* ``dimensions.csv``: what the dimensions of each tensor are, in words of ``words_of``; a line for one
  architecture or model, or for some of its blocks, goes before the general one.

Nothing is asked of anybody. Standard library only.
"""

import csv
import json
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "catalog"
NUMBERS = ("header", "vision", "hidden")


def build():
    """The document of shapes.json."""
    recipes = {row["recipe"]: row["tensors"].split() for row in rows_of("recipes.csv")}
    dimensions = {
        (row["tensor"], row["for"], row["blocks"]): row["dimensions"].split()
        for row in rows_of("dimensions.csv")
    }
    return {
        "schema": 1,
        "shapes": [item_of(row, recipes, dimensions) for row in rows_of("models.csv")],
    }


def rows_of(name):
    with open(SOURCES / name, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def item_of(row, recipes, dimensions):
    """One entry, its keys in the order of the shipped file."""
    item = {"model": row["model"]}
    if row["like"]:
        item["like"] = row["like"]
        if row["stand_in"]:
            item["of"] = row["stand_in"]
    else:
        keys = keys_of(row["keys"])
        item |= {
            "arch": row["architecture"],
            "keys": keys,
            "tensors": tensors_of(row, keys, recipes[row["recipe"]], dimensions),
        }
    item |= {name: int(row[name]) for name in NUMBERS if row[name]}
    item["proof"] = row["proof"]
    if row["draft"]:
        item["draft"] = json.loads(row["draft"])
    item["read"] = int(row["read"])
    return item


def keys_of(text):
    """ "block_count=32 attention.head_count_kv=0,4" as a dictionary of numbers and lists of them."""
    pairs = (word.split("=") for word in text.split())
    found = {name: numbers_of(value) for name, value in pairs}
    return {name: value[0] if len(value) == 1 else value for name, value in found.items()}


def numbers_of(text):
    """ "0,4*2" is 0, 4, 4."""
    runs = (part.partition("*") for part in text.split(","))
    return [int(value) for value, _, count in runs for _ in range(int(count or 1))]


def tensors_of(row, keys, recipe, dimensions):
    words, blocks = words_of(keys, int(row["vocabulary"])), blocks_of(keys)
    types = dict(part.split(":") for part in row["types"].split())
    tensors = []
    for entry in recipe:
        name, _, where = entry.partition("@")
        found = (
            dimensions.get((name, row["model"], where))
            or dimensions.get((name, row["architecture"], where))
            or dimensions.get((name, row["architecture"], ""))
            or dimensions[name, "", ""]
        )
        tensor = [name, [size_of(word, words) for word in found]]
        kind = types.get(entry, "")
        if where or kind:
            tensor.append(blocks.get(where, where))
        if kind:
            tensor.append(kind)
        tensors.append(tensor)
    return tensors


def size_of(text, words):
    """A sum of words, each perhaps times or divided by a number or another word: "2*inner+groups"."""
    total = 0
    for part in text.replace("-", "+-").split("+"):
        factors, *divisors = part.removeprefix("-").split("/")
        value = -1 if part.startswith("-") else 1
        for factor in factors.split("*"):
            value *= int(factor) if factor.isdecimal() else words[factor]
        for divisor in divisors:
            value //= int(divisor) if divisor.isdecimal() else words[divisor]
        total += value
    return total


def largest(value):
    return max(value) if isinstance(value, list) else value


def least(value):
    return min(value) if isinstance(value, list) else value


def words_of(keys, vocabulary):
    """The words of dimensions.csv. Where heads differ by block, ``heads`` is the most of them."""
    get = {name: largest(value) for name, value in keys.items()}.get
    embedding, heads = get("embedding_length", 0), get("attention.head_count", 0)
    key = get("attention.key_length", embedding // heads if heads else 0)
    return {
        "embedding": embedding,
        "vocabulary": vocabulary,
        "context": get("context_length", 0),
        "block": get("block_count", 0),
        "heads": heads,
        "fewest_heads": least(keys.get("attention.head_count", 0)),
        "kv_heads": get("attention.head_count_kv", heads),
        "fewest_kv_heads": least(keys.get("attention.head_count_kv", heads)),
        "key": key,
        "value": get("attention.value_length", key),
        "key_windowed": get("attention.key_length_swa", key),
        "key_mla": get("attention.key_length_mla", 0),
        "value_mla": get("attention.value_length_mla", 0),
        "rotated": get("rope.dimension_count", key),
        "query_rank": get("attention.q_lora_rank", 0),
        "kv_rank": get("attention.kv_lora_rank", 0),
        "forward": get("feed_forward_length", 0),
        "experts": get("expert_count", 0),
        "expert_forward": get("expert_feed_forward_length", get("feed_forward_length", 0)),
        "shared_forward": get("expert_shared_feed_forward_length", 0),
        "latent": get("moe_latent_size", 0),
        "inner": get("ssm.inner_size", 0),
        "groups": get("ssm.group_count", 1),
        "state": get("ssm.state_size", 0),
        "time_steps": get("ssm.time_step_rank", 0),
        "kernel": get("ssm.conv_kernel", 0),
        "conv": get("shortconv.l_cache", 0),
        "per_layer": get("embedding_length_per_layer_input", 0),
        "altups": get("altup.num_inputs", 0),
    }


def blocks_of(keys):
    """The blocks that the names behind ``@`` stand for, as ranges."""
    count, named = keys["block_count"], {}
    dense = keys.get("leading_dense_block_count")
    if dense is not None:
        named |= {"dense": range(dense), "mixture": range(dense, count)}
    interval = keys.get("full_attention_interval")
    if interval:
        named["attention"] = [i for i in range(count) if (i + 1) % interval == 0]
        named["state"] = [i for i in range(count) if (i + 1) % interval]
    kv, forward = keys.get("attention.head_count_kv"), keys.get("feed_forward_length")
    if isinstance(kv, list):
        works = forward if isinstance(forward, list) else [0] * count
        named["attention"] = [i for i in range(count) if kv[i]]
        named["forward"] = [i for i in range(count) if works[i]]
        named["state"] = [i for i in range(count) if not kv[i] and not works[i]]
    heads = keys.get("attention.head_count")
    if isinstance(heads, list):
        named["few_heads"] = [i for i in range(count) if heads[i] == min(heads)]
        named["many_heads"] = [i for i in range(count) if heads[i] == max(heads)]
    pattern = keys.get("attention.sliding_window_pattern")
    if isinstance(pattern, list):
        named["windowed"] = [i for i in range(count) if pattern[i]]
        named["full"] = [i for i in range(count) if not pattern[i]]
    shared = keys.get("attention.shared_kv_layers")
    if shared:
        named |= {"cached": range(count - shared), "shared": range(count - shared, count)}
    return {name: ranges(list(blocks)) for name, blocks in named.items()}


def ranges(blocks):
    """ "0-2,5" of 0, 1, 2, 5."""
    parts = []
    for block in blocks:
        if parts and parts[-1][1] == block - 1:
            parts[-1][1] = block
        else:
            parts.append([block, block])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
