"""Makes sure that there are weights to load, before `small4 serve` deploys."""

from pathlib import Path

from configs.deployment import Deployment
from configs.errors import ConfigError
from configs.weights import S3
from deployments.cli.byte_bar import ByteBar
from deployments.cli.errors import err
from model_shards.architecture import Architecture
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import MANIFEST, Manifest

_GROUPS = 8  # for gangs of 1, 2, 4 and 8 ranks


def prepare(deployment: Deployment) -> None:
    """Cut `model.source` if its shard set isn't there yet; a set that is there is only checked.

    Raises ConfigError, CheckpointError or StoreError if ranks couldn't load the weights. A set in
    S3 isn't checked: the ranks fetch it, and this machine may have no access to it.
    """
    source, weights = deployment.model.source, deployment.weights.source
    if weights is None:
        Architecture.load(deployment.checkpoint)
        return
    if weights.startswith(S3):
        return
    directory = Path(weights)
    if source is not None and not (directory / MANIFEST).exists():
        _require_no_head(deployment)
        _cut(source, directory, deployment.gangs.ranks)
    manifest = Manifest.load(directory)
    manifest.groups_of(0, deployment.gangs.ranks)
    if source is not None:
        _require_same(source, directory, manifest)


def _require_no_head(deployment: Deployment) -> None:
    speculative = deployment.model.speculative
    if speculative is not None and speculative.drafts and speculative.draft is None:
        raise ConfigError(
            f"weights.source: {deployment.weights.source} isn't there, and a set that is cut now "
            "would lack the head for model.speculative. Cut it by `small4 shard split --draft DIR`,"
            " or name the head's directory as model.speculative.draft."
        )


def _cut(source: Path, directory: Path, ranks: int) -> None:
    from model_shards.shard_set.split import split

    architecture = Architecture.load(source)
    order = linear_order(architecture.n_layers, architecture.moe.num_experts)
    groups = ranks if _GROUPS % ranks else _GROUPS
    err.print(f"Cutting {source} into {groups} groups of experts, once, in {directory}")
    with ByteBar() as meter:
        split(source, directory, order, groups, meter)


def _require_same(source: Path, directory: Path, manifest: Manifest) -> None:
    from model_shards.shard_set.source_checkpoint import SourceCheckpoint

    if SourceCheckpoint.read(source).identity() != manifest.source.identity:
        raise ConfigError(
            f"weights.source: {directory} was cut from another checkpoint than {source}, which "
            "model.source names. Delete the directory, and it is cut anew, or correct either."
        )
