"""The environment for children: what breaks Python or pip is taken out, what they need stays."""

import os
from collections.abc import Mapping
from pathlib import Path

# Each of these was seen to break the setup: a home for another Python, options that send pip elsewhere
# or contradict the hash-locked list. Index, proxy and certificate settings stay.
_DROPPED = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_DRY_RUN",
    "PIP_REQUIREMENT",
    "PIP_CONSTRAINT",
    "PIP_NO_BINARY",
    "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)

SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the environment in which a Python child starts clean."""
    source = os.environ if environ is None else environ
    return {key: value for key, value in source.items() if key not in _DROPPED}


def pip_environment(scratch: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for pip: no user installs (beats a pip.conf), no questions, its files in ``scratch``.

    ``--isolated`` is not used: it would also drop the certificate and index settings.
    """
    return {
        **child_environment(environ),
        "PIP_USER": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(scratch),
        "TEMP": str(scratch),
        "TMP": str(scratch),
    }


def system_certificates(candidates: tuple[str, ...] = SYSTEM_CERTIFICATES) -> str | None:
    """The system's own certificate bundle (where a company's proxy certificate would be), if there is one."""
    return next((path for path in candidates if Path(path).is_file()), None)


def with_certificates(env: Mapping[str, str], bundle: str) -> dict[str, str]:
    """``env`` with the system's certificates for pip and for Python."""
    return {**env, "PIP_CERT": bundle, "SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}
