"""Every way in which pip fails gets its own sentence and its own way out."""

import pytest
from bootstrap_parts.failures import explain

from fakes import pip_words


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    [
        (pip_words.NO_NETWORK, "network", "Nothing was changed. Connect and run again."),
        (pip_words.COMPANY_PROXY, "tls", "certificate"),
        (pip_words.WRONG_HASH, "hash", "not the one that was checked"),
        (pip_words.DISK_FULL, "disk", "Make room"),
        (pip_words.NO_WHEEL, "no_wheel", "pyside6-essentials==6.12.0"),
        (pip_words.PROXY_PASSWORD, "proxy", "HTTPS_PROXY"),
        ("ERROR: something else\n", "other", "something else"),
        ("", "other", "pip said nothing"),
    ],
)
def test_pip_output_is_explained(output: str, kind: str, words: str) -> None:
    failure = explain(output)
    assert failure.kind == kind
    assert words in f"{failure.error.message} {failure.error.next_step}"


def test_a_wrong_version_is_not_taken_for_a_missing_network() -> None:
    assert explain(pip_words.NO_WHEEL).kind != "network"
