"""Which architectures follow which rule, by the engine's own names."""

MEASURED = frozenset(
    (
        "llama",
        "qwen2",
        "qwen3",
        "qwen3moe",
        "gemma2",
        "gemma3",
        "phi3",
        "gpt-oss",
        "deepseek2",
        "qwen3next",
        "qwen35",
        "qwen35moe",
        "lfm2",
        "cohere2",
        "command-r",
        "exaone4",
        "falcon-h1",
        "gemma4",
        "gemma3n",
        "granite",
        "granitehybrid",
        "laguna",
        "lfm2moe",
        "mamba2",
        "minimax-m2",
        "mistral3",
        "nemotron_h",
        "nemotron_h_moe",
        "olmo2",
        "qwen2vl",
        "qwen3vl",
        "starcoder2",
    )
)
"""Architectures whose memory was measured against the real engine; all others are low confidence."""

WITHOUT_OUTPUT = frozenset(
    (
        "bert",
        "jina-bert-v2",
        "jina-bert-v3",
        "nomic-bert",
        "nomic-bert-moe",
        "neo-bert",
        "eurobert",
        "modern-bert",
    )
)
"""Their rows are the result; no matrix turns them into logits."""

NO_CACHE = WITHOUT_OUTPUT | {"wavtokenizer-dec", "gemma-embedding", "dream", "llada", "llada-moe", "rnd1"}
"""Encoders and diffusion models keep no cache."""

RECURRENT = frozenset(
    (
        "mamba",
        "mamba2",
        "rwkv6",
        "rwkv6qwen2",
        "rwkv7",
        "arwkv7",
    )
)
"""No attention at all: every block keeps a state."""

HYBRID_ZERO_HEADS = frozenset(
    (
        "jamba",
        "granitehybrid",
        "plamo2",
        "lfm2",
        "lfm2moe",
        "kimi-linear",
        "kimi-k3",
        "bailingmoe3",
    )
)
"""Recurrent where the block's KV head count is 0."""

GATED_DELTA = frozenset(
    (
        "qwen3next",
        "qwen35",
        "qwen35moe",
    )
)
NO_ROTATION = frozenset(("nemotron_h", "nemotron_h_moe", "jamba", "bert", "jina-bert-v2", "kimi-linear"))
"""Positions are not rotated into queries and keys."""

WINDOWS_ROTATE = frozenset(("cohere2", "cohere2moe", "exaone4", "muse-glimmer", "muse_glimmer"))
"""Only their windowed blocks rotate positions into queries and keys."""

NORMED_EXPERTS = frozenset(
    (
        "qwen3moe",
        "qwen3next",
        "qwen35moe",
        "qwen3vlmoe",
        "granitehybrid",
        "gemma4",
        "minimax-m2",
        "llama",
        "lfm2moe",
    )
)
"""The shares of the experts used are made to add up to one, whatever the header says."""

NEMOTRON_H = frozenset(("nemotron_h", "nemotron_h_moe"))
MULTI_AXIS = frozenset(
    (
        "qwen2vl",
        "paddleocr",
        "qwen3vl",
        "qwen3vlmoe",
        "qwen35",
        "qwen35moe",
        "qwen3tts",
    )
)
"""Rotary positions of four axes."""

UNMODELLED_CACHE = frozenset(
    (
        "deepseek32",
        "deepseek4",
        "glm-dsa",
        "minimax-m3",
        "minimax-01",
    )
)
"""They keep indexer or linear-attention caches beside the ones modelled here."""

OWN_DRAFT_CACHE = frozenset(
    (
        "qwen3next",
        "qwen35",
        "qwen35moe",
        "step35",
        "hy_v3",
        "mimo2",
        "glm-dsa",
        "glm_dsa",
        "deepseek32",
        "deepseek4",
        "minimax-01",
    )
)
"""The model's own cache leaves its drafting blocks out; of all others it holds every block."""

SAME = {
    "gptoss": "gpt-oss",
    "qwen25vl": "qwen2vl",
    "olmo3": "olmo2",
    "glm4moelite": "deepseek2",
    "glmocr": "glm4",
    "deepseekocr": "deepseek2-ocr",
    "nemotron_h_omni": "nemotron_h_moe",
    "granite-hybrid": "granitehybrid",
}
"""Architecture strings of published files and what the engine reads them as."""

PERIOD: dict[str, tuple[int, bool, int]] = {
    "gemma2": (2, False, 4096),
    "gemma3": (6, False, 0),
    "gemma3n": (5, False, 0),
    "gemma-embedding": (6, False, 0),
    "gpt-oss": (2, False, 0),
    "cohere2": (4, False, 0),
    "cohere2moe": (4, True, 0),
    "smallthinker": (4, True, 4096),
    "llama4": (4, False, 8192),
    "olmo2": (4, False, 0),
    "exaone4": (4, False, 4096),
    "exaone-moe": (4, False, 128),
    "afmoe": (4, False, 0),
    "plamo3": (8, False, 0),
    "mellum": (4, False, 0),
    "laguna": (4, True, 0),
    "muse-glimmer": (4, False, 0),
    "muse_glimmer": (4, False, 0),
    "modern-bert": (3, True, 0),
    "gemma4": (0, False, 0),
    "gemma4-assistant": (0, False, 0),
    "dflash": (0, False, 0),
    "mimo2": (0, False, 0),
    "step35": (0, False, 0),
}
"""Architectures with sliding windows: default period, dense layer first, default window."""

TIED_TWICE = frozenset(("gemma3n", "gemma4"))
"""A tied token table is kept twice even where both copies lie in RAM: the output is made before the input."""

NORM_IN_OUTPUT = frozenset(("lfm2", "lfm2moe"))
"""The norm of the token table belongs to the output unit."""
