"""Another process that pushes, pulls or fetches, with parts as small as the tests'."""

import subprocess
import sys
from pathlib import Path

from model_shards.store.location import Location
from tests.model_shards.store.small_set import PART_BYTES

_BEGIN = """
import sys
from pathlib import Path
from model_shards.store.location import Location
from model_shards.files.meter import Meter
location, directory, part_bytes = Location.parse(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
"""
PUSH = """
from model_shards.store.push import push
push(directory, location, Meter(), 5 << 20)
"""
PULL = """
from model_shards.store.pull import pull
pull(location, directory, Meter(), part_bytes=part_bytes)
"""
FETCH_ALL = """
from model_shards.store.node_cache import NodeCache
cache = NodeCache(location, directory, part_bytes=part_bytes)
for file in cache.manifest.files:
    print(cache.fetch(file))
"""
HOLD = """
from model_shards.store.node_cache import NodeCache
cache = NodeCache(location, directory, part_bytes=part_bytes)
cache.require(cache.manifest.groups[0])
print("holds", flush=True)
sys.stdin.read()
"""


def start(program: str, location: Location, directory: Path) -> subprocess.Popen[str]:
    arguments = [str(location), str(directory), str(PART_BYTES)]
    return subprocess.Popen(
        [sys.executable, "-c", _BEGIN + program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
