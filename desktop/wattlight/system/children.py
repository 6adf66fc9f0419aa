"""The environment other programs are started with."""

import sys
from collections.abc import Mapping

_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")
_OWN = ("PYTHONHOME", "PYTHONPATH", "QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH")


def clean_environment(environ: Mapping[str, str], frozen: bool | None = None) -> dict[str, str]:
    """``environ`` without what a frozen bundle puts into it for itself.

    PyInstaller's launcher points LD_LIBRARY_PATH at the bundle and keeps the user's own value in
    LD_LIBRARY_PATH_ORIG; with the bundle's libraries openssl, curl, nvidia-smi and ollama fail.

    Args:
        environ: the environment of this process.
        frozen: whether this process is such a bundle; None asks the interpreter.
    """
    bundle = bool(getattr(sys, "frozen", False)) if frozen is None else frozen
    env = {key: value for key, value in environ.items() if not key.startswith("_PYI_")}
    for name in _LIBRARY_PATHS:
        original = env.pop(f"{name}_ORIG", None)
        if not bundle:
            continue
        env.pop(name, None)
        if original is not None:
            env[name] = original
    for name in _OWN:
        env.pop(name, None)
    return env
