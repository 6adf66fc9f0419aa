"""Variables that break the setup are taken out; those that reach the network stay."""

from pathlib import Path

from bootstrap_parts.install import pip_environment, system_certificates
from bootstrap_parts.say import child_environment


def test_what_breaks_python_or_pip_is_dropped() -> None:
    given = {
        "PYTHONHOME": "/x",
        "PYTHONPATH": "/x",
        "PIP_TARGET": "/x",
        "PIP_PREFIX": "/x",
        "PIP_CONSTRAINT": "c",
    }
    assert child_environment({**given, "PATH": "/bin"}) == {"PATH": "/bin"}


def test_what_reaches_the_network_stays(tmp_path: Path) -> None:
    given = {
        "PIP_CERT": "/c",
        "HTTPS_PROXY": "p",
        "PIP_INDEX_URL": "i",
        "PIP_CONFIG_FILE": "f",
        "PIP_USER": "1",
    }
    env = pip_environment(tmp_path, given)
    assert {key: env[key] for key in given if key != "PIP_USER"} == {
        k: v for k, v in given.items() if k != "PIP_USER"
    }
    assert env["PIP_USER"] == "0", "beats user = true of a pip.conf"
    assert env["TMPDIR"] == str(tmp_path)


def test_certificates(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    assert system_certificates((str(tmp_path / "none"),)) is None
    bundle.write_text("")
    assert system_certificates((str(tmp_path / "none"), str(bundle))) == str(bundle)
