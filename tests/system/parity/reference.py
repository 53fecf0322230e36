"""Mistral Small 4's forward pass by transformers, on a checkpoint in Mistral's own format.

It shares no code with the engine; nano is trained as the same model.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file

from model_shards.architecture import Architecture
from model_shards.transformers_config import transformers_model
from model_shards.transformers_weights import Tensors, to_transformers
from tests.system.parity.picture import pixels


def load_tensors(checkpoint: Path) -> Tensors:
    """Load every tensor in float32, by its name in the checkpoint."""
    return {
        name: tensor.float()
        for file in sorted(checkpoint.glob("consolidated*.safetensors"))
        for name, tensor in load_file(file).items()
    }


class Reference:
    """The model in float32, with the plainest of transformers' implementations."""

    def __init__(self, architecture: Architecture, tensors: Tensors) -> None:
        self.model = transformers_model(architecture).eval()
        self.model.load_state_dict(to_transformers(architecture, tensors), strict=True)

    @torch.inference_mode()
    def logprobs(
        self, token_ids: list[int], picture_size: tuple[int, int] | None = None
    ) -> torch.Tensor:
        """Compute the log-probabilities of every token after each prefix, float32 (len - 1, vocab).

        `picture_size` is height and width in pixels of the picture whose tokens are among them.
        """
        return self._logits(token_ids, picture_size)[:-1].log_softmax(dim=-1)

    @torch.inference_mode()
    def chosen(
        self, token_ids: list[int], picture_size: tuple[int, int] | None = None
    ) -> torch.Tensor:
        """Count how many of the tokens choose each expert, integers (layers, experts)."""
        gates = [layer.mlp.gate for layer in self.model.model.language_model.layers]
        found: list[torch.Tensor] = []
        hooks = [
            gate.register_forward_hook(lambda *call: found.append(call[2][2])) for gate in gates
        ]
        self._logits(token_ids, picture_size)
        for hook in hooks:
            hook.remove()
        return torch.stack(
            [ids.flatten().bincount(minlength=gates[0].num_experts) for ids in found]
        )

    def _logits(self, token_ids: list[int], picture_size: tuple[int, int] | None) -> torch.Tensor:
        images = {}
        if picture_size:
            sizes = torch.tensor([picture_size])
            images = {"pixel_values": pixels(*picture_size), "image_sizes": sizes}
        output = self.model(torch.tensor([token_ids]), use_cache=False, **images)
        logits: torch.Tensor = output.logits[0]
        return logits
