"""What a GGUF file is: a language model that the server's engine loads, or something else."""

import re
from collections.abc import Mapping, Sequence

from wattlight.domain.shape import MetadataValue, Tensor
from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from .window import LOCAL, BadModelFile, HeaderLimits

_LOADED = (
    "llama llama4 deci falcon grok gpt2 gptj gptneox mpt baichuan starcoder refact bert modern-bert "
    "nomic-bert nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert bloom stablelm qwen qwen2 "
    "qwen2moe qwen2vl qwen3 qwen3moe qwen3next qwen3vl qwen3vlmoe qwen35 qwen35moe qwen4exp phi2 phi3 "
    "phimoe plamo plamo2 plamo3 codeshell orion internlm2 minicpm minicpm3 gemma gemma2 gemma3 gemma3n "
    "gemma4 gemma-embedding starcoder2 mamba mamba2 jamba falcon-h1 xverse command-r cohere2 cohere2moe "
    "dbrx olmo olmo2 olmoe openelm arctic deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4 chatglm "
    "glm4 glm4moe glm-dsa glm5next bitnet t5 t5encoder jais jais2 nemotron nemotron_h nemotron_h_moe "
    "exaone exaone4 exaone-moe rwkv6 rwkv6qwen2 rwkv7 arwkv7 granite granitemoe granitehybrid chameleon "
    "plm bailingmoe bailingmoe2 bailingmoe3 dots1 dots3note arcee afmoe laguna ernie4_5 ernie4_5-moe "
    "hunyuan-moe hunyuan-dense hunyuan_vl hy_v3 hy_v4 smollm3 gpt-oss lfm2 lfm2moe dream smallthinker "
    "llada llada-moe seed_oss grovemoe apertus minimax-m2 minimax-m3 minimax-01 cogvlm rnd1 pangu- "
    "embedded mistral3 mistral4 paddleocr mimo2 step35 llama-embed maincoder kimi-linear kimi-k3 talkie "
    "mellum muse-glimmer muse_glimmer qwen3tts gptoss qwen25vl olmo3 glm4moelite glmocr deepseekocr "
    "nemotron_h_omni granite-hybrid"
)
LOADED = frozenset(_LOADED.split())
"""Architectures of llama.cpp's ``llama-arch.cpp`` (2026), and the names in files of Ollama's older engine."""
_DRAFTS = frozenset(("eagle3", "dflash", "gemma4-assistant"))
_PROJECTORS = frozenset(("clip", "mmproj"))
_PICTURE_NAMES = (
    "flux flux2 sd1 sd2 sd3 sdxl aura hidream cosmos ltxv hyvid hunyuan_video wan lumina2 qwen_image "
    "chroma z_image omnigen omnigen2 pixart kandinsky5 stable-diffusion diffusion pig vae mochi cogvideox"
)
_PICTURES = frozenset(_PICTURE_NAMES.split())
_PICTURE_TENSORS = re.compile(
    r"(model\.)?(diffusion_model|first_stage_model|cond_stage_model|vae)\.|(double|single)_blocks\.\d|"
    r"(single_)?transformer_blocks\.\d|joint_blocks\.\d|(input|output|down|up)_blocks\.\d|x_embedder\.|img_in\."
)
_SPEECH_NAMES = (
    "whisper wavtokenizer-dec parler-tts kokoro dia outetts bark encodec snac cosyvoice cosyvoice3 "
    "moonshine parakeet canary qwen3-asr piper vits chatterbox"
)
_SPEECH = frozenset(_SPEECH_NAMES.split())


class NotALanguageModel(BadModelFile):
    """A sound file of another kind, or of an architecture that the engine does not load."""

    code = "no_language_model"


def check_kind(
    metadata: Mapping[str, MetadataValue], tensors: Sequence[Tensor], as_draft: bool = False
) -> None:
    """Pass over what can be a language model, and what drafts for one if ``as_draft``.

    Raises:
        NotALanguageModel: says what the file is instead.
    """
    named = metadata.get("general.architecture")
    architecture = named if isinstance(named, str) else ""
    if as_draft and architecture in _DRAFTS:
        return
    other = _other_kind(metadata, tensors, architecture)
    if other is not None:
        what, way = other
        raise NotALanguageModel(tr("This file holds {what}, not a language model.", what=what), way)
    if architecture and re.fullmatch(r"[a-z0-9_.-]+", architecture) and architecture not in LOADED:
        raise NotALanguageModel(
            tr(
                "No known engine of the server loads the architecture {name}, so there is no verdict.",
                name=clean_text(architecture, 60),
            ),
            tr("If it is a new one, update Wattlight and the server."),
        )


def is_projector(metadata: Mapping[str, MetadataValue]) -> bool:
    """The part of a model that turns pictures or sound into tokens, in a file of its own."""
    return metadata.get("general.architecture") in _PROJECTORS or metadata.get("general.type") == "mmproj"


def _other_kind(
    metadata: Mapping[str, MetadataValue], tensors: Sequence[Tensor], architecture: str
) -> tuple[str, str] | None:
    """What the file is in words, and what to give instead; None for what may be a language model."""
    kind = str(metadata.get("general.type", "model"))

    def has(prefix: str) -> bool:
        return any(key.startswith(prefix) for key in metadata)

    base = metadata.get("general.base_model.0.name")
    whole = tr("Give the file of the whole model.")
    if isinstance(base, str) and base.strip():
        whole = tr("Give the file of the model it belongs to: {name}.", name=clean_text(base, 60))
    if kind == "imatrix" or has("imatrix."):
        return tr("importance data for quantizing (an imatrix)"), whole
    if kind == "adapter" or has("adapter.") or any(t.name.endswith((".lora_a", ".lora_b")) for t in tensors):
        return tr("an adapter (LoRA)"), whole
    if architecture == "controlvector" or has("controlvector."):
        return tr("a control vector"), whole
    if is_projector(metadata):
        return tr("a vision projector"), tr("Give the model's own file, and this one with --projector.")
    if architecture in _DRAFTS:
        return tr("a draft that speeds up another model"), whole
    if architecture in _SPEECH:
        return tr("a speech model"), tr("Give the file of a language model.")
    if architecture in _PICTURES or any(_PICTURE_TENSORS.match(t.name) for t in tensors):
        return tr("a model for images or video"), tr("Give the file of a language model.")
    if kind != "model":
        return tr("what its header calls '{kind}'", kind=clean_text(kind, 40)), whole
    if not tensors and architecture in LOADED and not has("split."):
        return tr("a vocabulary or a bare header without weights"), whole
    return None


_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "lfs"),
    (b"\x1f\x8b", "packed"), (b"PK\x03\x04", "packed"), (b"\xfd7zXZ\x00", "packed"),
    (b"\x28\xb5\x2f\xfd", "packed"), (b"7z\xbc\xaf\x27\x1c", "packed"), (b"BZh", "packed"),
    (b"lmgg", "older"), (b"tjgg", "older"), (b"fmgg", "older"), (b"algg", "older"),
)  # fmt: skip
"""How other files begin that are given for a model."""


def what_else(start: bytes) -> tuple[str, str]:
    """A sentence of a file that begins with ``start`` and is no GGUF file, and what to do."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = next((kind for beginning, kind in _BEGINNINGS if start.startswith(beginning)), "")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        kind = "page"
    elif len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 30:
        kind = "safetensors"
    elif kind == "packed" and b"data.pkl" in start:
        kind = "PyTorch"
    other = (
        tr("This is a {kind} file, not a GGUF model file.", kind=kind),
        tr("Give a GGUF build of the model, or the name of a model, such as qwen3:8b."),
    )
    told = {
        "lfs": (
            tr("This file only points to a model that Git LFS keeps elsewhere."),
            tr("Fetch the model itself with 'git lfs pull'."),
        ),
        "page": (
            tr("This file holds a web page, not a model."),
            tr("Download it again; the site may want you to sign in first."),
        ),
        "packed": (
            tr("This is a packed file, not a model."),
            tr("Unpack it first, and give the .gguf file."),
        ),
        "safetensors": other,
        "PyTorch": other,
        "older": (
            tr("This is a model file of before GGUF, which the server does not load."),
            tr("Download a current build of the model."),
        ),
    }
    return told.get(
        kind,
        (
            tr("This is not a GGUF model file."),
            tr("Give a .gguf file or the name of a model, such as qwen3:8b."),
        ),
    )


_LENGTHS = ("context_length", "embedding_length", "feed_forward_length", "expert_feed_forward_length",
            "attention.sliding_window")  # fmt: skip
_COUNTS = ("expert_count", "expert_used_count", "attention.head_count", "attention.head_count_kv",
           "attention.key_length", "attention.value_length")  # fmt: skip
"""Products of these and a length are sizes."""


def check_numbers(
    architecture: str, metadata: Mapping[str, MetadataValue], limits: HeaderLimits = LOCAL
) -> None:
    """See that nothing a model counts is beyond all bounds.

    Raises:
        BadModelFile: a key that is needed is missing or absurd.
    """
    blocks = metadata.get(f"{architecture}.block_count")
    if not isinstance(blocks, int) or isinstance(blocks, bool) or not 1 <= blocks <= limits.blocks:
        raise BadModelFile(tr("The model file does not say how many blocks the model has."))
    for keys, most in ((_LENGTHS, limits.number), (_COUNTS, limits.count)):
        for key in keys:
            _check_length(f"{architecture}.{key}", metadata.get(f"{architecture}.{key}"), most)
    for key, value in metadata.items():
        numbers = value if isinstance(value, tuple) else (value,)
        of_it = key.startswith(f"{architecture}.") and not key.endswith(("context_length", "window"))
        most = limits.length if of_it else 2 * limits.number
        if any(isinstance(n, int) and abs(n) > most for n in numbers):
            raise _no_number(key)
        if any(isinstance(n, float) and not abs(n) <= 2 * limits.number for n in numbers):
            raise _no_number(key)


def _check_length(key: str, value: MetadataValue | None, most: int) -> None:
    """A length must be a number of a sensible size, or one per block."""
    if value is None:
        return
    values = value if isinstance(value, tuple) else (value,)
    for item in values:
        if not isinstance(item, int | float) or isinstance(item, bool) or not 0 <= item <= most:
            raise _no_number(key)


def _no_number(key: str) -> BadModelFile:
    return BadModelFile(
        tr("The key {key} of the model file is not a sensible number.", key=clean_text(key, 80))
    )
