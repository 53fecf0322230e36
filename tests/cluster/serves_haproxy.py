"""Starts HAProxy as Ray Serve does: `python -m tests.cluster.serves_haproxy DIRECTORY FRONT BACK`.

Its config is Serve's own, with what the environment says. Each line of input starts another
HAProxy in place of the one before, as Serve does when a router comes or goes, and is echoed once
the other has taken over. The end of input ends them all. With the line `forgotten` it knows no
router, as one that was just started; with `other`, another application has the address.
"""

import asyncio
import sys
from pathlib import Path

from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
from ray.serve.config import HTTPOptions


async def serve(directory: Path, front: int, back: int) -> None:
    """Serve until the input ends. `front` is the clients' port, the next two are HAProxy's own."""
    router = ServerConfig("router", "127.0.0.1", back)
    known = {name: {name: BackendConfig(name, "/", servers=[router])} for name in ("app", "other")}
    api = HAProxyApi(
        HAProxyConfig(
            socket_path=str(directory / "admin.sock"),
            server_state_base=str(directory),
            server_state_file=str(directory / "server-state"),
            http_options=HTTPOptions(host="127.0.0.1", port=front),
            stats_port=front + 1,
            metrics_port=front + 2,
            metrics_enabled=False,
            has_received_routes=True,
            has_received_servers=True,
        ),
        known["app"],
        config_file_path=str(directory / "haproxy.cfg"),
    )
    await api.start()
    try:
        print("started", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            name = line.strip()
            api.set_backend_configs({} if name == "forgotten" else known.get(name, known["app"]))
            await api.reload()
            print(line, end="", flush=True)
    finally:
        for process in [*api._old_procs, api._proc]:
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
