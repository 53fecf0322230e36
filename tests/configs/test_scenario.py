from pathlib import Path

import pytest
import yaml

from configs.errors import ConfigError
from configs.scenario import Scenario
from configs.schema import PROJECT_ROOT
from configs.tier import Tier

SHIPPED = sorted((PROJECT_ROOT / "configs" / "scenarios").glob("*.yaml"))
RAMP = {"shape": "ramp", "duration_s": 10, "from_per_s": 1, "to_per_s": 2}
GANG = {
    "start_s": 50,
    "max_num_seqs": 64,
    "max_num_batched_tokens": 2048,
    "kv_tokens": 87000,
    "step": {"base_s": 0.005, "sequence_s": 0.0003, "prefill_token_s": 0.00005},
}


def written(tmp_path: Path, **given: object) -> Path:
    whole = {"traffic": {"shapes": [RAMP]}, "gang": GANG, "autoscaling": {"max_gangs": 2}}
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump({**whole, **given}), "utf-8")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_can_be_played(path: Path) -> None:
    scenario = Scenario.load(path)
    assert scenario.traffic.ends_s > 0
    step, targets = scenario.gang.step, scenario.autoscaling
    assert step.base_s < targets.margin * targets.tpot_s  # or no gang could meet it


def test_there_are_scenarios() -> None:
    assert [path.stem for path in SHIPPED] == ["day", "ramp-and-burst"]


def test_a_trace_lies_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text(
        '{"at_s": 0.5, "prompt_tokens": 10, "answer_tokens": 3, "class": "batch"}\n'
        '{"at_s": 2, "prompt_tokens": 11, "answer_tokens": 4}\n'
    )
    traffic = Scenario.load(written(tmp_path, traffic={"recorded_file": "trace.jsonl"})).traffic
    assert [(request.at_s, request.tier) for request in traffic.recorded] == [
        (0.5, Tier.BATCH),
        (2, Tier.STANDARD),
    ]
    assert traffic.ends_s == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"traffic": {}}, "give shapes or recorded arrivals"),
        ({"traffic": {"shapes": [RAMP], "recorded": []}, "gang": {}}, r"gang\.start_s"),
        ({"traffic": {"shapes": [{**RAMP, "shape": "step"}]}}, r"traffic\.shapes\.0"),
        ({"traffic": {"shapes": [{**RAMP, "duration_s": 0}]}}, "duration_s"),
        ({"traffic": {"shapes": [RAMP], "classes": {"standard": 0}}}, "a share above 0"),
        ({"traffic": {"shapes": [RAMP], "classes": {"urgent": 1}}}, "urgent"),
        ({"traffic": {"recorded": [], "recorded_file": "t"}}, "remove one of them"),
        ({"traffic": {"recorded_file": "missing.jsonl"}}, "missing.jsonl can't be read"),
        ({"traffic": {"recorded_file": "broken.jsonl"}}, "broken.jsonl, line 2 isn't JSON"),
        ({"traffic": {"recorded_file": "odd.jsonl"}}, r"traffic\.recorded\.0\.prompt_tokens"),
        ({"initial_gangs": 3}, "initial_gangs 3 is above autoscaling.max_gangs 2"),
        ({"targets": {}}, "targets"),
    ],
)
def test_a_wrong_scenario_says_what_and_where(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    (tmp_path / "broken.jsonl").write_text("{}\n{")
    (tmp_path / "odd.jsonl").write_text('{"at_s": 1, "prompt_tokens": 0, "answer_tokens": 1}')
    with pytest.raises(ConfigError, match=message):
        Scenario.load(written(tmp_path, **given))


@pytest.mark.parametrize(
    ("text", "message"),
    [("traffic: [", "isn't YAML"), ("- 1", "isn't a scenario"), ("", "isn't a scenario")],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        Scenario.load(path)


def test_a_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="configs/scenarios/"):
        Scenario.load(tmp_path / "missing.yaml")
