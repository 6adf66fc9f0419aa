"""What the server's own words mean."""

import pytest

from fakes.recordings import recorded
from wattlight.runtime.problems import problem_from_server, with_proxy_advice

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
    problem = problem_from_server(text, "tiny")
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
        ("pull model manifest: 412: requires a newer version of Ollama", "needs_newer_server"),
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
    unreachable = problem_from_server("dial tcp: lookup registry: no such host")
    assert "HTTPS_PROXY" in with_proxy_advice(unreachable).next_step
    other = problem_from_server("no space left on device")
    assert with_proxy_advice(other) is other
