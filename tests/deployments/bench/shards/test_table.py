import pytest
from rich.console import Console

from configs.errors import BenchError
from deployments.bench.shards.cutting import Cut
from deployments.bench.shards.loading import Cache, Load, Loader
from deployments.bench.shards.rounds import Rounds
from deployments.bench.shards.table import load_rows, load_table, split_rows, split_table

GIB = 1 << 30


def rounds(split_s: list[float], copy_s: list[float], peak_bytes: int = 0) -> Rounds:
    cuts = [Cut(took_s, peak_bytes // number) for number, took_s in enumerate(split_s, start=1)]
    measured = Rounds(4_000_000_000, GIB // 2, cuts, copy_s)
    for cache in Cache:
        for number, loader in enumerate(Loader, start=1):
            measured.loads[cache, loader] = [
                Load(10.0 / number * slow, 2 * 10**9, 10**9, 100) for slow in (1, 3, 2)
            ]
    return measured


def test_ratios_are_taken_round_by_round() -> None:
    measured = rounds(split_s=[10, 20, 40], copy_s=[10, 10, 36])
    assert list(split_rows(measured)) == [
        ["cp", "10.0 (10.0–36.0)", "0.40 (0.11–0.40)", ""],
        ["split", "20.0 (10.0–40.0)", "0.20 (0.10–0.40)", "0.90 (0.50–1.00)"],
    ]
    small4 = ["cold", "small4", "4.00 (2.00–6.00)", "2.00", "0.20", "0.60"]
    assert list(load_rows(measured))[4] == small4


def test_a_loader_that_was_refused_has_no_row() -> None:
    measured = rounds([10], [10])
    for cache in Cache:
        del measured.loads[cache, Loader.INSTANT]
    names = [row[1] for row in load_rows(measured)]
    assert names == 2 * [loader for loader in Loader if loader is not Loader.INSTANT]


@pytest.mark.parametrize(
    ("split_s", "missed"),
    [
        ([14.0, 14.2, 99.0], []),
        ([15.0, 14.4, 10.0], ["A split must reach 0.7 of the speed of cp: it reached 0.69."]),
    ],
)
def test_the_median_of_the_rounds_decides(split_s: list[float], missed: list[str]) -> None:
    assert rounds(split_s, copy_s=[10, 10, 10]).missed() == missed


def test_the_largest_split_decides_beside_the_largest_tensor() -> None:
    assert rounds([1, 1], [1, 1], peak_bytes=GIB + GIB // 2 - 1).missed() == []
    (missed,) = rounds([1, 1], [1, 1], peak_bytes=GIB + GIB // 2).missed()
    assert missed.endswith(
        "1,073,741,824 bytes of memory above the largest tensor: it took 1,073,741,824."
    )


def test_loaders_that_keep_different_tensors_cant_be_compared() -> None:
    measured = rounds([10], [10])
    with pytest.raises(BenchError, match=r"small4 keeps 99 tensors, .*they must agree"):
        measured.add(Cache.WARM, Loader.SMALL4, Load(1.0, 0, 10**9, 99))


def test_both_tables_fit_110_columns() -> None:
    measured = rounds([14.11, 14.22, 15.33], [10.11, 10.22, 10.33], peak_bytes=GIB)
    console = Console(width=110)
    with console.capture() as capture:
        console.print(split_table(measured), load_table(measured), sep="\n")
    assert "…" not in capture.get()
    assert "peak memory of a split: 1073.7 MB; the largest tensor: 536.9 MB" in capture.get()
