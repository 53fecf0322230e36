"""Makes the checkpoint once, and then measures splits, copies and loads, in turns."""

import shutil
from collections.abc import Callable
from pathlib import Path

from configs.errors import BenchError
from deployments.bench.shards import synthetic
from deployments.bench.shards.cutting import copy_s, cut
from deployments.bench.shards.loading import RANK, RANKS, Cache, Loader, Loading
from deployments.bench.shards.rounds import Rounds
from model_shards.shard_set.manifest import Manifest

Tell = Callable[[str], None]


def run(directory: Path, size_bytes: int, rounds: int, tell: Tell, *, loads: bool) -> Rounds:
    """Measure a checkpoint with `size_bytes` of experts; leave nothing but the checkpoint.

    Raises BenchError if the disk is too small or something fails.
    """
    model = synthetic.architecture(size_bytes)
    source = directory / f"noise-{model.dim}"
    files = synthetic.plan(model)
    files_bytes = sum(file.size_bytes for file in files)
    directory.mkdir(parents=True, exist_ok=True)
    _require_room(directory, (2 if source.exists() else 3) * files_bytes)
    weights = synthetic.ensure(source, model)
    shard_set = directory / "set"
    largest_bytes = max(tensor.size_bytes for file in files for tensor in file.tensors)
    measured = Rounds(files_bytes, largest_bytes)
    loading = Loading(weights, shard_set)
    loaders = _loaders(loading, tell) if loads else []
    try:
        for number in range(1, rounds + 1):
            _cut(measured, source, number, tell)
            if loaders:
                _load(measured, loading, loaders, number, tell)
        tell(downloads(Manifest.load(shard_set)))
    finally:
        for made in ("set", "copy"):
            shutil.rmtree(directory / made, ignore_errors=True)
    return measured


def _loaders(loading: Loading, tell: Tell) -> list[Loader]:
    """Return the loaders that this machine can run, and tell why it can't run InstantTensor."""
    if (refusal := loading.refusal(Loader.INSTANT)) is None:
        return list(Loader)
    tell(f"{Loader.INSTANT} isn't measured. vLLM says: {refusal}")
    return [loader for loader in Loader if loader is not Loader.INSTANT]


def _cut(measured: Rounds, source: Path, number: int, tell: Tell) -> None:
    def cp() -> None:
        measured.copy_s.append(copy_s(source, source.with_name("copy")))
        tell(f"round {number}: cp {measured.copy_s[-1]:.2f} s")

    def split() -> None:
        measured.cuts.append(cut(source, source.with_name("set")))
        tell(f"round {number}: split {measured.cuts[-1].took_s:.2f} s")

    for turn in (cp, split) if number % 2 else (split, cp):
        turn()


def _load(
    measured: Rounds, loading: Loading, loaders: list[Loader], number: int, tell: Tell
) -> None:
    turn = number % len(loaders)
    for cache in Cache:
        for loader in loaders[turn:] + loaders[:turn]:
            load = loading.measure(loader, cache)
            measured.add(cache, loader, load)
            tell(f"round {number}: {cache}, {loader} {load.took_s:.2f} s")
            if cache is Cache.COLD and load.disk_bytes < load.kept_bytes:
                tell("That wasn't cold: name a --directory on a disk.")


def downloads(manifest: Manifest) -> str:
    """Say how much the node of one rank fetches; without a set, it fetches the whole checkpoint."""
    own, every = (
        sum(file.size_bytes for file in manifest.weights_of(ranks, RANKS))
        for ranks in ([RANK], range(RANKS))
    )
    return (
        f"From S3, a node of rank {RANK} of {RANKS} would fetch {own / 1e9:.2f} GB, "
        f"{own / every:.0%} of all."
    )


def _require_room(directory: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(directory).free
    if needed_bytes > free_bytes:
        raise BenchError(
            f"directory: {directory} has {free_bytes / 1e9:.1f} GB free, and the bench needs "
            f"{needed_bytes / 1e9:.1f} GB: the checkpoint, a copy and a shard set. Make room, or "
            "lower --gigabytes."
        )
