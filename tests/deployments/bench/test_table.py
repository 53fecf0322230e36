from rich.console import Console

from deployments.bench.table import figure_rows, ratio_rows, tables
from tests.deployments.bench.results import comparison

FOUND = comparison(small4=[50, 60, 55], flagged=[4, 4, 4], plain=[1234, 1200, 1300])


def test_figures_show_the_median_and_how_far_rounds_lie_apart() -> None:
    assert [row[:3] for row in figure_rows(FOUND)] == [
        ["16", "vllm serve with flags", "4.00"],
        ["16", "vllm serve without", "1,234 (1,200–1,300)"],
        ["16", "small4", "55.0 (50.0–60.0)"],
    ]


def test_ratios_are_small4_by_the_others() -> None:
    assert [row[:4] for row in ratio_rows(FOUND)] == [
        ["16", "vllm serve with flags", "13.8 (12.5–15.0)", "1.00"],
        ["16", "vllm serve without", "0.04 (0.04–0.05)", "1.00"],
    ]


def test_both_tables_fit_110_columns() -> None:
    console = Console(width=110)
    with console.capture() as capture:
        console.print(*tables(FOUND))
    assert "…" not in capture.get()
    assert "13.8 (12.5–15.0)" in capture.get()
