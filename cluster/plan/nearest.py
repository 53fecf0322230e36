"""The nearest manifests that fit, for one that doesn't: they change as little as possible."""

from collections.abc import Iterator
from itertools import combinations

from cluster.plan.change import KINDS, Change, Kind
from cluster.plan.model import Model
from cluster.plan.plan import attempt
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError


def nearest(manifest: ClusterManifest, model: Model) -> tuple[Change, ...]:
    """Return the least change of each kind that makes the model fit.

    If no single kind does, changes combine as few kinds as possible. Empty if none help.
    """
    for number in range(1, len(KINDS) + 1):
        least = [_least(manifest, model, kinds) for kinds in combinations(KINDS, number)]
        if fitting := tuple(change for change in least if change):
            return fitting
    return ()


def _least(manifest: ClusterManifest, model: Model, kinds: tuple[Kind, ...]) -> Change | None:
    changes = _together(manifest, kinds)
    return next((change for change in changes if _fits(change.manifest, model)), None)


def _together(manifest: ClusterManifest, kinds: tuple[Kind, ...]) -> Iterator[Change]:
    """Yield changes that combine one of each kind; those of the last kind vary fastest."""
    if not kinds:
        yield Change("", manifest)
        return
    for first in kinds[0](manifest):
        for rest in _together(first.manifest, kinds[1:]):
            yield first.then(rest)


def _fits(manifest: ClusterManifest, model: Model) -> bool:
    try:
        attempt(manifest, model)
    except ConfigError:
        return False
    return True
