"""What the server's own words mean."""

import pytest

from fakes.recordings import recorded
from wattlight.runtime.meanings import Asked, problem_from_server
from wattlight.runtime.problems import with_proxy_advice

ENGINE = "llama-server process has terminated: exit status 1"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("pull_disk_full", "no_room"),
        ("pull_digest_mismatch", "digest_mismatch"),
        ("pull_manifest_unknown", "unknown_model"),
        ("pull_registry_401", "registry_denied"),
        ("pull_registry_429", "registry_limit"),
        ("pull_registry_503", "registry_fault"),
        ("pull_registry_unreachable", "registry_unreachable"),
        ("pull_insecure_refused", "registry_unreachable"),
        ("pull_invalid_name", "invalid_name"),
        ("load_missing", "unknown_model"),
        ("show_missing", "unknown_model"),
        ("delete_missing", "unknown_model"),
        ("unload_deleted", "unknown_model"),
        ("generate_bad_keep_alive", "invalid_duration"),
    ],
)
def test_recorded_errors(name: str, code: str) -> None:
    text = recorded(name).lines[-1]["error"]
    asked = {"pull": Asked.PULL, "delete": Asked.REMOVE}.get(name.partition("_")[0], Asked.LOAD)
    problem = problem_from_server(text, "tiny", asked)
    assert problem.code == code
    assert problem.server_text == text
    assert text in problem.message
    assert problem.next_step.endswith(".")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{ENGINE}: ggml_aligned_malloc: insufficient memory (attempted to allocate 9 MB)", "out_of_memory"),
        (f"{ENGINE}: error loading model: unable to allocate CPU buffer", "out_of_memory"),
        (f"{ENGINE}: cudaMalloc failed: out of memory", "out_of_memory"),
        ("llama-server reported out-of-memory during startup: hipMalloc failed", "out_of_memory"),
        ("model requires 9 GiB but only 5 GiB are available (after 1 GiB overhead)", "out_of_memory"),
        ("model requires more system memory (8.4 GiB) than is available (3.3 GiB)", "out_of_memory"),
        (
            f"{ENGINE}: llama_init_from_model: quantized V cache requires flash_attn to be enabled",
            "kv_needs_flash",
        ),
        (ENGINE, "engine_stopped"),
        ("llama-server process has terminated: signal: killed", "killed"),
        ("timed out waiting for llama-server to start - progress 0.30", "load_timeout"),
        ("server busy, please try again.  maximum pending requests exceeded", "server_busy"),
        ('model "x" not found, try pulling it first', "unknown_model"),
        ("'llama3.2-vision' is no longer compatible with your version of Ollama", "incompatible_model"),
        ("x: this model may be incompatible with your version of Ollama.", "incompatible_model"),
        ("invalid character '\\u0084' looking for beginning of value", "damaged_model"),
        ("something entirely new", "server_error"),
    ],
)
def test_texts_of_the_engine(text: str, code: str) -> None:
    problem = problem_from_server(text, "tiny")
    assert problem.code == code
    assert problem.next_step


def test_the_servers_text_cannot_harm() -> None:
    problem = problem_from_server("\x1b[31mboo\x07\n<b>" + "x" * 5000, "a\u202eb")
    assert not any(ch in str(problem) for ch in "\x1b\x07\n\u202e")
    assert len(str(problem)) < 900


def test_the_proxy_hint_is_added_only_where_it_helps() -> None:
    unreachable = problem_from_server("dial tcp: lookup registry: no such host", asked=Asked.PULL)
    assert "HTTPS_PROXY" in with_proxy_advice(unreachable).next_step
    other = problem_from_server("no space left on device")
    assert with_proxy_advice(other) is other


BLOB = "/var/lib/ollama/blobs/sha256-" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "error starting llama-server: fork/exec /opt/ollama/llama-server: permission denied",
            "install_incomplete",
        ),
        (
            f"{ENGINE.replace(' 1', ' 127')}: error while loading shared libraries: libggml.so",
            "install_incomplete",
        ),
        ("failed to load MLX dynamic library (searched: [/opt])", "install_incomplete"),
        (
            f"{ENGINE}: error loading model architecture: unknown model architecture: 'x9'",
            "needs_newer_server",
        ),
        ("mlx runner failed: unsupported architecture: NewForCausalLM (exit: 1)", "needs_newer_server"),
        (f"{ENGINE}: unknown pre-tokenizer type: 'nova'", "needs_newer_server"),
        (
            f"{ENGINE}: done_getting_tensors: wrong number of tensors; expected 310, got 292",
            "incompatible_model",
        ),
        (f"unable to load model: {BLOB}", "incompatible_model"),
        ("unsupported version 1", "incompatible_model"),
        ('tensor "blk.3.ffn_up.weight" offset+size (91) exceeds file size (90)', "damaged_model"),
        (f"{ENGINE}: gguf_init_from_file_impl: invalid magic characters: 'xxxx'", "damaged_model"),
        ("unexpected EOF", "damaged_model"),
        (f"open {BLOB}: no such file or directory", "missing_file"),
        (f"open {BLOB}: permission denied", "not_readable"),
        (f"read {BLOB}: input/output error", "disk_fault"),
        (f"open {BLOB}: too many open files", "open_files"),
        (
            "model runner has unexpectedly stopped, this may be due to resource limitations or an internal "
            "error, check ollama server logs for details",
            "engine_stopped",
        ),
        (
            "llama-server process has terminated: signal: illegal instruction (core dumped)",
            "processor_too_old",
        ),
        (f"{ENGINE}: CUDA error: the provided PTX was compiled with an unsupported toolchain", "gpu_fault"),
        ("llama-server process has terminated: GGML_ASSERT(n_tokens > 0) failed", "engine_stopped"),
        ('do load request: Post "http://127.0.0.1:40001/load": EOF', "engine_stopped"),
        ("ollama cloud is disabled: remote inference is unavailable", "cloud_off"),
        ("this server cannot run this remote model", "remote_refused"),
        ("image generation models are not currently supported", "not_supported"),
        ("load draft model metadata: open draft: bad", "bad_draft"),
        (f"{ENGINE}: error: unsupported cache type: q9_0", "bad_kv_type"),
        (f"{ENGINE}: error: invalid argument: --fit-target", "bad_setting"),
        ("unauthorized", "sign_in"),
    ],
)
def test_what_else_a_load_can_end_with(text: str, code: str) -> None:
    problem = problem_from_server(text, "tiny")
    assert problem.code == code
    assert problem.next_step != "Try again."
    assert problem.next_step.endswith(".")


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        (
            "pull model manifest: invalid character '<' looking for beginning of value",
            "page_answered",
            "proxy",
        ),
        ("pull model manifest: 511: <html>sign in", "page_answered", "Sign in"),
        ("pull model manifest: unexpected end of JSON input", "page_answered", "not the registry"),
        ('pull model manifest: 400: {"error":"Sharded GGUF files are not supported"}', "split_file", "split"),
        (
            'pull model manifest: 400: {"error":"The specified tag is not available in the repository. '
            'Please use another tag or \\"latest\\""}',
            "no_such_quantization",
            "quantization",
        ),
        ('pull model manifest: 400: {"error":"No GGUF file found"}', "no_model_file", "GGUF"),
        (
            'pull model manifest: 403: {"error":"Access to this model is restricted"}',
            "registry_denied",
            "key",
        ),
        ("pull model manifest: 412: requires a newer version of Ollama", "needs_newer_server", "Update"),
        (f"max retries exceeded: write {BLOB}-partial: disk quota exceeded", "no_room", "room"),
        (f"open {BLOB}-partial-3: Access is denied.", "not_writable", "write"),
        ("mkdir /srv/models: not a directory", "not_writable", "folder of models"),
        (
            f"rename {BLOB}-partial {BLOB}: The process cannot access the file because it is being "
            "used by another process.",
            "file_in_use",
            "Another program",
        ),
        (f"write {BLOB}-partial: file too large", "file_too_large", "file system"),
        (f"sync {BLOB}-partial: input/output error", "disk_fault", "disk"),
        (
            'pull model manifest: Get "https://r/v2": dial tcp 10.0.0.1:443: connect: permission denied',
            "registry_unreachable",
            "firewall",
        ),
        (
            'pull model manifest: Get "https://r/v2": proxyconnect tcp: dial tcp: lookup px: no such host',
            "registry_unreachable",
            "proxy",
        ),
        (
            'pull model manifest: Get "https://r/v2": Proxy Authentication Required',
            "registry_unreachable",
            "sign-in",
        ),
        (
            'Get "https://r/v2": tls: failed to verify certificate: x509: certificate has expired',
            "registry_unreachable",
            "clock",
        ),
        ('max retries exceeded: Get "https://r/v2": unexpected EOF', "registry_unreachable", "network"),
        ("pull model manifest: 451: legal", "registry_denied", "legal"),
        ("http: no Location header in response", "registry_fault", "fault"),
        ("this model requires MLX support, but the MLX runtime is not available", "mlx_only", "Apple"),
    ],
)
def test_what_a_pull_can_end_with(text: str, code: str, word: str) -> None:
    problem = problem_from_server(text, "tiny", Asked.PULL)
    assert problem.code == code
    assert word in str(problem)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("unauthorized", "sign_in"),
        ("HTTP 401", "sign_in"),
        ("HTTP 403", "refused_address"),
        ("open /x/manifests: permission denied", "not_readable"),
        ("ensure path elements are traversable", "not_readable"),
        ("lstat /mnt/models: no such file or directory", "no_folder"),
        ("model list cache unavailable", "server_busy"),
        ("unexpected EOF", "damaged_model"),
        ("Client sent an HTTP request to an HTTPS server.", "wants_https"),
    ],
)
def test_what_a_list_can_end_with(text: str, code: str) -> None:
    problem = problem_from_server(text, asked=Asked.LIST)
    assert problem.code == code
    assert "registry" not in problem.message


def test_the_advice_for_a_removal_is_never_to_remove() -> None:
    problem = problem_from_server(
        "invalid character '\\u0084' looking for beginning of value", "tiny", Asked.REMOVE
    )
    assert "emove" not in problem.next_step
    assert "--repair" in problem.next_step
