"""Make and check resources/catalog/models.json.

    catalog_build.py --from RESEARCH.json --date 2026-08-21    convert a research file
    catalog_build.py                                           check and rewrite in canonical form
    catalog_build.py --check                                   change nothing, fail if that would

The research file is a list of entries as resources/catalog/README.md describes. What it marks as recalled
(``*_unverified``) goes into ``unverified`` and nowhere else, what it guesses is dropped; third parties'
quality scores, pull counts and prose flags are left out. Standard library only.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "catalog" / "models.json"
QUANT = re.compile(
    r"(?:^|-)(q[2-8]_[01k](?:_[sml])?|q8_0|fp16|f16|bf16|qat|mxfp4|mxfp8|nvfp4|mlx-bf16|mlx|int4|int8)$", re.I
)
CAPABILITIES = {"completion", "embedding", "tools", "thinking", "vision", "audio"}
STATUS = {
    "registry manifest, SHA-256 equals the listing id": "exact",
    "registry manifest; size agrees with the listing, hash not recomputed": "agrees",
    "listing only (rounded)": "listed",
}
ENTRY_KEYS = {
    "model",
    "title",
    "family",
    "publisher",
    "hf_repo",
    "aliases",
    "manifest_id",
    "status",
    "model_bytes",
    "projector_bytes",
    "download_bytes",
    "listed_gb",
    "quant",
    "context",
    "capabilities",
    "uses",
    "code",
    "params_total",
    "params_active",
    "moe",
    "license",
    "released",
    "blob",
    "cloud",
    "arch",
    "tags",
    "unverified",
    "from",
    "sources",
}
ARCH_KEYS = {
    "name",
    "layers",
    "d_model",
    "heads",
    "kv_heads",
    "head_dim",
    "ffn",
    "vocab",
    "experts",
    "experts_used",
    "expert_ffn",
    "shared_ffn",
    "leading_dense",
    "full_layers",
    "sliding_layers",
    "window",
    "pattern",
    "head_dim_full",
    "kv_heads_full",
    "shared_kv_layers",
    "recurrent",
    "mla",
    "tied",
    "other_params",
}


class Sources:
    """Texts of sources, each stored once."""

    def __init__(self):
        self.texts = []

    def index(self, text):
        text = re.sub(r"\s*\(ids? [0-9, ]+\)", "", text)
        text = re.sub(
            r"https://raw\.githubusercontent\.com/jakemanger/whatmodel/main/pages/model/(\S+)\.md",
            r"whatmodel.sh, model page \1",
            text,
        )
        text = text.replace("public code index excerpt: ", "public code: ").replace("github ", "GitHub ")
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)


def stem(tag):
    """A tag without its quantization: "8b-instruct-q4_K_M" is "8b-instruct"; None if it names none."""
    found = QUANT.search(tag)
    return tag[: found.start()] if found else None


def flavour(tag, default_stems):
    """``same``, ``instruct`` or ``other`` (see wattlight.domain.entry.Flavour)."""
    own = stem(tag)
    if own is None:
        return "other"
    if own in default_stems or own.replace("-it", "") in default_stems or f"{own}-it" in default_stems:
        return "same"
    thinks = any("think" in item for item in default_stems)
    return "instruct" if thinks and "instruct" in own else "other"


def tags_of(raw):
    """The other tags: [tag, quantization, listed GB, engine, flavour]."""
    stems = {item for item in map(stem, raw["aliases"]) if item is not None} or {raw["tag"]}
    rows = []
    for item in raw["variants"]:
        engine = item["engine"] or ""
        kind = flavour(item["tag"], stems)
        if (
            engine != "gguf"
            and kind == "other"
            and any(s.startswith(stem(item["tag"]) or "-") for s in stems)
        ):
            kind = "same"
        rows.append([item["tag"], item["quant"], item["gb"], engine, kind])
    return rows


def architecture_of(raw):
    """The geometry, flat, without empty fields."""
    arch = raw["arch"]
    if not arch:
        return None
    attention = arch["attention"]
    out = {
        "name": arch["gguf_architecture"],
        "layers": arch["n_layers"],
        "d_model": arch["d_model"],
        "heads": arch["n_heads"],
        "kv_heads": arch["n_kv_heads"],
        "head_dim": arch["head_dim"],
        "ffn": arch["ffn"],
        "vocab": arch["vocab"],
        "experts": arch.get("n_experts"),
        "experts_used": arch.get("n_experts_used"),
        "expert_ffn": arch.get("expert_ffn"),
        "shared_ffn": arch.get("shared_expert_ffn")
        or arch.get("shared_experts", 0) * (arch.get("expert_ffn") or 0),
        "leading_dense": arch.get("leading_dense_layers"),
        "full_layers": attention["full_layers"],
        "sliding_layers": attention["sliding_layers"],
        "window": attention["sliding_window"],
        "pattern": attention["pattern"],
        "head_dim_full": attention.get("head_dim_full"),
        "kv_heads_full": attention.get("n_kv_heads_full"),
        "shared_kv_layers": attention.get("kv_shared_layers"),
        "tied": raw.get("embedding_tied_by_fit"),
    }
    other = raw.get("vision_and_other_params_by_difference") or 0
    if other > 3e8:
        out["other_params"] = other
    mla = attention.get("mla")
    if mla:
        out["mla"] = [
            mla["kv_lora_rank"],
            mla["qk_rope_head_dim"],
            mla["qk_nope_head_dim"],
            mla["v_head_dim"],
            mla["q_lora_rank"],
        ]
    state = attention.get("recurrent")
    if state and state["kind"] == "mamba2":
        inner = state["heads"] * state["head_dim"]
        out["recurrent"] = [
            "mamba2",
            state["layers"],
            state["conv_kernel"],
            inner,
            state["state"],
            state["groups"],
        ]
    elif state:
        inner = state["value_heads"] * state["value_dim"]
        out["recurrent"] = [
            state["kind"],
            state["layers"],
            state["conv_kernel"],
            inner,
            state["key_dim"],
            state["key_heads"],
        ]
    return {key: value for key, value in out.items() if value is not None and (value != 0 or key == "tied")}


def entry_of(raw, sources):
    """One entry of the shipped file."""
    origin = {
        "bytes": "listing" if raw["bytes_status"].startswith("listing") else "registry manifest",
        "license": raw.get("license_source"),
        "released": raw.get("release_source"),
        "params": raw.get("params_source"),
        "quant": raw.get("quantization_source"),
    }
    recalled = {
        "released": raw.get("release_date_unverified"),
        "license": raw.get("license_unverified"),
        "params_total": raw.get("params_total_unverified"),
        "params_active": raw.get("params_active_unverified"),
    }
    out = {
        "model": raw["model"],
        "title": raw["title"],
        "family": raw["family"],
        "publisher": raw["publisher"],
        "hf_repo": raw["hf_repo"],
        "aliases": raw["aliases"],
        "manifest_id": raw["manifest_id"],
        "status": STATUS[raw["bytes_status"]],
        "model_bytes": raw["model_bytes"],
        "projector_bytes": raw["projector_bytes"] or None,
        "download_bytes": raw["download_bytes"],
        "listed_gb": raw["download_gb_listed"],
        "quant": raw["quantization"],
        "context": raw["context_length"],
        "capabilities": raw["capabilities"],
        "uses": raw["use_cases"],
        "code": raw["code_specialised"] or None,
        "params_total": raw["params_total"] if raw.get("params_source") else None,
        "params_active": raw["params_active"],
        "moe": raw["moe"] or None,
        "license": raw["license"] if raw.get("license_source") else None,
        "released": raw["release_date"] if raw.get("release_source") else None,
        "blob": raw.get("model_blob_digest"),
        "cloud": raw.get("cloud_variants"),
        "arch": architecture_of(raw),
        "tags": tags_of(raw),
        "unverified": {key: value for key, value in recalled.items() if value},
        "from": {key: sources.index(value) for key, value in origin.items() if value},
        "sources": [sources.index(text) for text in raw["sources"]],
    }
    return {key: value for key, value in out.items() if value not in (None, [], {})}


def convert(raw, date):
    """The whole shipped document from a research file."""
    sources = Sources()
    entries = [entry_of(item, sources) for item in raw]
    return {"schema": 1, "date": date, "sources": sources.texts, "entries": entries}


def faults_of(document):
    """Everything wrong with a shipped document, as sentences."""
    faults = []
    if document.get("schema") != 1 or not re.fullmatch(r"\d{4}-\d\d-\d\d", str(document.get("date"))):
        faults.append("schema is not 1 or date is not a date")
    taken = set()
    for item in document["entries"]:
        base, own = item["model"].split(":")
        names = {(base, tag.lower()) for tag in [own, *item.get("aliases", [])]}
        problems = [
            *structure_faults(item),
            *byte_faults(item),
            *source_faults(item, len(document["sources"])),
        ]
        if names & taken:
            problems.append(f"{sorted(names & taken)} named twice")
        taken |= names
        faults += [f"{item['model']}: {problem}" for problem in problems]
    return faults


def structure_faults(item):
    """Unknown keys and geometry that cannot be."""
    arch = item.get("arch", {})
    if set(item) - ENTRY_KEYS or set(arch) - ARCH_KEYS:
        yield f"unknown keys {sorted((set(item) - ENTRY_KEYS) | (set(arch) - ARCH_KEYS))}"
    if not set(item["capabilities"]) <= CAPABILITIES:
        yield "unknown capability"
    if arch and arch.get("full_layers", 0) + arch.get("sliding_layers", 0) > arch["layers"]:
        yield "more attention layers than layers"


def byte_faults(item):
    """Bytes that contradict each other."""
    if (item["status"] == "listed") != ("model_bytes" not in item):
        yield "bytes do not agree with their status"
    if "model_bytes" in item:
        layers = item["model_bytes"] + item.get("projector_bytes", 0)
        if not layers <= item["download_bytes"] <= layers + 1_000_000:
            yield "download is not the sum of its layers"
        step = 10 ** (len(str(item["download_bytes"])) - 2)
        if abs(item["download_bytes"] - item["listed_gb"] * 1e9) > step:
            yield "exact and listed bytes disagree"


def source_faults(item, count):
    """Facts without a source."""
    for key, fact in (("license", "license"), ("released", "released"), ("params", "params_total")):
        if fact in item and key not in item["from"]:
            yield f"{fact} has no source"
        if fact in item and fact in item.get("unverified", {}):
            yield f"{fact} is both a fact and unverified"
    if not item["sources"] or any(not 0 <= n < count for n in [*item["from"].values(), *item["sources"]]):
        yield "a source is missing"


def text_of(document):
    """Canonical text: one entry a line, so that a change shows as one line."""
    head = {key: value for key, value in document.items() if key not in ("entries", "sources")}

    def compact(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    lines = [compact(head)[:-1] + ',\n"sources":[']
    lines.append(",\n".join(compact(text) for text in document["sources"]) + '],\n"entries":[')
    lines.append(",\n".join(compact(item) for item in document["entries"]) + "]}\n")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="research", metavar="RESEARCH.json")
    parser.add_argument("--date", help="newest day the research saw the library")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file would change")
    args = parser.parse_args()
    if args.research:
        if not args.date:
            parser.error("--from needs --date")
        with open(args.research, encoding="utf-8") as stream:
            document = convert(json.load(stream), args.date)
    else:
        document = json.loads(TARGET.read_text(encoding="utf-8"))
    faults = faults_of(document)
    for fault in faults:
        print(fault)
    if faults:
        return 1
    text = text_of(document)
    if args.check:
        same = text == TARGET.read_text(encoding="utf-8")
        print("unchanged" if same else "not in canonical form")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(document['entries'])} entries, {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
