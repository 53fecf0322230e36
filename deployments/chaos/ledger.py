"""The ledger: what all recorded runs add up to, as a file and as tables for a README."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import TypeAdapter

from configs.errors import BenchError
from configs.schema import PROJECT_ROOT, Strict
from deployments.chaos.report import Report

LEDGER = PROJECT_ROOT / "deployments" / "chaos" / "ledger.json"
README = PROJECT_ROOT / "deployments" / "router" / "README.md"
_TABLE = re.compile(
    r"(<!-- chaos: `make chaos ARGS=--table` writes this -->\n).*?(<!-- /chaos -->)", re.DOTALL
)


class Entry(Strict):
    """One kind of fault in one run; times are the longest ones."""

    faults: int
    bad_faults: int
    noticed_s: float | None
    whole_s: float | None
    gap_s: float | None


class Row(Strict):
    """One recorded run."""

    seed: int
    commit: str
    date: str
    machine: str
    shape: str
    sent: int
    moved: int
    failed: int
    wrong: int
    open: int
    indeterminate: int
    not_accepted: int
    left_behind: int
    kinds: dict[str, Entry]

    @property
    def faults(self) -> int:
        return sum(entry.faults for entry in self.kinds.values())

    @property
    def bad_faults(self) -> int:
        return sum(entry.bad_faults for entry in self.kinds.values())

    @classmethod
    def of(cls, report: Report) -> "Row":
        counts = report.counts
        return cls(
            seed=report.seed,
            commit=report.commit,
            date=f"{report.date:%Y-%m-%d}",
            machine=f"{report.machine.cpu}, {report.machine.cores} cores",
            shape=f"{report.gangs}×{report.ranks} ranks, {report.routers} routers",
            sent=counts.sent,
            moved=counts.moved,
            failed=counts.failed,
            wrong=counts.wrong,
            open=counts.open,
            indeterminate=counts.indeterminate,
            not_accepted=counts.not_accepted,
            left_behind=len(report.left_behind),
            kinds={
                row.kind: Entry(
                    faults=row.faults,
                    bad_faults=row.bad_faults,
                    noticed_s=row.noticed_s[1],
                    whole_s=row.whole_s[1],
                    gap_s=row.gap_s[2],
                )
                for row in report.kinds
            },
        )


_ROWS = TypeAdapter(list[Row])


def load(path: Path = LEDGER) -> list[Row]:
    return _ROWS.validate_json(path.read_bytes())


def record(row: Row, path: Path = LEDGER) -> None:
    """Add a run.

    Raises BenchError if this seed was recorded at this commit already: it would count twice.
    """
    rows = load(path)
    if any((old.seed, old.commit) == (row.seed, row.commit) for old in rows):
        raise BenchError(f"seed {row.seed} is in the ledger for commit {row.commit}: take another.")
    path.write_bytes(_ROWS.dump_json([*rows, row], indent=1) + b"\n")


def bound(faults: int) -> float:
    """Return the rule of three: no event in `faults` trials means a rate below this, at 95%."""
    return min(1.0, 3 / faults) if faults else 1.0


def tables(rows: list[Row]) -> str:
    """Return the ledger as Markdown: what it adds up to, and a table of all kinds."""
    if not rows:
        return "No run is recorded yet.\n"
    return "\n".join([_sum(rows), "", *_kinds(rows), ""])


def _sum(rows: list[Row]) -> str:
    faults, bad = sum(row.faults for row in rows), sum(row.bad_faults for row in rows)
    failed, wrong = sum(row.failed + row.open for row in rows), sum(row.wrong for row in rows)
    text = (
        f"{len(rows)} runs, {faults} faults, {sum(row.sent for row in rows)} requests: {failed} "
        f"failed, {wrong} wrong, {sum(row.indeterminate for row in rows)} cut off by the fault "
        f"itself, {sum(row.left_behind for row in rows)} things left behind ({_where(rows)})."
    )
    if bad:
        return f"{text} {bad} of {faults} faults did harm."
    return f"{text} By the rule of three, fewer than {bound(faults):.1%} of faults do harm (95%)."


def _where(rows: list[Row]) -> str:
    """Say on which machines, when and at which commits they were played."""
    columns = zip(*((row.machine, row.date, f"`{row.commit}`") for row in rows), strict=True)
    return "; ".join(", ".join(dict.fromkeys(column)) for column in columns)


def _kinds(rows: list[Row]) -> Iterator[str]:
    yield "| fault | played | did harm | noticed within, s | gap of a stream, s | whole after, s |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind in sorted({kind for row in rows for kind in row.kinds}):
        entries = [row.kinds[kind] for row in rows if kind in row.kinds]
        yield " | ".join(
            [
                f"| `{kind}`",
                str(sum(entry.faults for entry in entries)),
                str(sum(entry.bad_faults for entry in entries)),
                _longest(entry.noticed_s for entry in entries),
                _longest(entry.gap_s for entry in entries),
                _longest(entry.whole_s for entry in entries) + " |",
            ]
        )


def _longest(values: Iterable[float | None]) -> str:
    return max((f"{value:.1f}" for value in values if value is not None), key=float, default="–")


def with_tables(document: str, rows: list[Row]) -> str:
    """Return a document with the ledger's tables between its marks.

    Raises BenchError if it has no marks.
    """
    if _TABLE.search(document) is None:
        raise BenchError("the document has no marks for the table of `make chaos`.")
    return _TABLE.sub(lambda marks: f"{marks[1]}{tables(rows)}{marks[2]}", document)
