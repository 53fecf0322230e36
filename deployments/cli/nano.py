"""`small4 nano build` and `small4 nano train`: make the small model, with noise or trained."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cluster.cpu import cpu_model
from configs.schema import PROJECT_ROOT
from deployments.cli.checkout import require_checkout
from deployments.cli.errors import reported

_CACHE = PROJECT_ROOT / ".cache"
_CORES = 2


class Quantized(StrEnum):
    """The forms that the real checkpoint is published in."""

    FP8 = "fp8"
    NVFP4 = "nvfp4"


app = typer.Typer(help="The small model that stands in for the 119B one.", no_args_is_help=True)


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Where to write; replaced if it holds a nano.")] = (
        _CACHE / "nano-noise"
    ),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    quantized: Annotated[
        Quantized | None,
        typer.Option(help="Instead: the trained nano in a form that only GPUs serve."),
    ] = None,
) -> None:
    """Write a nano with random weights: a checkpoint in Mistral format whose answers are noise."""
    with reported():
        require_checkout("small4 nano build")
        if quantized is None:
            from model_shards.nano import build_nano

            build_nano(out, seed)
        else:
            from model_shards.quantized.build import build_quantized

            build_quantized(out, quantized.value)
    size_mb = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    typer.echo(f"nano: {size_mb:.1f} MB in {out}")


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Where to write; replaced if it holds a nano.")] = (
        _CACHE / "nano-trained"
    ),
    seed: Annotated[int, typer.Option(help="Of the weights and of the conversations.")] = 0,
    questions: Annotated[int, typer.Option(help="Held-out questions to ask, per skill.")] = 200,
) -> None:
    """Train nano on two cores; write the checkpoint, its model card and its expert load.

    An interrupted training goes on where it was when it is started again.
    """
    with reported():
        require_checkout("small4 nano train")
    import torch

    from model_shards.nano import NANO, build_nano
    from model_shards.training.loop import Recipe, Training
    from model_shards.training.publication import publish
    from model_shards.training.tokens import ConversationTokenizer

    torch.set_num_threads(_CORES)
    recipe = Recipe(seed=seed)
    with reported():
        tokenizer = ConversationTokenizer(build_nano(_CACHE / "nano-untrained"))
        training = Training(NANO, tokenizer, recipe, _CACHE / "nano-training.pt")
        columns = (
            TextColumn("loss {task.fields[loss]:.3f}"),
            BarColumn(),
            TextColumn("{task.completed:,} of {task.total:,} tokens"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as progress:
            at = training.position
            bar = progress.add_task("", total=recipe.tokens, completed=at.tokens, loss=at.loss)
            training.run(lambda at: progress.update(bar, completed=at.tokens, loss=at.loss))
        machine = f"{_CORES} cores of {cpu_model(Path('/proc/cpuinfo').read_text('utf-8'))}"
        typer.echo("Asking held-out questions …")
        card = publish(out, training, tokenizer, questions, machine)
    for skill, share in card.scores.items():
        typer.echo(f"  {skill}: {share:.1%} right")
    typer.echo(f"nano: {out}; its model card is README.md")
