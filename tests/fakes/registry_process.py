"""The loopback registry in a process of its own: MIB BYTES_PER_S (0: as fast as it goes)."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


@contextmanager
def registry_process(mib: int, bytes_per_s: float = 0) -> Iterator[str]:
    """Name of a model whose largest file has so many MiB."""
    command = [sys.executable, str(Path(__file__)), str(mib), str(bytes_per_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def main() -> None:
    sys.path.insert(0, str(TESTS))
    import os

    from fakes import loopback_registry

    loopback_registry._PIECE = 1 << 18
    with loopback_registry.LoopbackRegistry() as registry:
        registry.faults.bytes_per_s = float(sys.argv[2]) or None
        print(registry.add("large", os.urandom(int(sys.argv[1]) << 20)), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
