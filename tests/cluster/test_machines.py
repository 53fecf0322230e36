"""The catalogue knows its own GPUs, and names of machines that aren't far off."""

import pytest

from cluster.machines import GPUS, MACHINES, gpu_of, hardware_of
from configs.errors import ConfigError
from configs.node_group import Hardware, NodeGroup


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_has_gpus_that_are_known_or_none(machine: str) -> None:
    group = NodeGroup(name="group", machine=machine)
    gpu = gpu_of(group)
    assert (gpu is None) == (hardware_of(group).gpus == 0)
    assert gpu is None or gpu is GPUS[gpu.name]


def test_hardware_that_is_described_goes_before_a_name() -> None:
    own = Hardware(cpus=8, memory_gib=64)
    assert hardware_of(NodeGroup(name="group", machine="p5.48xlarge", hardware=own)) is own


def test_a_machine_that_is_not_known_is_told_with_what_is() -> None:
    with pytest.raises(
        ConfigError, match=r"group.machine: 'p5.48xlage'.*mean p5.48xlarge"
    ) as error:
        hardware_of(NodeGroup(name="group", machine="p5.48xlage"))
    assert "a3-ultragpu-8g" in str(error.value)
