"""`python -m deployments.bench.scales`: quantised experts at several ranks beside one rank."""

import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from deployments.bench.machine import Machine
from deployments.bench.scales.bench import Row, rows
from model_shards.quantized.build import build_quantized
from model_shards.quantized.names import QUANTIZATION

out = Console(highlight=False)


def main() -> None:
    """Print relative errors; fail if there is one with the plugin."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    out.print(Machine.this().describe())
    if device == "cuda":
        out.print(f"{torch.cuda.get_device_name()}, whose FP8 products are its own")
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        for form in QUANTIZATION:
            checkpoint = build_quantized(Path(directory) / form, form)
            found += rows(checkpoint, form, device)
    out.print(_table(found))
    if any(row.with_plugin for row in found):
        sys.exit("Ranks that share their scales differ from one rank.")


def _table(found: list[Row]) -> Table:
    table = Table("form", "scales", "ranks", "without the plugin", "with it", box=None)
    for row in found:
        errors = (f"{error:.2g}" for error in (row.without, row.with_plugin))
        table.add_row(row.form, row.scales, f"{row.ranks}", *errors)
    return table


if __name__ == "__main__":
    main()
