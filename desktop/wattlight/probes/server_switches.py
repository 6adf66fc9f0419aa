"""The settings a local model server was started with: its environment, its service's files, its log."""

import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping

from wattlight.domain.values import ServerProfile, clean_text
from wattlight.i18n import tr

from .reader import Reader
from .server_processes import FIND_EVERY_S, ProcessNames

NAMES = (
    "OLLAMA_CONTEXT_LENGTH", "OLLAMA_FLASH_ATTENTION", "OLLAMA_GPU_OVERHEAD", "OLLAMA_IGPU_ENABLE",
    "OLLAMA_KV_CACHE_TYPE", "OLLAMA_NUM_PARALLEL", "OLLAMA_SCHED_SPREAD", "OLLAMA_VULKAN", "LLAMA_ARG_FIT",
    "LLAMA_ARG_FIT_TARGET", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL", "GGML_VK_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION",
    "LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K", "LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_V",
)  # fmt: skip
"""Variables that decide memory; no other one is looked at."""
_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system")
_UNIT = "ollama.service"
_CONFIG = re.compile(r'msg="server config" env="map\[(.*)\]"')
_LOG_BYTES = 4 << 20
_MOST_BYTES = 1 << 50
LOOK_EVERY_S = 60.0


class ServerSwitches:
    """Looks for the settings, at most once a minute.

    Args:
        environ: of this program: where its user's files are, and what counts where nothing else can be read
            (a server that this program starts inherits it); empty for a recorded tree.
    """

    def __init__(
        self,
        reader: Reader,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        names: ProcessNames | None = None,
    ) -> None:
        self._reader, self._environ, self._clock = reader, environ, clock
        self._names = names or ProcessNames(reader)
        self._seen: tuple[float, int, ServerProfile] | None = None

    def look(self) -> ServerProfile:
        """The settings, with where they were read. Never raises."""
        now = self._clock()
        if (
            self._seen is not None
            and now - self._seen[0] < LOOK_EVERY_S
            and self._seen[1] == self._reader.generation
        ):
            return self._seen[2]
        found = self._look()
        self._seen = (now, self._reader.generation, found)
        return found

    def _look(self) -> ServerProfile:
        for pid in self._servers():
            values = self._process(pid)
            if values is not None:
                return profile_of(values, tr("the environment of the running server"))
        for values, source in (self._service(), self._log()):
            if values is not None:
                return profile_of(values, source)
        own = {name: self._environ[name] for name in NAMES if name in self._environ}
        return profile_of(own, tr("the environment of this program") if own else "")

    def _servers(self) -> Iterator[int]:
        for entry, name in self._names.look(self._clock(), FIND_EVERY_S).items():
            if name == "ollama":
                words = (self._reader.text(f"/proc/{entry}/cmdline") or "").split("\0")
                if "serve" in words:
                    yield int(entry)

    def _process(self, pid: int) -> dict[str, str] | None:
        """The environment of a process; None where this user may not read it."""
        try:
            raw = self._reader.read_bytes(f"/proc/{pid}/environ", 1 << 20)
        except OSError:
            return None
        pairs = (item.partition("=") for item in raw.decode("utf-8", "replace").split("\0"))
        return {name: value for name, _, value in pairs if name in NAMES}

    def _service(self) -> tuple[dict[str, str] | None, str]:
        """What the unit of the service and its drop-ins set; later files count."""
        home = self._environ.get("HOME")
        folders = [*_UNITS, *([f"{home}/.config/systemd/user"] if home else [])]
        values: dict[str, str] = {}
        there = False
        for folder in folders:
            drop_ins = [n for n in self._reader.listdir(f"{folder}/{_UNIT}.d") if n.endswith(".conf")]
            for path in (f"{folder}/{_UNIT}", *(f"{folder}/{_UNIT}.d/{name}" for name in drop_ins)):
                text = self._reader.text(path)
                there = there or text is not None
                for line in (text or "").splitlines():
                    values |= self._unit_line(line.strip())
        return (values if there else None), tr("the server's service file")

    def _unit_line(self, line: str) -> dict[str, str]:
        key, _, rest = line.partition("=")
        if key.strip() == "EnvironmentFile":
            lines = (self._reader.text(rest.strip().lstrip("-")) or "").splitlines()
            words = [word for one in lines if not one.startswith("#") for word in _words(one)]
        else:
            words = _words(rest) if key.strip() == "Environment" else []
        pairs = (word.partition("=") for word in words)
        return {name: value for name, _, value in pairs if name in NAMES}

    def _log(self) -> tuple[dict[str, str] | None, str]:
        """The last start in the log that the server's own program writes (macOS, Windows)."""
        file = server_log(self._environ)
        try:
            text = self._reader.read_bytes(file, _LOG_BYTES).decode("utf-8", "replace") if file else ""
        except OSError:
            text = ""
        starts = _CONFIG.findall(text)
        if not starts:
            return None, ""
        values = {name: found[1] for name in NAMES if (found := re.search(rf"\b{name}:(\S*)", starts[-1]))}
        if values.get("OLLAMA_FLASH_ATTENTION") == "false":
            values.pop("OLLAMA_FLASH_ATTENTION")  # the log says this where nothing is set, too
        return {name: value for name, value in values.items() if value}, tr("the server's log")


def server_log(environ: Mapping[str, str]) -> str | None:
    """Where Ollama's own program keeps the log of the server; None where the user's folder is not known."""
    if os.name == "nt":
        base = environ.get("LOCALAPPDATA")
        return f"{base}\\Ollama\\server.log" if base else None
    home = environ.get("HOME")
    return f"{home}/.ollama/logs/server.log" if home else None


def profile_of(values: Mapping[str, str], source: str = "") -> ServerProfile:
    """The settings in variables, each read as the server reads it; what it cannot read keeps its default."""
    words = {name: value.strip().strip("\"'") for name, value in values.items()}

    def number(name: str, most: int) -> int | None:
        word = words.get(name, "")
        return min(int(word), most) if word.isdecimal() and len(word) < 30 else None

    def flag(name: str) -> bool | None:
        """As Go reads it: a word that is neither counts as yes."""
        word = words.get(name, "")
        return None if not word else word not in {"0", "f", "F", "false", "FALSE", "False"}

    def cache_type(name: str) -> str:
        return clean_text(words.get(name, ""), 20).lower() or "f16"

    flash = flag("OLLAMA_FLASH_ATTENTION")
    targets = [part.strip() for part in words.get("LLAMA_ARG_FIT_TARGET", "").split(",")]
    sound = all(part.isdecimal() and len(part) < 10 for part in targets)
    visible = {"cuda": "CUDA_VISIBLE_DEVICES", "vulkan": "GGML_VK_VISIBLE_DEVICES"}
    for name in ("GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        if words.get(name):
            visible["rocm"] = name
    return ServerProfile(
        kv_cache_type=cache_type("OLLAMA_KV_CACHE_TYPE"),
        num_parallel=number("OLLAMA_NUM_PARALLEL", 1024) or 1,
        flash_attention="auto" if flash is None else "on" if flash else "off",
        context_length=number("OLLAMA_CONTEXT_LENGTH", 1 << 30) or 0,
        igpu_enable=flag("OLLAMA_IGPU_ENABLE"),
        vulkan=flag("OLLAMA_VULKAN") is not False,
        spread=flag("OLLAMA_SCHED_SPREAD") is True,
        gpu_overhead_bytes=number("OLLAMA_GPU_OVERHEAD", _MOST_BYTES) or 0,
        fit_target_mib=tuple(int(part) for part in targets) if sound else (),
        fit=words.get("LLAMA_ARG_FIT", "").lower() not in {"off", "0", "false", "disabled"},
        gfx_override=_gfx_target(words.get("HSA_OVERRIDE_GFX_VERSION", "")),
        draft_cache_types=(
            cache_type("LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K"),
            cache_type("LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_V"),
        ),
        visible=tuple(
            (backend, clean_text(words[name], 200))
            for backend, name in sorted(visible.items())
            if words.get(name) or (backend == "cuda" and name in words)
        ),
        source=source if words else "",
    )


def _gfx_target(word: str) -> str:
    """ "11.5.1" as gfx1151; "" for what the server ignores."""
    if re.fullmatch(r"gfx[0-9a-f]{3,}", word):
        return word
    parts = word.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) < 16 for part in parts):
        return ""
    return f"gfx{int(parts[0])}{int(parts[1]):x}{int(parts[2]):x}"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []
