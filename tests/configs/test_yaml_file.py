"""Errors in a YAML file name its line."""

from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.schema import PositiveInt, Strict
from configs.yaml_file import load_yaml


class Group(Strict):
    nodes: PositiveInt


class Cluster(Strict):
    name: str
    groups: tuple[Group, ...] = ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups:\n  - nodes: 2\n", ":1: name: Field required"),
        ("name: a\n\ngroups:\n  - nodes: 2\n  - nodes: 0\n", ":5: groups.1.nodes: Input should"),
        ("name: a\nnodes: 2\n", ":2: nodes: Extra inputs are not permitted (got 2)"),
        ("name: a\ngroups:\n- nodes: 1\n  nodes: 2\n", ":4: nodes is already on line 3"),
        ("- a\n", ":1: the file: Input should be"),
        ("", ":1: name: Field required"),
        ("name: [", "isn't YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        load_yaml(path, Cluster, "a cluster")
    assert message in str(error.value)


def test_a_file_that_isnt_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent.yaml can't be read .*give a cluster"):
        load_yaml(tmp_path / "absent.yaml", Cluster, "a cluster")


def test_a_right_file_is_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("name: a\ngroups: [{nodes: 2}]\n", "utf-8")
    assert load_yaml(path, Cluster, "a cluster") == Cluster(name="a", groups=(Group(nodes=2),))
