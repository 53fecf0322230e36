"""The report as one HTML page, which needs no other file."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from deployments.chaos.report import Counts, Failure, Report

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1180px; color: #222 }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em }
table { border-collapse: collapse; font-size: 13px }
td, th { padding: 3px 9px; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top }
td:first-child, th:first-child { text-align: left; white-space: nowrap }
td:last-child, th:last-child { text-align: left }
.bad { color: #c0392b; font-weight: bold }
svg { width: 100%; height: auto }
"""
_COUNTS = (
    *("sent", "moved", "resumed", "failed", "wrong", "doubled", "lost"),
    *("indeterminate", "not_accepted", "open"),
)
_HEADS = tuple(name.replace("_", " ") for name in _COUNTS)


def page(report: Report, svg: bytes) -> str:
    """Return the page; `svg` is the plot."""
    drawing = re.sub(r"^.*?(?=<svg)", "", svg.decode(), flags=re.DOTALL)
    return "\n".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            f"<title>chaos, seed {report.seed}</title><style>{_STYLE}</style>",
            f"<h1>Chaos: seed {report.seed}, {len(report.faults)} faults</h1>",
            *(f"<p>{escape(line)}</p>" for line in _summary(report)),
            drawing,
            "<h2>By kind of fault</h2>",
            _table(_KIND_HEADS, _kind_rows(report)),
            "<h2>Fault by fault</h2>",
            _table(_FAULT_HEADS, _fault_rows(report)),
            "<h2>Requests without their right answer</h2>",
            _table(_FAILURE_HEADS, _failure_rows(report)),
            "<h2>Left behind, 10 s after the last request</h2>",
            _list(report.left_behind),
            "<h2>Left out</h2>",
            _list([f"{kind}: {reason}" for kind, reason in report.left_out.items()]),
            "</html>",
        ]
    )


def _summary(report: Report) -> list[str]:
    counts = report.counts
    return [
        f"{report.gangs} gangs of {report.ranks} ranks, {report.routers} routers, "
        f"{report.clients} clients; commit {report.commit}, {report.date:%Y-%m-%d %H:%M} UTC; "
        f"{report.machine.describe()}",
        f"{counts.sent} requests sent: {counts.right} right; "
        f"{counts.moved} moved, {counts.resumed} of them in mid-stream; "
        f"{counts.failed} failed, {counts.wrong} wrong ({counts.doubled} with doubled tokens, "
        f"{counts.lost} with lost ones), {counts.indeterminate} cut off by the fault itself, "
        f"{counts.open} without an end; {counts.not_accepted} connections not accepted.",
        f"Right answers per second: {report.goodput_before_per_s:.2f} before, "
        f"{report.goodput_during_per_s:.2f} from the first fault until whole after the last.",
    ]


_KIND_HEADS = (
    *("kind", "faults", "noticed p50", "max, s", "whole p50", "max, s"),
    *("gap p50", "p99", "max, s", *_HEADS),
)


def _kind_rows(report: Report) -> Iterable[list[str]]:
    for row in report.kinds:
        times = (*row.noticed_s, *row.whole_s, *row.gap_s)
        yield [row.kind, str(row.faults), *map(_seconds, times), *_cells(row.counts)]


_FAULT_HEADS = ("", "kind", "hit", "at, s", "lasted", "noticed", "whole", "gap max", *_HEADS, "")


def _fault_rows(report: Report) -> Iterable[list[str]]:
    for row in report.faults:
        times = (row.began_s, row.lasted_s, row.noticed_s, row.whole_s)
        said = "; ".join(filter(None, ["ended by force" * row.ended_by_force, row.message]))
        yield [
            *(str(row.number), row.kind, escape(row.hit)),
            *map(_seconds, (*times, max(row.gaps_s, default=None))),
            *(*_cells(row.counts), escape(said)),
        ]


_FAILURE_HEADS = ("outcome", "fault", "requests", "from, s", "until, s", "sorts", "message")


def _failure_rows(report: Report) -> Iterable[list[str]]:
    """Yield a row for all requests of one fault that ended alike."""
    alike: dict[tuple[str, ...], list[Failure]] = {}
    for one in report.failures:
        outcome = f"{one.outcome} ({one.difference})" if one.difference else one.outcome
        alike.setdefault((outcome, str(one.fault or ""), one.message), []).append(one)
    for (outcome, fault, message), some in alike.items():
        times = [one.at_s for one in some]
        sorts = ", ".join(sorted({one.sort for one in some}))
        yield [
            *(outcome, fault, str(len(some)), _seconds(min(times)), _seconds(max(times))),
            *(sorts, escape(message)),
        ]


def _cells(counts: Counts) -> Iterable[str]:
    for name in _COUNTS:
        number = getattr(counts, name)
        bad = number and name in ("failed", "wrong", "doubled", "lost", "open")
        yield f"<span class=bad>{number}</span>" if bad else str(number)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if body else "<p>None.</p>"


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else "<p>Nothing.</p>"
