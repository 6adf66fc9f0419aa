"""Every way in which pip fails gets its own sentence and its own way out."""

import pytest
from bootstrap_parts.install import explain

from fakes import pip_words


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (pip_words.NO_NETWORK, "Nothing was changed. Connect and run again."),
        (pip_words.COMPANY_PROXY, "certificate"),
        (pip_words.WRONG_HASH, "not the one that was checked"),
        (pip_words.DISK_FULL, "Make room"),
        (pip_words.NO_WHEEL, "pyside6-essentials==6.12.0"),
        (pip_words.PROXY_PASSWORD, "HTTPS_PROXY"),
        ("ERROR: something else\n", "something else"),
        ("", "pip said nothing"),
    ],
)
def test_pip_output_is_explained(output: str, words: str) -> None:
    error = explain(output)
    assert words in f"{error.message} {error.next_step}"
    assert error.next_step.startswith("Nothing was changed. ")


def test_a_wrong_version_is_not_taken_for_a_missing_network() -> None:
    assert "cannot be reached" not in explain(pip_words.NO_WHEEL).message
