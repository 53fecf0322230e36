"""The Serve config: by Serve's own schema, and by small4's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.errors import ConfigError
from configs.exposure import refuse_to_expose
from configs.node_group import NodeGroup
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from configs.weights import CacheLimits, Weights
from tests.cluster.render import shipped


def _served(text: str, directory: Path) -> ServeFile:
    path = directory / "serve.yaml"
    path.write_text(text, "utf-8")
    return ServeFile.load(path)


@pytest.mark.parametrize("name", shipped.NAMES)
def test_serve_and_small4_take_it(name: str, tmp_path: Path) -> None:
    from ray.serve.schema import ServeDeploySchema

    text = shipped.serve_config(name)
    ServeDeploySchema.model_validate(yaml.safe_load(text))
    served = _served(text, tmp_path)
    refuse_to_expose(served.deployment.access, served.host)


@pytest.mark.parametrize("name", [name for name in shipped.NAMES if name != "local-cpu"])
def test_a_port_without_keys_is_on_loopback_and_routers_are_beside_it(
    name: str, tmp_path: Path
) -> None:
    served = _served(shipped.serve_config(name), tmp_path)
    keyed = served.deployment.access.keyed
    assert served.host == ("0.0.0.0" if keyed else "127.0.0.1")
    assert served.deployment.routers.on_head


def test_routers_go_to_nodes_without_gpus_where_haproxy_reaches_them(tmp_path: Path) -> None:
    manifest = shipped.manifest("aws-p5en")
    routers = NodeGroup(name="routers", machine="m7i.4xlarge")
    keyed = {"deployment": {"access": {"keys_env": "KEYS"}}}
    changed = manifest.model_copy(
        update={
            "groups": (*manifest.groups, routers),
            "serving": manifest.serving.model_copy(update=keyed),
        }
    )
    served = _served(shipped.rendered(changed)["serve.yaml"], tmp_path)
    assert (served.host, served.deployment.routers.on_head) == ("0.0.0.0", False)


def test_guesses_are_rendered_and_both_ways_at_once_refused(tmp_path: Path) -> None:
    manifest = shipped.manifest("aws-p5en")
    speculative = {"method": "eagle", "num_speculative_tokens": 3}

    def text(deployment: dict[str, Any]) -> str:
        serving = manifest.serving.model_copy(update={"deployment": deployment})
        changed = manifest.model_copy(update={"serving": serving})
        return shipped.rendered(changed)["serve.yaml"]

    model = _served(text({"model": {"speculative": speculative}}), tmp_path).deployment.model
    assert model.name == "mistral-small-4"
    assert model.speculative is not None
    assert model.speculative.arguments(None) == speculative
    with pytest.raises(ConfigError, match=r"speculative_config: model\.speculative says it"):
        text({"model": {"speculative": speculative}, "engine": {"speculative_config": speculative}})


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("aws-p5en", {"gangs": {"placement": "FAR"}}, "serving.deployment.gangs.placement: Input"),
        ("aws-p5en", {"router": {}}, "serving.deployment.router: Extra inputs"),
        ("kuberay", {"access": {}}, "keys_file"),
    ],
)
def test_what_cant_be_served_isnt_rendered(name: str, given: dict[str, Any], message: str) -> None:
    serving = shipped.manifest(name).serving.model_copy(update={"deployment": given})
    with pytest.raises(ConfigError, match=message):
        shipped.rendered(shipped.manifest(name).model_copy(update={"serving": serving}))


def test_on_this_machine_it_serves_what_the_default_config_does(tmp_path: Path) -> None:
    ours = _served(shipped.serve_config("local-cpu"), tmp_path)
    default = ServeFile.load(DEFAULT_CONFIG)
    ours_engine, engine = ours.deployment.engine, default.deployment.engine
    assert ours_engine == engine | {"max_num_batched_tokens": 4096}
    assert ours.deployment.weights == default.deployment.weights
    assert ours.deployment.gangs == default.deployment.gangs
    assert _variables(ours) == _variables(default)


def _variables(served: ServeFile) -> Any:
    return served.raw["applications"][0]["runtime_env"]["env_vars"]


def _with_group(name: str, **changes: Any) -> tuple[NodeGroup, ...]:
    return (shipped.manifest(name).groups[0].model_copy(update=changes),)


@pytest.mark.parametrize(("nodes", "gangs"), [((0, 2), (0, 2)), ((1, 4), (1, 4)), ((2, 3), (2, 3))])
def test_gangs_come_and_go_with_their_machines(
    nodes: tuple[int, int], gangs: tuple[int, int], tmp_path: Path
) -> None:
    groups = _with_group("aws-p5en", min_nodes=nodes[0], max_nodes=nodes[1])
    files = shipped.rendered(shipped.manifest("aws-p5en").model_copy(update={"groups": groups}))
    scaling = _served(files["serve.yaml"], tmp_path).deployment.gangs.autoscaling
    assert scaling is not None
    assert (scaling.min_gangs, scaling.max_gangs) == gangs


@pytest.mark.parametrize(
    ("given", "gangs", "routers"),
    [
        ({"gangs": {"placement": "SPREAD"}, "routers": {"count": 1}}, 1, 1),
        ({"gangs": {"autoscaling": {"max_gangs": 1}, "resources": {"num_cpus": 2}}}, 1, 8),
    ],
)
def test_what_the_manifest_says_of_the_deployment_goes_first(
    given: dict[str, Any], gangs: int, routers: int, tmp_path: Path
) -> None:
    serving = shipped.manifest("aws-p5en").serving.model_copy(update={"deployment": given})
    changed = shipped.manifest("aws-p5en").model_copy(update={"serving": serving})
    deployment = _served(shipped.rendered(changed)["serve.yaml"], tmp_path).deployment
    assert (deployment.gangs.most, deployment.routers.most) == (gangs, routers)
    assert deployment.gangs.ranks == 8
    assert deployment.gangs.resources.num_gpus == 1


def test_the_cache_s_limits_are_the_manifest_s(tmp_path: Path) -> None:
    manifest = shipped.manifest("aws-p5en")
    limits = {"unused_days": 7, "gigabytes": 500}
    weights = Weights.model_validate(
        manifest.weights.model_dump(exclude_unset=True) | {"cache_limits": limits}
    )
    text = shipped.rendered(manifest.model_copy(update={"weights": weights}))["serve.yaml"]
    assert _served(text, tmp_path).deployment.weights.cache_limits == CacheLimits(**limits)
