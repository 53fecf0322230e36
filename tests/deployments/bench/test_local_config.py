import inspect
from pathlib import Path

import yaml

from configs.deployment import Deployment
from configs.schema import PROJECT_ROOT
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.bench.local_config import local_config
from deployments.cli.nano import build


def test_weights_are_the_random_ones_and_all_else_is_as_shipped() -> None:
    raw = local_config()
    args = raw["applications"][0]["args"]
    served = Deployment.model_validate(args)
    # Where `small4 nano build` writes random weights, which the bench of routers serves too.
    noise = inspect.signature(build).parameters["out"].default
    assert served.model.source == noise
    bench = ServeFile.load(PROJECT_ROOT / "configs" / "serve" / "bench.yaml").deployment
    assert bench.model.source == noise
    # A set that was cut from another checkpoint would be refused; the shipped one is trained.
    shipped = yaml.safe_load(DEFAULT_CONFIG.read_text("utf-8"))
    shipped_args = shipped["applications"][0]["args"]
    assert served.weights.source == str(Path(noise).with_name("nano-noise-shards"))
    for part in ("model", "weights"):
        assert args[part].pop("source") != shipped_args[part].pop("source")
    assert raw == shipped
