"""Fills its directory of logs; prints the bytes free before, meanwhile and after, as JSON."""

import json
import shutil

from deployments.chaos.disk import Ballast
from deployments.chaos.sandbox import TEMPORARY


def free() -> int:
    return shutil.disk_usage(TEMPORARY).free


if __name__ == "__main__":
    ballast = Ballast(TEMPORARY)
    bytes_free = [free()]
    ballast.fill()
    bytes_free.append(free())
    ballast.remove()
    print(json.dumps([*bytes_free, free()]))
