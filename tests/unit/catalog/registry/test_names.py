"""Names of models and the addresses they stand for."""

import pytest

from wattlight.catalog.registry import RegistryProblem, read_address


@pytest.mark.parametrize(
    ("name", "path", "shown"),
    [
        ("qwen3", "library/qwen3/manifests/latest", "qwen3:latest"),
        ("qwen3:8b", "library/qwen3/manifests/8b", "qwen3:8b"),
        ("someone/model:q4", "someone/model/manifests/q4", "someone/model:q4"),
        ("hf.co/user/repo-GGUF:Q4_K_M", "user/repo-GGUF/manifests/Q4_K_M", "hf.co/user/repo-GGUF:Q4_K_M"),
        ("https://hf.co/user/repo", "user/repo/manifests/latest", "hf.co/user/repo:latest"),
    ],
)
def test_names(name: str, path: str, shown: str) -> None:
    address = read_address(name)
    assert address.manifest_url.split("/v2/")[1] == path
    assert address.manifest_url.startswith("https://")
    assert str(address) == shown


def test_plain_http_only_on_this_computer() -> None:
    assert read_address("127.0.0.1:5000/library/x:1b").manifest_url.startswith("http://127.0.0.1:5000/v2/")
    assert read_address("localhost:5000/library/x").base_url == "http://localhost:5000"
    assert read_address("127.example.org/a/b").base_url == "https://127.example.org"


IMPOSSIBLE = ["", " ", "a/b/c/d", "../x", "a b", "x:", ":y", "x:..", "-x", "a//b", "h@st/a/b", "x\n", "ü"]
IMPOSSIBLE.append("n" * 500)


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(RegistryProblem, match="cannot be the name"):
        read_address(name)
