"""Plots a simulation: arrivals, gangs, requests and TTFT over one axis of time."""

from pathlib import Path
from typing import Any

from deployments.simulation.outcome import Outcome

_BINS = 240  # of arrivals, at most
_CUT = 2  # times the target of TTFT
_BLUE, _ORANGE, _GREY, _RED = "#1f77b4", "#ff7f0e", "#9a9a9a", "#c0392b"


def plot(outcome: Outcome, path: Path, title: str) -> None:
    """Write a PNG, or the format that the suffix of `path` names. Imports matplotlib only now."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    panels = figure.subplots(4, 1, sharex=True, height_ratios=(2, 3, 2, 2))
    at = [look.at_s / 60 for look in outcome.looks]
    for panel, draw in zip(panels, (_arrivals, _gangs, _requests, _ttft), strict=True):
        draw(panel, outcome, at)
        panel.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        if panel.get_legend_handles_labels()[0]:
            panel.legend(
                loc="lower right",
                bbox_to_anchor=(1, 1),
                borderaxespad=0.1,
                ncols=4,
                frameon=False,
                fontsize=9,
            )
    panels[-1].set_xlabel("minutes")
    panels[-1].set_xlim(0, at[-1] or 1)
    figure.savefig(path, dpi=110)


def _arrivals(panel: Any, outcome: Outcome, at: list[float]) -> None:
    looks = outcome.looks
    every = max(1, -(-len(looks) // _BINS))
    times, rates = [], []
    for first in range(0, len(looks), every):
        some = looks[first : first + every]
        lasts_s = len(some) * outcome.scenario.autoscaling.interval_s
        times.append(at[first])
        rates.append(sum(look.arrived for look in some) / lasts_s)
    panel.fill_between(times, rates, step="post", color=_BLUE, alpha=0.25)
    panel.step(times, rates, where="post", color=_BLUE, linewidth=1)
    panel.set_ylim(bottom=0)
    panel.set_ylabel("arrivals/s")


def _gangs(panel: Any, outcome: Outcome, at: list[float]) -> None:
    looks = outcome.looks
    up = [look.gangs.up for look in looks]
    starting = [look.gangs.staying for look in looks]
    draining = [look.gangs.staying + look.gangs.draining for look in looks]
    panel.fill_between(at, up, step="post", color=_BLUE, alpha=0.55, label="up")
    panel.fill_between(at, up, starting, step="post", color=_ORANGE, alpha=0.55, label="starting")
    panel.fill_between(
        at, starting, draining, step="post", color=_GREY, alpha=0.55, label="draining"
    )
    wanted = [look.wanted for look in looks]
    panel.step(at, wanted, where="post", color="black", linewidth=1.2, label="wanted")
    most = max((*draining, *wanted, 1))
    panel.set_ylim(0, most + 0.8)
    panel.set_yticks(range(most + 1))
    panel.set_ylabel("gangs")


def _requests(panel: Any, outcome: Outcome, at: list[float]) -> None:
    looks = outcome.looks
    panel.plot(at, [look.running for look in looks], color=_BLUE, linewidth=1, label="running")
    panel.plot(at, [look.queued for look in looks], color=_RED, linewidth=1, label="in line")
    panel.set_ylim(bottom=0)
    panel.set_ylabel("requests")


def _ttft(panel: Any, outcome: Outcome, at: list[float]) -> None:
    target = outcome.scenario.autoscaling.ttft_s
    values = [float("nan") if look.ttft_s is None else look.ttft_s for look in outcome.looks]
    panel.plot(at, values, color=_BLUE, linewidth=1, label="p90 of 30 s")
    panel.axhline(target, color=_RED, linewidth=1, linestyle="--", label=f"target, {target:g} s")
    # The TTFT of a request that woke a gang would dwarf all others.
    panel.set_ylim(0, _CUT * target)
    panel.set_ylabel("TTFT, s")
