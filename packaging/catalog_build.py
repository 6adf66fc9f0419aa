"""Make and check resources/catalog/models.json and shapes.json.

    catalog_build.py --from RESEARCH.json --date 2026-08-21    convert a research file
    catalog_build.py --from-geometry                           work shapes.json out from the tables
    catalog_build.py --from-registry [HOST] [--only MODEL ...] read every header, bake exact shapes in
    catalog_build.py                                           check and rewrite in canonical form
    catalog_build.py --check                                   change nothing, fail if that would

The research file is a list of entries as resources/catalog/README.md describes. What it marks as recalled
(``*_unverified``) goes into ``unverified`` and nowhere else, what it guesses is dropped; third parties'
quality scores, pull counts and prose flags are left out. Standard library only but for ``--from-registry``.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "catalog" / "models.json"
SHAPES = ROOT / "resources" / "catalog" / "shapes.json"
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
    "tags",
    "unverified",
    "from",
    "sources",
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
    """Unknown keys and capabilities."""
    if set(item) - ENTRY_KEYS:
        yield f"unknown keys {sorted(set(item) - ENTRY_KEYS)}"
    if not set(item["capabilities"]) <= CAPABILITIES:
        yield "unknown capability"


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


def shapes_text(document):
    """Canonical text of the shapes: one model a line."""
    lines = [json.dumps(item, separators=(",", ":")) for item in document["shapes"]]
    return '{"schema":1,"shapes":[\n' + ",\n".join(lines) + "]}\n"


def worked_out(shapes):
    """The shapes that the tables in catalog/ give; what was read from a header is surer and stays."""
    from catalog_shapes import build

    read = {item["model"]: item for item in shapes["shapes"] if item.get("proof") == "header"}
    made = build()
    return {**made, "shapes": [read.get(item["model"], item) for item in made["shapes"]]}


def shape_faults(document, shapes):
    """A model without a shape, or one that is like a model that does not spell its own out."""
    own = {item["model"] for item in shapes["shapes"] if "tensors" in item}
    for item in shapes["shapes"]:
        if item["model"] not in own and item.get("like") not in own:
            yield f"{item['model']}: has no shape"
    for missing in {e["model"] for e in document["entries"]} - {i["model"] for i in shapes["shapes"]}:
        yield f"{missing}: has no shape"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="research", metavar="RESEARCH.json")
    parser.add_argument("--date", help="newest day the research saw the library")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file would change")
    parser.add_argument(
        "--from-registry",
        nargs="?",
        const="",
        metavar="HOST",
        help="read every model's header (a release step)",
    )
    parser.add_argument(
        "--from-geometry",
        action="store_true",
        help="work the shapes out from the tables in packaging/catalog; those read from headers stay",
    )
    parser.add_argument("--only", nargs="+", default=(), metavar="MODEL", help="of these models alone")
    args = parser.parse_args(arguments)
    shapes = json.loads(SHAPES.read_text(encoding="utf-8"))
    failed = []
    if args.research:
        if not args.date:
            parser.error("--from needs --date")
        with open(args.research, encoding="utf-8") as stream:
            document = convert(json.load(stream), args.date)
    else:
        document = json.loads(TARGET.read_text(encoding="utf-8"))
    if args.from_geometry:
        shapes = worked_out(shapes)
    if args.from_registry is not None:
        from catalog_headers import read_headers

        failed = read_headers(document, shapes, args.from_registry, args.only)
    faults = [*faults_of(document), *shape_faults(document, shapes)]
    for fault in faults:
        print(fault)
    if faults:
        return 1
    texts = {TARGET: text_of(document), SHAPES: shapes_text(shapes)}
    if args.check:
        same = all(path.read_text(encoding="utf-8") == text for path, text in texts.items())
        print("unchanged" if same else "not in canonical form")
        return 0 if same else 1
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    print(f"{len(document['entries'])} entries, {sum(map(len, texts.values()))} characters")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
