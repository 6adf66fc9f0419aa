"""Starts a server's program once, harmlessly, to see whether it runs on this computer at all."""

import errno
import subprocess
from collections.abc import Mapping
from pathlib import Path

from wattlight.domain.values import clean_lines

from ..problems import RuntimeProblem

TRIAL_S = 20.0
_NOBODY = "127.0.0.1:1"
"""``--version`` also asks a running server; here nobody answers, and the program tells its own version."""


def try_program(binary: Path, version: str, environ: Mapping[str, str]) -> None:
    """Run ``binary --version`` and see that it is ``version``.

    Raises:
        RuntimeProblem: ``wrong_architecture``, ``not_allowed_to_run``, ``system_too_old``,
            ``wrong_version`` or ``does_not_run``, each with the program's own words.
    """
    env = {**environ, "OLLAMA_HOST": _NOBODY}
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIAL_S,
            env=env,
            cwd=binary.parent,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused("does_not_run", "it did not end by itself", "") from error
    except OSError as error:
        raise _not_started(error, binary) from error
    said = (done.stdout + b"\n" + done.stderr)[:4000].decode("utf-8", "replace").strip()
    if done.returncode != 0:
        code = "system_too_old" if "GLIBC" in said or "not found (required by" in said else "does_not_run"
        reason = "this system is too old for it" if code == "system_too_old" else "it ended with an error"
        raise _refused(code, reason, said)
    if version not in said:
        raise _refused("wrong_version", f"it does not say that it is version {version}", said)


def _not_started(error: OSError, binary: Path) -> RuntimeProblem:
    if error.errno == errno.ENOEXEC:
        return _refused("wrong_architecture", "it is made for another kind of processor", "")
    if error.errno in {errno.EACCES, errno.EPERM}:
        reason = f"programs may not be run from {binary.parent}"
        return _refused("not_allowed_to_run", reason, "")
    if error.errno == errno.ENOENT and binary.exists():
        return _refused("system_too_old", "this system lacks the loader it was made for", "")
    return _refused("does_not_run", error.strerror or "it cannot be started", "")


def _refused(code: str, reason: str, said: str) -> RuntimeProblem:
    words = clean_lines(said, 300).replace("\n", " ")
    quoted = f' It said: "{words}".' if words else ""
    return RuntimeProblem(
        f"The new Ollama was not put to use, because {reason}.{quoted}",
        "What was there before is unchanged.",
        code,
        words or None,
    )
