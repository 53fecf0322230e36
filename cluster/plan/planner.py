"""`plan`: a manifest and a model in, a plan or the reason why there is none out."""

from cluster.plan.model import Model
from cluster.plan.nearest import nearest
from cluster.plan.plan import Plan, attempt
from configs.cluster_manifest import ClusterManifest
from configs.errors import FitError


def plan(manifest: ClusterManifest, model: Model) -> Plan:
    """Where gangs of the model lie on the manifest's machines, and what they will do.

    Raises ConfigError for a manifest that can't be planned, and FitError, with the nearest
    manifests that fit, for machines that don't hold the model.
    """
    try:
        return attempt(manifest, model)
    except FitError as error:
        remedies = "".join(f"\n  {one.told}" for one in nearest(manifest, model))
        told = f"\nIt fits with any of these:{remedies}" if remedies else ""
        raise FitError(f"{error}{told}") from None
