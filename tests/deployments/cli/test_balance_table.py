import io

from rich.console import Console

from deployments.cli.balance_table import balance_rows, balance_table
from model_shards.placement.balance import changes
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad

LOAD = ExpertLoad(tokens=((30, 30, 10, 10), (5, 5, 5, 5)))
CHANGES = changes(LOAD, balanced_order(LOAD, 4), 4, top_k=1)


def test_a_row_for_each_layer_and_one_for_all() -> None:
    assert list(balance_rows(CHANGES))[:3] == [
        ["0", "1.50 → 1.00", "1.50 → 1.50"],
        ["1", "1.00 → 1.00", "1.00 → 1.00"],
        ["all", "1.40 → 1.00", "1.40 → 1.40"],
    ]


def test_it_prints_on_a_terminal_of_the_usual_width() -> None:
    text = io.StringIO()
    Console(file=text, width=80).print(balance_table(CHANGES))
    assert "EP 2" in text.getvalue()
    assert "1.50 → 1.00" in text.getvalue()


def test_it_says_that_its_totals_hide_uneven_steps() -> None:
    text = io.StringIO()
    Console(file=text, width=80).print(balance_table(CHANGES))
    unwrapped = " ".join(text.getvalue().split())
    assert "over all counted tokens: by number → in this order" in unwrapped
    assert "Ranks wait at every step, and steps of few tokens are less even" in unwrapped


def test_steps_stand_below_totals_each_beside_an_even_router() -> None:
    rows = list(balance_rows(CHANGES))[3:]
    assert [row[0] for row in rows[::2]] == ["steps of 32", "steps of 128", "steps of 512"]
    assert {row[0] for row in rows[1::2]} == {"even router"}
    step = CHANGES[0].steps[0]
    assert rows[0][1] == f"{step.linear:.2f} → {step.ordered:.2f}"
    assert rows[1][1] == f"{step.uniform:.2f}"


def test_a_set_of_one_group_has_nothing_to_tell() -> None:
    assert list(balance_rows(())) == [["all"]]
