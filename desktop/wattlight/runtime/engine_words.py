"""The server's words about a load, the most particular first, and those that mean one thing everywhere.

The sentences are those of Ollama's ``server``, ``llm``, ``fs/ggml`` and ``x/mlxrunner`` and of llama.cpp's
loader.
"""

import re
from dataclasses import dataclass

from wattlight.i18n import marked

Meaning = tuple[str, str, str, str]
"""Pattern, code, sentence, next step."""

NAME: Meaning = (
    r"invalid model name|invalid name|unqualified name|(name|model) is required|name .* is invalid|"
    r"use either :local or :cloud",
    "invalid_name",
    marked("{model} is not a name a model can have."),
    marked("Use a name like llama3.2:3b."),
)
UNKNOWN: Meaning = (
    r"file does not exist|not found|try pulling it first|manifest unknown|\b404\b",
    "unknown_model",
    marked("There is no model named {model}."),
    marked("Check the spelling of the name and of the part after the colon."),
)
NO_ROOM: Meaning = (
    r"no space left on device|not enough space on the disk|disk quota exceeded|no room on device",
    "no_room",
    marked("There is not enough room on the server's disk for {model}."),
    marked("Free some space and try again: what has arrived is kept and the download goes on from there."),
)
DISK: Meaning = (
    r"input/output error|structure needs cleaning|stale (nfs )?file handle|data error \(cyclic|"
    r"device is not ready|fatal device hardware error",
    "disk_fault",
    marked("The disk that holds the server's models cannot be read or written."),
    marked("Check that disk and its connection; the system's log says more."),
)
OPEN_FILES: Meaning = (
    r"too many open files",
    "open_files",
    marked("The server may not open more files at once."),
    marked("Start Ollama again; if it comes back, raise its limit of open files (LimitNOFILE, ulimit -n)."),
)
BUSY: Meaning = (
    r"server busy|maximum pending requests|no slots available|status: llm server (loading|busy)|"
    r"model list cache unavailable",
    "server_busy",
    marked("The server has too many requests waiting, or is still starting."),
    marked("Try again in a moment."),
)
SIGN_IN: Meaning = (
    r"unauthorized|\b401\b|authorization required",
    "sign_in",
    marked("The server asks for a sign-in."),
    marked(
        "A web server or proxy in front of Ollama wants it: use the address of Ollama itself (OLLAMA_HOST)."
    ),
)
FORBIDDEN: Meaning = (
    r"\b403\b|forbidden|access denied",
    "refused_address",
    marked("The server refuses requests from this computer or by this address."),
    marked("Reach it by its IP address, or allow this one there (OLLAMA_HOST, OLLAMA_ORIGINS)."),
)
OUT_OF_MEMORY: Meaning = (
    r"out of (device )?memory|out-of-memory|(cuda|hip)malloc failed|failed to allocate|allocation failed|"
    r"(not enough|insufficient) memory|vk_error_out_of_device_memory|erroroutof(device|host)?memory|"
    r"cannot allocate memory|"
    r"unable to allocate|requires more system memory|requires .{1,40} but only .{1,40} available|"
    r"paging file is too small|alloc_tensor_range|unable to load full model on gpu",
    "out_of_memory",
    marked("{model} does not fit into the memory that is free now."),
    marked("Unload another model, choose a shorter context or a smaller model."),
)
"""The words by which Ollama itself recognises it, and the older and the MLX wording."""

LOAD: tuple[Meaning, ...] = (
    NAME,
    (
        r"ollama cloud is disabled",
        "cloud_off",
        marked("{model} runs in Ollama's cloud, which is turned off on this server."),
        marked("Choose a model that runs on this computer, or start the server without OLLAMA_NO_CLOUD."),
    ),
    (
        r"cannot run this remote model",
        "remote_refused",
        marked("{model} runs on another host, and this server may not pass requests on to it."),
        marked(
            "Choose a model that runs on this computer, or name that host in the server's OLLAMA_REMOTES."
        ),
    ),
    (
        r"llama.?server binary not found|no suitable llama servers|executable file not found|"
        r"fork/exec .*(no such file|permission denied|exec format error|not a directory)|"
        r"unable to (find|locate|lookup) .*(runner|llama.server|executable)|runner binary|"
        r"error while loading shared libraries|cannot open shared object|library not loaded|"
        r"no backends? (is |are )?loaded|failed to load .*(backend|dynamic library)|mlx not available|"
        r"failed to start mlx runner|exit status 12[67]\b|0xc0000135|could not be found|"
        r"(fork/exec|exec: |llama-server).*system cannot find|no .{0,20}runners? (found|available)",
        "install_incomplete",
        marked(
            "The installation of Ollama is incomplete: the program that runs models is missing or broken."
        ),
        marked("Install Ollama again; nothing is wrong with {model}."),
    ),
    (
        r"mlx on macos requires|mlx is not supported|requires mlx support",
        "mlx_only",
        marked("{model} is a build for MLX, which runs on Apple silicon only."),
        marked("Pull a build of it in GGUF form."),
    ),
    (
        r"requires? flash_attn|quantized v cache",
        "kv_needs_flash",
        marked("{model} was not loaded, because a compressed KV cache needs flash attention."),
        marked(
            "Set OLLAMA_FLASH_ATTENTION=1 or remove OLLAMA_KV_CACHE_TYPE for the server and start it again."
        ),
    ),
    (
        r"(unsupported|unknown|invalid).{0,20}cache type|cache.type.*(unsupported|invalid)|k_cache.*v_cache",
        "bad_kv_type",
        marked(
            "{model} was not loaded, because the server is set to a kind of KV cache that its engine lacks."
        ),
        marked("Correct or remove OLLAMA_KV_CACHE_TYPE for the server and start it again."),
    ),
    (
        r"(unknown|invalid|unrecognized) (argument|option)|error while handling argument|"
        r"the argument has been removed|invalid environment variable",
        "bad_setting",
        marked("The server starts its engine with a setting that the engine does not know."),
        marked("Remove LLAMA_ARG_ and unusual OLLAMA_ variables of the server, or install Ollama again."),
    ),
    OUT_OF_MEMORY,
    NO_ROOM,
    (
        r"signal: killed|exit status 137",
        "killed",
        marked("The operating system stopped {model} while it loaded, most likely for lack of memory."),
        marked("Close other programs, choose a shorter context or a smaller model."),
    ),
    (
        r"illegal instruction|sigill|0xc000001d",
        "processor_too_old",
        marked("Ollama's engine uses instructions that this processor does not have."),
        marked("Install Ollama again, so that all its variants for processors are there."),
    ),
    (
        r"driver version is insufficient|no kernel image|invalid device function|unsupported toolchain|"
        r"no (cuda|rocm)-?(capable|enabled)? ?device|cuda error|rocm error|hip error|cublas|rocblas|hipblas|"
        r"devicelost|device_lost|vk::|vulkan error|ggml_metal|unspecified launch failure|unsupported gfx|"
        r"cuda driver|nvml|tensile",
        "gpu_fault",
        marked("The graphics card or its driver failed while {model} was loaded."),
        marked("Update the driver and Ollama and start both again; the server's log says more."),
    ),
    (
        r"timed? ?out waiting for|context deadline exceeded",
        "load_timeout",
        marked("{model} did not finish loading in the time the server allows."),
        marked("Try again; a slow disk or another load may be the reason. OLLAMA_LOAD_TIMEOUT allows more."),
    ),
    BUSY,
    (
        r"time: (invalid|missing unit in|unknown unit).*duration",
        "invalid_duration",
        marked("The server does not understand how long to keep {model}."),
        marked('Use a duration like "5m" or "1h", or -1 for ever.'),
    ),
    (
        r"requires a newer version of ollama|\b412\b",
        "needs_newer_server",
        marked("{model} needs a newer Ollama than this one."),
        marked("Update Ollama and try again."),
    ),
    (
        r"(unknown|unsupported)( model| draft)? architecture|architecture .{0,60}(not supported|unsupported)|"
        r"no (draft )?architectures? found|unknown (pre-tokenizer|tokenizer)|pre-tokenizer type|"
        r"unknown projector type|unsupported projector|unknown rope|vocab.{0,20}not supported",
        "needs_newer_server",
        marked("This Ollama does not know the kind of model that {model} is."),
        marked("Update Ollama; if it is the newest, this kind is not supported yet, or not any more."),
    ),
    (
        r"requires? at least one|only supports one image|does not support|not currently supported|"
        r"cannot be used to generate",
        "not_supported",
        marked("{model} is of a kind that cannot do this."),
        marked("Choose a model made for it; 'ollama show NAME' lists what one can do."),
    ),
    (
        r"\blora\b|adapter",
        "bad_adapter",
        marked("The adapter of {model} does not go with its base model."),
        marked("Make the model again with the base model that the adapter was trained for."),
    ),
    (
        r"mmproj|projector(?! cpu offload)|clip_model|clip_init|clip\.cpp",
        "bad_projector",
        marked("The part of {model} that reads pictures cannot be loaded."),
        marked("Update Ollama; if that does not help, pull the model again."),
    ),
    (
        r"draft model|speculative|spec-draft|spec-type",
        "bad_draft",
        marked("The draft that speeds {model} up cannot be loaded."),
        marked("Update Ollama, or set draft_num_predict to 0 for this model."),
    ),
    (
        r"invalid (file )?magic|bad magic|not within the file bounds|exceeds file size|corrupt|truncated|"
        r"incomplete|unexpected(ly reached)? (eof|end of)|invalid gguf|failed to read (magic|key|tensor|the)|"
        r"invalid split file|overflows?\b|invalid character .* looking for|cannot unmarshal|"
        r"nan or inf values in|invalid digest format|empty digest|failed to parse config",
        "damaged_model",
        marked("A file of {model} on the server's disk is damaged."),
        marked("Pull it with 'wattlight pull NAME --repair', which removes what is damaged first."),
    ),
    (
        r"incompatible with your version|no longer compatible|unsupported model format|"
        r"(unable|failed) to load model|error loading model|wrong number of tensors|missing tensor|"
        r"wrong shape|check_tensor_dims|tensor .{1,80}(not found|duplicated|invalid type)|unknown type|"
        r"invalid (ggml |tensor )?type|unsupported (file )?(type|version)|gguf_init|bad gguf|"
        r"(key|hyperparameter)s? not found|error loading model (vocabulary|hyperparameters)|unsupported\b",
        "incompatible_model",
        marked("This version of Ollama cannot load the file of {model}."),
        marked("Update Ollama; if it is the newest, pull the model again."),
    ),
    (
        r"(sha256|blobs|manifests).*(no such file|cannot find)|layer .* not found|config .* not found",
        "missing_file",
        marked("A file of {model} is missing on the server's disk."),
        marked("Pull the model again."),
    ),
    (
        r"permission denied|access is denied|operation not permitted|path elements are traversable",
        "not_readable",
        marked("The server may not read the files of {model}."),
        marked("Give its folder of models (OLLAMA_MODELS) to the user the server runs as."),
    ),
    DISK,
    OPEN_FILES,
    (
        r"address already in use|only one usage of each socket|assign requested address|listen tcp|"
        r"no (free|available) ports?",
        "no_port",
        marked("The server's engine found no free port on that computer."),
        marked("Start Ollama again; a program that holds very many connections may be the reason."),
    ),
    SIGN_IN,
    UNKNOWN,
    (
        r"resource limitations|unexpectedly stopped|model failed to load",
        "engine_stopped",
        marked("The server's engine gave up loading {model}; most often memory is short."),
        marked(
            "Unload other models, choose a shorter context or a smaller model; else the server's log has the "
            "reason."
        ),
    ),
    (
        r"failed to (create|initialize) (the )?context|llama_init_from_model|kv cache",
        "engine_stopped",
        marked("The server's engine could not set up the context of {model}."),
        marked("Choose a shorter context; an unusual OLLAMA_KV_CACHE_TYPE is another reason."),
    ),
    (
        r"segmentation fault|segmentation violation|sigsegv|sigabrt|signal: aborted|abort trap|ggml_assert|"
        r"panic:|0xc0000005|0xc0000409|exit status (134|139)",
        "engine_stopped",
        marked("The server's engine crashed while it loaded {model}."),
        marked("Update Ollama; if that does not help, the reason is in the server's log."),
    ),
    (
        r"process has terminated|exit status|no longer running|connection refused|connection reset|"
        r"forcibly closed|broken pipe|\beof\b|runner (failed|exited)|error starting|server not responding|"
        r"unexpected server status",
        "engine_stopped",
        marked("The server's engine stopped while it loaded {model}."),
        marked("The reason is in the server's log; an unusual OLLAMA_KV_CACHE_TYPE is one."),
    ),
    FORBIDDEN,
)


@dataclass(frozen=True, slots=True)
class CutPrompt:
    """A prompt that was longer than the context; None where the log does not say."""

    limit: int | None = None
    """Tokens of the context."""
    prompt: int | None = None
    """Tokens of the whole prompt."""


_CUT = (
    re.compile(r'msg="truncating input prompt" limit=(?P<limit>\d{1,9}) prompt=(?P<prompt>\d{1,9})\b'),
    re.compile(r"input truncated\W+n_ctx ?= ?(?P<limit>\d{1,9})\b"),
    re.compile(
        r"request \((?P<prompt>\d{1,9}) tokens\) exceeds the available context size "
        r"\((?P<limit>\d{1,9}) tokens\)"
    ),
    re.compile(r'msg="truncating input messages which exceed context length"'),
)
"""Of Ollama's runners and its ``server/prompt.go``, and of llama.cpp's server."""


def cut_prompt(line: str) -> CutPrompt | None:
    """What a line of the server's log says of a prompt that was cut; None where it says nothing of one."""
    for pattern in _CUT:
        if (match := pattern.search(line)) is not None:
            told = {name: int(text) for name, text in match.groupdict().items()}
            return CutPrompt(told.get("limit"), told.get("prompt"))
    return None


_WEIGHTS = re.compile(r"loaded meta data with .* from \S*(sha256-[0-9a-f]{64})")
_CACHE = re.compile(r"llama_kv_cache\w*: size = .*\bK \((\w{1,12})\):.*\bV \((\w{1,12})\):")


def cache_types(log: str) -> dict[str, str]:
    """The type of the KV cache of each model's last load in ``log``, by its file of weights (``sha256-…``).

    ``q8_0``, or ``q8_0/f16`` where keys and values differ. The lines are llama.cpp's loader's and cache's.
    """
    found: dict[str, str] = {}
    file = ""
    for line in log.splitlines():
        if (named := _WEIGHTS.search(line)) is not None:
            file = named.group(1)
        elif file and (told := _CACHE.search(line)) is not None:
            keys, values = told.groups()
            found[file] = keys if keys == values else f"{keys}/{values}"
    return found
