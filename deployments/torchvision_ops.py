"""Lets PyPI's torchvision be imported beside a CPU build of torch.

That wheel's own library needs CUDA and stays unloaded, but its Python code registers fake kernels
for two of its operators, which fails where the operators don't exist. Declaring them is enough:
transformers' Pixtral code wants torchvision's resize, which is plain torch.

`make setup` names this module in a `.pth` file, because every process needs it, those that vLLM
spawns included. Importing it is cheap; nothing happens until torchvision is imported.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _DeclareOperators(MetaPathFinder):
    """Finds no module; declares operators just before torchvision registers its fake kernels."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "torchvision._meta_registrations":
            _declare_missing()
        return None


def _declare_missing() -> None:
    import torch

    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            # The library must outlive this call: its schemas go when it is collected.
            make: Any = torch.library.Library
            library = make("torchvision", "FRAGMENT")
            library.define(operator + _SCHEMA)
            _libraries.append(library)


_libraries: list[object] = []
sys.meta_path.insert(0, _DeclareOperators())
