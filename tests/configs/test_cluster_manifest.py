"""What a cluster manifest may say; errors name the line of what it may not."""

from pathlib import Path

import pytest

from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError
from configs.schema import PROJECT_ROOT

_CLUSTERS = PROJECT_ROOT / "configs" / "clusters"


@pytest.mark.parametrize("path", sorted(_CLUSTERS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_manifest_that_ships_is_one(path: Path) -> None:
    assert ClusterManifest.load(path).groups


def _refused(manifest: str, before: str, after: str, directory: Path) -> str:
    """Return the error after the first `before` in a manifest that ships is replaced by `after`."""
    text = (_CLUSTERS / f"{manifest}.yaml").read_text("utf-8")
    assert before in text
    path = directory / "cluster.yaml"
    path.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(ConfigError) as error:
        ClusterManifest.load(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("manifest", "before", "after", "message"),
    [
        ("aws-p5en", "  machine: m7i.4xlarge", "  machine: m7i.4xlarge\n  spot: true", "head.spot"),
        ("aws-p5en", "  name: head", "  name: head\n  max_nodes: 2", "head.max_nodes: there is"),
        ("aws-p5en", "  - name: gpu", "  - name: head", "head.name: head is the name of more"),
        ("aws-p5en", "    machine: p5en.48xlarge", "    capacity_block: true\n    machine: p5en",
         "groups.0.capacity_block: it is EC2's, and needs its `reservation`"),
        ("aws-p5en", "    machine: p5en.48xlarge", "    hardware: {cpus: 8, memory_gib: 8}",
         "groups.0.machine: aws needs to know which machine"),
        ("aws-p5en", "    machine: p5en.48xlarge", "    machine: p5en.48xlarge\n    hosts: [a]",
         "groups.0.hosts: aws finds its machines itself"),
        ("aws-p5en", "    machine: p5en.48xlarge",
         "    machine: p5en.48xlarge\n    spot: true\n    reservation: cr-1",
         "groups.0.reservation: what is reserved isn't spot"),
        ("aws-p5en", "  region: us-east-2", "  key_name: mine\n  region: us-east-2",
         "key_name: give it together with ssh_key"),
        ("aws-p5en", "  source: s3://your-bucket", "  # source: s3://your-bucket",
         "weights: format expert_shards needs a source"),
        ("on-prem-two-nodes", "[10.0.0.11, 10.0.0.12]", "[10.0.0.11]",
         "groups.0.hosts: name as many as max_nodes says, 2 (there are 1)"),
        ("on-prem-two-nodes", "[10.0.0.11, 10.0.0.12]", "[10.0.0.11, 10.0.0.11]",
         "groups.0.hosts: 10.0.0.11 is there twice"),
        ("on-prem-two-nodes", "  hosts: [10.0.0.11]", "  # hosts",
         "head.hosts: name as many as max_nodes says, 1 (there are 0)"),
        ("on-prem-two-nodes", "    max_nodes: 2", "    max_nodes: 2\n    spot: true",
         "groups.0.spot: on-prem knows no spot machines"),
        ("on-prem-two-nodes", "    max_nodes: 2", "    max_nodes: 2\n    reservation: cr-1",
         "groups.0.reservation: on-prem knows no reservations"),
        ("on-prem-two-nodes", "    max_nodes: 2", "    max_nodes: 2\n    node_labels: {a: b}",
         "groups.0.node_labels: they are Kubernetes'"),
        ("kuberay", "s3://your-bucket/mistral-small-4-fp8", "/data/weights",
         "provider.volume_claim: give the claim that has weights.source"),
        ("kuberay", "  namespace: small4", "  volume_claim: weights",
         "provider.volume_claim: weights.source is in S3"),
        ("kuberay", "  hardware: # of its pod\n    cpus: 16\n    memory_gib: 64\n    disk_gb: 50",
         "  machine: m7i.4xlarge", "head.hardware: say what there is for one pod"),
        ("gcp-a3-ultra", "/mnt/small4-weights", "s3://bucket/prefix",
         "provider.bucket: it is mounted at weights.source"),
        ("local-cpu", "dtype: float32", "max_model_len: 5",
         "serving.deployment.engine.max_model_len: say it as serving.max_model_len"),
        ("local-cpu", "    engine:", "    routers: 3\n    engine:",
         "serving.deployment.routers: Input should be a mapping"),
        ("on-prem-two-nodes", "directory: ~/small4", "directory: ~/small4; echo",
         "directory: String should match"),
        ("local-cpu", "    engine:", "    gangs: {ranks: 2}\n    engine:",
         "serving.deployment.gangs.ranks: say it as serving.ranks"),
    ],
)  # fmt: skip
def test_parts_that_dont_go_together_are_told(
    manifest: str, before: str, after: str, message: str, tmp_path: Path
) -> None:
    assert message in _refused(manifest, before, after, tmp_path)


def test_the_line_is_that_of_the_field(tmp_path: Path) -> None:
    refused = _refused("on-prem-two-nodes", "[10.0.0.11, 10.0.0.12]", "[10.0.0.11]", tmp_path)
    text = (tmp_path / "cluster.yaml").read_text("utf-8").splitlines()
    line = text.index("    hosts: [10.0.0.11] # edit") + 1
    assert f"cluster.yaml:{line}: groups.0.hosts:" in refused


def test_a_checkpoint_instead_of_a_shard_set_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "name: a\n"
        "provider: {type: local}\n"
        "head: {name: head, hardware: {cpus: 2, memory_gib: 8}}\n"
        "groups: [{name: cpu, hardware: {cpus: 2, memory_gib: 8}}]\n"
        "weights: {}\n",
        "utf-8",
    )
    with pytest.raises(ConfigError, match=r"cluster\.yaml:5: weights\.source: give a shard set"):
        ClusterManifest.load(path)
