"""A cluster as its operator describes it: machines, provider, and what is to be served there."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from configs.manifest_rules import complaints
from configs.node_group import Name, NodeGroup
from configs.providers import Provider
from configs.schema import Strict
from configs.serving import Serving
from configs.weights import Weights
from configs.yaml_file import load_yaml


class ClusterManifest(Strict):
    """A whole cluster manifest, such as those in configs/clusters/."""

    name: Name
    provider: Provider
    head: NodeGroup = Field(description="Ray's head and Serve's HAProxy; it needs no GPU.")
    groups: tuple[NodeGroup, ...] = Field(min_length=1)
    weights: Weights
    serving: Serving = Serving()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        parts = (self.provider, self.head, self.groups, self.weights, self.serving)
        if (complaint := next(complaints(*parts), None)) is not None:
            raise ValueError(complaint)
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a manifest.

        Raises ConfigError, with the file's lines, if it can't be read or isn't a manifest.
        """
        return load_yaml(path, cls, "a cluster manifest, such as those in configs/clusters/")
