"""The certificates that are trusted: those of the system, wherever it keeps them."""

import ssl
from pathlib import Path

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Debian, Fedora, SUSE and Alpine (and macOS) keep them. A packaged Python looks where it was built."""


def tls_context() -> ssl.SSLContext:
    """A context that verifies names and certificates against the system's store."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not Path(places.openssl_cafile).is_file() and not Path(places.openssl_capath).is_dir():
        for name in _BUNDLES:
            if Path(name).is_file():
                context.load_verify_locations(name)
                break
    return context
