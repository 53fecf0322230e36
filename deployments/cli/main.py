"""The `small4` command, from its start to its end."""

import os
import sys

from deployments.cli.app import app


def main() -> None:
    """Run the command, and leave Ray's connection to the operating system to close.

    Ray's own shutdown aborts now and then: while a Serve handle listens for updates, a thread may
    write to the socket that was just closed (Ray 2.60, "Check failed" in `raylet_ipc_client.cc`).
    """
    try:
        app()
    except SystemExit as end:
        ray = sys.modules.get("ray")
        if ray is None or not ray.is_initialized() or isinstance(end.code, str):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))
