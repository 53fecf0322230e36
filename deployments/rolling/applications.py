"""Both applications of a roll, as Serve's config has them: their names, addresses and sizes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from deployments.ray_serve.starting import UNHURRIED

Raw = dict[str, Any]

_ARRIVING = {"rolling_update_percentage": 1.0, "user_config": UNHURRIED}
_CODE = ("import_path", "runtime_env", "args")  # a change of these replaces all replicas


def successor_name(application: str, raw: Raw) -> str:
    """Name the application that takes the place of `application` with that config."""
    code = json.dumps([raw.get(name) for name in _CODE], sort_keys=True)
    return f"{application}-{hashlib.sha256(code.encode()).hexdigest()[:8]}"


def same(raw: Raw, other: Raw) -> bool:
    """Tell whether two configs make the same replicas."""
    return all((raw.get(name) or {}) == (other.get(name) or {}) for name in _CODE)


def placed(raw: Raw, name: str, route_prefix: str | None) -> Raw:
    """Return an application's config under that name and at that address."""
    return {**raw, "name": name, "route_prefix": route_prefix}


def resized(raw: Raw, replicas: Mapping[str, int]) -> Raw:
    """Return an application's config with so many replicas of some deployments, not autoscaled.

    Serve changes a number that stands under `deployments`, not in `args`, without a restart of any
    replica. Read from Ray 2.60.
    """
    overrides = {override["name"]: override for override in raw.get("deployments") or []}
    for name, number in replicas.items():
        fixed = {"name": name, "num_replicas": number, "autoscaling_config": None}
        overrides[name] = overrides.get(name, {}) | fixed
    return {**raw, "deployments": list(overrides.values())}


def arriving(raw: Raw, *deployments: str) -> Raw:
    """Return the config of an application that comes up beside another, and takes its address.

    The replicas of these deployments start on cores that are idle, and all of them learn at once of
    a new address. By default a fifth of them does at a time. Serve sends requests for a new address
    to the others, too, and a replica answers with 404 what isn't for the address that it knows;
    `cluster.haproxy` gives all of them three seconds. Read from Ray 2.60.
    """
    overrides = {override["name"]: override for override in raw.get("deployments") or []}
    for name in deployments:
        overrides[name] = {"name": name} | overrides.get(name, {}) | _ARRIVING
    return {**raw, "deployments": list(overrides.values())}


def plain(raw: Raw) -> Raw:
    """Return an application's config without what `resized` and `arriving` put into it."""
    overrides = []
    for override in raw.get("deployments") or []:
        own = dict(override)
        if own.get("autoscaling_config", own) is None:
            del own["autoscaling_config"], own["num_replicas"]
        if own.items() >= _ARRIVING.items():
            own = {name: value for name, value in own.items() if name not in _ARRIVING}
        if own.keys() > {"name"}:
            overrides.append(own)
    return {**raw, "deployments": overrides}
