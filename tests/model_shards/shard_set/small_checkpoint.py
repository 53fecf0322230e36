"""Small checkpoints in Mistral format, of any count of experts and layers, with FP8 and scales."""

import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

from model_shards.nano import NANO
from model_shards.tensors import INDEX

DIM = 6
_ELEMENT_BYTES = {"BF16": 2, "F8_E4M3": 1, "U8": 1, "F32": 4}

Content = tuple[str, tuple[int, ...], bytes]  # dtype, shape, bytes


@dataclass(frozen=True)
class SmallCheckpoint:
    """A checkpoint of noise whose first layers are dense; the same seed gives the same bytes."""

    experts: int = 8
    layers: int = 3
    dense: int = 1
    files: int = 2
    dtype: str = "F8_E4M3"
    index: bool = True
    seed: int = 0

    def tensors(self) -> dict[str, Content]:
        noise = random.Random(self.seed)

        def content(dtype: str, *shape: int) -> Content:
            return dtype, shape, noise.randbytes(math.prod(shape) * _ELEMENT_BYTES[dtype])

        tensors = {
            "tok_embeddings.weight": content("BF16", 10, DIM),
            "vision_encoder.transformer.layers.0.feed_forward.w1.weight": content("BF16", DIM, 3),
        }
        for layer in range(self.layers):
            at = f"layers.{layer}"
            tensors[f"{at}.attention.wo.weight"] = content(self.dtype, DIM, DIM)
            tensors[f"{at}.attention.wo.qscale_weight"] = content("F32")
            if layer < self.dense:
                tensors[f"{at}.feed_forward.w1.weight"] = content(self.dtype, DIM, DIM)
                continue
            tensors[f"{at}.gate.weight"] = content("BF16", self.experts, DIM)
            tensors[f"{at}.gate.bias"] = content("F32", self.experts)
            tensors[f"{at}.shared_experts.w1.weight"] = content(self.dtype, DIM, 3)
            for expert in range(self.experts):
                for matrix in ("w1", "w2"):
                    name = f"{at}.experts.{expert}.{matrix}"
                    tensors[f"{name}.weight"] = content(self.dtype, DIM, 3)
                    tensors[f"{name}.qscale_weight"] = content("F32")
                    tensors[f"{name}.qscale_act"] = content("BF16", 1)
        return tensors

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True)
        moe = NANO.moe.model_copy(update={"num_experts": self.experts})
        parameters = NANO.model_copy(update={"n_layers": self.layers, "moe": moe})
        (directory / "params.json").write_text(parameters.model_dump_json())
        (directory / "tekken.json").write_text("{}")
        (directory / ".gitattributes").write_text("*.safetensors filter=lfs")
        (directory / ".cache").mkdir()
        tensors = self.tensors()
        names = random.Random(self.seed).sample(sorted(tensors), len(tensors))
        weight_map: dict[str, str] = {}
        for number in range(1, self.files + 1):
            file = f"consolidated-{number:05d}-of-{self.files:05d}.safetensors"
            held = names[number - 1 :: self.files]
            write_safetensors(directory / file, {name: tensors[name] for name in held})
            weight_map |= dict.fromkeys(held, file)
        if self.index:
            (directory / INDEX).write_text(json.dumps({"weight_map": weight_map}))
        return directory


def write_safetensors(path: Path, tensors: dict[str, Content]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt", "file": path.name}}
    at = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (at, at + len(data))}
        at += len(data)
    text = json.dumps(header).encode()
    body = b"".join(data for _, _, data in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def read_safetensors(path: Path) -> dict[str, Content]:
    """Read a file's tensors without any of the code that is tested."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    del header["__metadata__"]
    return {
        name: (entry["dtype"], tuple(entry["shape"]), raw[start:][slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


SMALL = SmallCheckpoint()
