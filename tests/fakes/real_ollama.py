"""A real Ollama of the test's own: WATTLIGHT_TEST_OLLAMA_PROGRAM names its program."""

import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAM = os.environ.get("WATTLIGHT_TEST_OLLAMA_PROGRAM", "")
_MEMORY = Path("/sys/fs/cgroup/memory")
"""Where Linux limits the memory of groups of processes (its first form)."""


def free_address() -> str:
    """A port of loopback that nobody listens on, none of those that connections of others are given."""
    while True:
        address = ("127.0.0.1", random.randrange(20_000, 32_000))
        with suppress(OSError), socket.create_server(address):
            return f"{address[0]}:{address[1]}"


def begin(
    folder: Path, address: str, within: Path | None = None, log: Path | None = None, **environ: str
) -> "subprocess.Popen[bytes]":
    """Start it with its models in ``folder``/models, and wait until it answers. ``within`` is a group with
    limited memory (:func:`limited_memory`)."""
    env = {**os.environ, "HOME": str(folder), "OLLAMA_HOST": address, "OLLAMA_MODELS": str(folder / "models")}
    command = [PROGRAM, "serve"]
    if within is not None:
        command = ["unshare", "-m", "sh", "-c", _WITHIN, str(within), str(folder), *command]
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(command, env={**env, **environ}, stdout=output, stderr=output)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://{address}/api/version", timeout=5).close()
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise TimeoutError(f"it ended with {process.wait()}")


@contextmanager
def real_ollama(folder: Path) -> Iterator[str]:
    """Its address, while it runs."""
    address = free_address()
    with begin(folder, address) as process:
        try:
            yield address
        finally:
            process.terminate()


_WITHIN = """
echo $$ > "$0/cgroup.procs" && mkdir -p "$1/group" && cp "$0/memory.limit_in_bytes" "$1/group/memory.max" &&
touch "$1/group/memory.current" && mount --bind "$0/memory.usage_in_bytes" "$1/group/memory.current" &&
mount --rbind "$1/group" /sys/fs/cgroup && shift && exec "$@"
"""
"""In the group, and with the files in which the server looks for a container's limit."""


def why_no_limit() -> str | None:
    """Why memory cannot be limited here, None if it can."""
    if not os.access(_MEMORY / "cgroup.procs", os.W_OK) or shutil.which("unshare") is None:
        return "groups with limited memory are made by root, under Linux with cgroups of the first form"
    return None


@contextmanager
def limited_memory(limit_bytes: int) -> Iterator[Path]:
    """A group of processes that may use so much memory together; Linux ends who goes beyond."""
    group = Path(tempfile.mkdtemp(prefix="wattlight-", dir=_MEMORY))
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit_bytes))
        yield group
    finally:
        for _ in range(50):
            for line in (group / "cgroup.procs").read_text().split():
                with suppress(OSError):
                    os.kill(int(line), 9)
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


KV_BYTES = 8192
"""That each token of context takes in the model of :func:`create_tiny`, at 16 bits."""


def create_tiny(url: str, name: str, seed: int = 1, trained: int = 131_072) -> None:
    """Give it a small model of random weights that loads and answers, whose context is what takes memory."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tiny.gguf"
        _write_tiny(file, seed, trained)
        data = file.read_bytes()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    request = urllib.request.Request(f"{url}/api/blobs/{digest}", data, method="POST")
    urllib.request.urlopen(request, timeout=60).close()
    body = {"model": name, "files": {"tiny.gguf": digest}, "stream": False}
    request = urllib.request.Request(f"{url}/api/create", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert b"success" in answer.read()


def _write_tiny(file: Path, seed: int, trained: int) -> None:
    import gguf
    import numpy as np

    width, layers, inner = 256, 8, 256
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + ["a"]
    writer = gguf.GGUFWriter(file, "llama")
    for set_value, item in (
        (writer.add_context_length, trained),
        (writer.add_embedding_length, width),
        (writer.add_block_count, layers),
        (writer.add_feed_forward_length, inner),
        (writer.add_head_count, 4),
        (writer.add_head_count_kv, 4),
        (writer.add_layer_norm_rms_eps, 1e-5),
        (writer.add_rope_dimension_count, width // 4),
        (writer.add_vocab_size, len(tokens)),
        (writer.add_tokenizer_model, "llama"),
        (writer.add_token_list, tokens),
        (writer.add_token_scores, [0.0] * len(tokens)),
        (writer.add_token_types, [2, 3, 3] + [6] * 256 + [1]),
        (writer.add_bos_token_id, 1),
        (writer.add_eos_token_id, 2),
    ):
        set_value(item)
    chance = np.random.default_rng(seed)

    def add(tensor: str, *shape: int) -> None:
        writer.add_tensor(tensor, (chance.standard_normal(shape) * 0.02).astype(np.float16))

    add("token_embd.weight", len(tokens), width)
    add("output.weight", len(tokens), width)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for block in (f"blk.{index}." for index in range(layers)):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", np.ones(width, np.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{block}{part}.weight", width, width)
        add(f"{block}ffn_gate.weight", inner, width)
        add(f"{block}ffn_up.weight", inner, width)
        add(f"{block}ffn_down.weight", width, inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
