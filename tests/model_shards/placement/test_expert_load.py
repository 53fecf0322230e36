from pathlib import Path

import pytest
from hypothesis import given

from configs.errors import CheckpointError
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad
from tests.model_shards.placement.loads import loads_and_groups


def test_what_is_written_is_read(tmp_path: Path) -> None:
    load = ExpertLoad(tokens=((1, 2, 3), (4, 0, 6)))
    load.write(tmp_path / "load.json")
    assert ExpertLoad.load(tmp_path / "load.json", layers=2, experts=3) == load


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "the file: Invalid JSON"),
        ("[]", "the file: Input should be an object"),
        ("{}", "tokens: Field required"),
        ('{"tokens": []}', "tokens: Tuple should have at least 1"),
        ('{"tokens": [[]]}', "tokens.0: Tuple should have at least 1"),
        ('{"tokens": [[1, 2, 3], [1, 2]]}', "the file: layer 1 has 2 experts, layer 0 has 3"),
        ('{"tokens": [[1, -2, 3]]}', "tokens.0.1 is -2: Input should be greater than or equal"),
        ('{"tokens": [[1, 2, 1.5]]}', "tokens.0.2 is 1.5: Input should be a valid integer"),
        ('{"tokens": [[1, NaN, 1]]}', "tokens.0.1 is nan: Input should be a finite number"),
        ('{"tokens": [[1, 1, Infinity]]}', "tokens.0.2 is inf: Input should be a finite number"),
        ('{"tokens": [["many", 1, 1]]}', "tokens.0.0: Input should be a valid integer"),
        ('{"tokens": [[1, 2, 3]], "more": 1}', "more is 1: Extra inputs are not permitted"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "load.json"
    path.write_text(text)
    with pytest.raises(CheckpointError) as refused:
        ExpertLoad.load(path, layers=1, experts=3)
    assert f"{path} isn't one: {complaint}" in str(refused.value)
    assert "`small4 shard record`" in str(refused.value)


@pytest.mark.parametrize(("layers", "experts"), [(1, 3), (2, 4)])
def test_another_models_load_is_refused(tmp_path: Path, layers: int, experts: int) -> None:
    path = tmp_path / "load.json"
    ExpertLoad(tokens=((1, 2, 3), (4, 5, 6))).write(path)
    complaint = f"3 experts in 2 layers, but the checkpoint has {experts} in {layers}"
    with pytest.raises(CheckpointError, match=complaint):
        ExpertLoad.load(path, layers, experts)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"load.json can't be read \(No such file"):
        ExpertLoad.load(tmp_path / "load.json", 1, 3)


@given(loads_and_groups(max_experts=16))
def test_counts_by_position_become_counts_by_expert(case: tuple[ExpertLoad, int]) -> None:
    load, groups = case
    order = balanced_order(load, groups)
    by_position = ExpertLoad(
        tokens=tuple(
            tuple(tokens[expert] for expert in layer)
            for tokens, layer in zip(load.tokens, order, strict=True)
        )
    )
    assert by_position.by_expert(order) == load


def test_in_the_mean_of_loads_a_short_record_weighs_as_much_as_a_long_one() -> None:
    long, short = ExpertLoad(tokens=((6000, 2000),)), ExpertLoad(tokens=((1, 3),))
    assert ExpertLoad.mean([long, short]).tokens == ((10**9, 10**9),)
    assert ExpertLoad.mean([short, long, long]).tokens == ((175 * 10**7, 125 * 10**7),)


def test_a_layer_that_a_record_did_not_count_adds_nothing_to_the_mean() -> None:
    loads = [ExpertLoad(tokens=((0, 0),)), ExpertLoad(tokens=((1, 4),))]
    assert ExpertLoad.mean(loads).tokens == ((2 * 10**8, 8 * 10**8),)
