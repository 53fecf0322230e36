"""Plots a run over time: tokens per second and gaps of streams, with the faults shaded."""

import io
from typing import Any

from deployments.chaos.report import FaultRow, Report

_BLUE, _RED, _GREY = "#1f77b4", "#c0392b", "#e6e6e6"
_SHADES = {
    "kill": "#e67e22",
    "stop": "#c0392b",
    "pause": "#8e44ad",
    "slow": "#8e44ad",
    "cut": "#2980b9",
    "trickle": "#2980b9",
    "fill": "#7f8c8d",
}


def plot(report: Report, form: str = "svg") -> bytes:
    """Return the plot as a file of this form. Imports matplotlib only now."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    rate, gaps = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _rate(rate, report)
    _gaps(gaps, report)
    for panel in (rate, gaps):
        for row in report.faults:
            _shade(panel, row, report.took_s)
        panel.grid(axis="y", color=_GREY, linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    for row in report.faults:
        rate.annotate(
            f"{row.number} {row.kind}",
            (row.began_s, 1.0),
            xycoords=("data", "axes fraction"),
            rotation=40,
            fontsize=8,
            va="bottom",
        )
    gaps.set_xlim(0, report.took_s)
    gaps.set_xlabel("seconds")
    file = io.BytesIO()
    figure.savefig(file, format=form, dpi=110)
    return file.getvalue()


def _rate(panel: Any, report: Report) -> None:
    seconds = range(len(report.tokens_per_s))
    panel.fill_between(seconds, report.tokens_per_s, step="post", color=_BLUE, alpha=0.25)
    panel.step(seconds, report.tokens_per_s, where="post", color=_BLUE, linewidth=1)
    bad = [one for one in report.failures if one.outcome in ("failed", "wrong", "open")]
    panel.plot(
        [one.at_s for one in bad],
        [0] * len(bad),
        linestyle="",
        marker="x",
        color=_RED,
        clip_on=False,
        label="failed or wrong",
    )
    panel.set_ylim(bottom=0)
    panel.set_ylabel("chunks with tokens / s")
    if bad:
        panel.legend(loc="upper left", bbox_to_anchor=(0, -0.01), frameon=False, fontsize=9)


def _gaps(panel: Any, report: Report) -> None:
    """Draw the longest gap of each stream that was under way when a fault began."""
    points = [(row.began_s, gap) for row in report.faults for gap in row.gaps_s]
    panel.plot(
        [at_s for at_s, _ in points],
        [max(gap, 0.01) for _, gap in points],
        linestyle="",
        marker="o",
        markersize=4,
        color=_BLUE,
        alpha=0.6,
    )
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.set_ylabel("longest gap of a stream, s")


def _shade(panel: Any, row: FaultRow, took_s: float) -> None:
    """Shade a fault until it has healed darker than the time until the deployment is whole."""
    colour = next(shade for way, shade in _SHADES.items() if row.kind.startswith(way))
    whole_s = took_s if row.whole_s is None else row.began_s + row.whole_s
    panel.axvspan(row.began_s, whole_s, color=colour, alpha=0.15, linewidth=0)
    if row.lasted_s is not None:
        panel.axvspan(row.began_s, row.began_s + row.lasted_s, color=colour, alpha=0.3, linewidth=0)
    panel.axvline(row.began_s, color=colour, linewidth=1)
