"""A program that does what is in its queue: URL FOLDER BOOK by-us|by-the-server. Its end comes from outside.

It ends by itself once the queue is empty (0) or a download has failed (3).
"""

import sys
import threading
from datetime import timedelta
from pathlib import Path

from wattlight.catalog.download import Puller
from wattlight.domain.pulls import PullState
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import connect
from wattlight.services.models import PullBook, PullGuard, PullQueue, pull_queue
from wattlight.settings import ServerAddress
from wattlight.web import Web


def main(url: str, folder: str, book: str, way: str) -> int:
    pull_queue.RETRIES = (timedelta(seconds=1),)
    puller = Puller(Web({})) if way == "by-us" else None
    guard = PullGuard(lambda _: (Path(folder),), puller, is_ours=lambda _: True)
    over = threading.Event()
    failed = ""

    def changed(pulls: tuple[PullState, ...]) -> None:
        nonlocal failed
        for pull in pulls:
            print(pull.completed_bytes, pull.waiting or pull.status, flush=True)
            failed = pull.error or failed
        if failed or not pulls:
            over.set()

    queue = PullQueue(
        PullBook(Path(book)),
        {LOCAL_HOST: connect(ServerAddress(url=url), {})},
        guard,
        changed,
        lambda _end: None,
    )
    while not over.wait(0.2):
        queue.look()
    queue.close()
    print(failed, file=sys.stderr)
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
