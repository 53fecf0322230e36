"""`python -m cluster.ray start …`: Ray's own command, without the server for Ray clients.

That server listens for other machines, and nothing here uses it; Ray 2.60 has no option to leave it
out.
"""

from ray._private.node import Node
from ray.scripts.scripts import main


def _nothing(node: Node) -> None:
    """Start no server; this replaces `Node.start_ray_client_server`."""


if __name__ == "__main__":
    Node.start_ray_client_server = _nothing
    main()
