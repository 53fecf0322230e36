"""`plan` makes a plan from a manifest and a model, or tells why there is none."""

from cluster.plan.model import Model
from cluster.plan.nearest import nearest
from cluster.plan.plan import Plan, attempt
from configs.cluster_manifest import ClusterManifest
from configs.errors import FitError


def plan(manifest: ClusterManifest, model: Model) -> Plan:
    """Plan where gangs of the model lie on the manifest's machines, and how fast they are.

    Raises ConfigError if the manifest can't be planned, and FitError, with the nearest manifests
    that fit, if its machines don't hold the model.
    """
    try:
        return attempt(manifest, model)
    except FitError as error:
        remedies = "".join(f"\n  {change.told}" for change in nearest(manifest, model))
        ending = f"\nIt fits with any of these:{remedies}" if remedies else ""
        raise FitError(f"{error}{ending}") from None
