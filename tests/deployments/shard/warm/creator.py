"""A program that forks a process from a light forkserver, and says what became of it.

What is forked says its process id, its parent's, and whether it has what it should have.
"""

import os
import sys
import time
from multiprocessing.connection import Connection

from deployments.shard.warm.forkserver import _Context, forkserver

LIGHT = "json.tool"


def child(say: Connection) -> None:
    say.send((os.getpid(), os.getppid(), os.environ.get("LATE"), LIGHT in sys.modules))
    time.sleep(600)


def parent(say: Connection) -> None:
    _Context().Process(target=child, args=(say,)).start()
    time.sleep(600)


def main() -> None:
    forks = forkserver(LIGHT)
    assert forks is not None
    os.environ["LATE"] = "yes"  # after the forkserver was started
    receive, say = forks.Pipe(duplex=False)
    process = forks.Process(target=globals()[sys.argv[1]], args=(say,))
    process.start()
    print(process.pid, *receive.recv(), flush=True)
    process.join()
    print(process.exitcode, flush=True)


if __name__ == "__main__":
    main()
