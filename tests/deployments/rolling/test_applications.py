import copy

from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.ray_serve.rest_api import stands_for
from deployments.ray_serve.starting import UNHURRIED
from deployments.rolling.applications import (
    arriving,
    placed,
    plain,
    resized,
    same,
    successor_name,
)

RAW = ServeFile.load(DEFAULT_CONFIG).raw_application


def test_another_config_has_another_name_that_stands_for_the_first() -> None:
    other = copy.deepcopy(RAW)
    other["args"]["engine"]["max_num_seqs"] = 32
    names = {successor_name("small4", raw) for raw in (RAW, other)}
    assert len(names) == 2
    assert all(stands_for(name, "small4") for name in names | {"small4"})
    assert not any(stands_for(name, "small") for name in names)
    assert not stands_for("small4-other", "small4")


def test_name_address_and_sizes_leave_replicas_the_same() -> None:
    moved = placed(resized(RAW, {"Router": 2}), "small4-12345678", "/elsewhere")
    assert same(moved, RAW)
    assert (moved["name"], moved["route_prefix"]) == ("small4-12345678", "/elsewhere")
    assert not same(RAW, {**RAW, "args": {}})


def test_a_size_is_fixed_and_forgotten_again_without_the_owners_options() -> None:
    own = {"name": "Router", "max_ongoing_requests": 7}
    raw = {**RAW, "deployments": [own, {"name": "Roster", "num_replicas": 1}]}
    sized = resized(raw, {"Router": 2})
    fixed = {"num_replicas": 2, "autoscaling_config": None}
    assert sized["deployments"][0] == own | fixed
    assert resized(sized, {"Router": 3})["deployments"][0] == own | fixed | {"num_replicas": 3}
    assert plain(resized(RAW, {"Router": 2}))["deployments"] == []
    assert plain(sized)["deployments"] == raw["deployments"]


def test_replicas_start_unhurried_and_learn_at_once_of_an_address_until_it_is_over() -> None:
    own = {"name": "Router", "max_ongoing_requests": 7}
    for raw in (RAW, {**RAW, "deployments": [own]}):
        coming = arriving(resized(raw, {"Shard": 2}), "Router", "Shard")
        assert same(coming, raw)
        for override in coming["deployments"]:
            assert override["rolling_update_percentage"] == 1.0
            assert override["user_config"] == UNHURRIED
        assert {override["name"] for override in coming["deployments"]} == {"Router", "Shard"}
        assert plain(coming)["deployments"] == raw.get("deployments", [])
