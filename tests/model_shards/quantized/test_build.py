"""The quantised nano in the forms of the real checkpoint."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from configs.schema import PROJECT_ROOT
from model_shards.architecture import Architecture
from model_shards.nano import NANO
from model_shards.placement.order import linear_order
from model_shards.quantized.build import build_quantized
from model_shards.quantized.calibration import load_tensors
from model_shards.quantized.names import Form, names, quantised
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.split import split
from model_shards.sizes import parameters, weight_bytes

MODEL = Architecture.read(PROJECT_ROOT / "configs/models/mistral-small-4.json")
_PUBLISHED_TENSORS = 42_741
_PUBLISHED_PARAMETERS = 119_401_317_952
_SCALES = 19_008  # of the Hugging Face form, which joins w1 and w3, and all experts' scales in one


def test_the_119b_has_as_many_tensors_and_parameters_as_published() -> None:
    assert len(list(names(MODEL, "fp8"))) == _PUBLISHED_TENSORS
    assert parameters(MODEL).total + _SCALES == _PUBLISHED_PARAMETERS
    experts = MODEL.moe.num_experts
    others = [stem for stem in quantised(MODEL, "fp8") if ".experts." not in stem]
    assert 2 * (len(others) + 2 * experts * MODEL.n_layers) == _SCALES


def test_nano_has_the_names_of_its_form(quantised_nano: Path, form: Form) -> None:
    assert load_tensors(quantised_nano).keys() == {*names(NANO, form)}
    params = json.loads((quantised_nano / "params.json").read_text("utf-8"))
    real = json.loads((PROJECT_ROOT / "configs/models/mistral-small-4.json").read_text("utf-8"))
    if form == "fp8":
        assert params["quantization"] == real["quantization"]
    else:
        assert params["quantization"]["format"] == "nvfp4-pack-quantized"


def test_experts_scales_differ(quantised_nano: Path, form: Form) -> None:
    scale = {"fp8": "qscale_act", "nvfp4": "input_global_scale"}[form]
    tensors = load_tensors(quantised_nano)
    for layer in range(NANO.n_layers):
        for matrix in ("w1", "w2"):
            found = torch.stack(
                [
                    tensors[f"layers.{layer}.experts.{expert}.{matrix}.{scale}"].reshape(())
                    for expert in range(NANO.moe.num_experts)
                ]
            )
            assert found.max() > 1.5 * found.min()
            assert found.isfinite().all()


def test_the_same_bytes_come_again(quantised_nano: Path, form: Form, tmp_path: Path) -> None:
    again = build_quantized(tmp_path / "again", form)
    for file in quantised_nano.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()


def test_its_shards_are_as_large_as_planned_but_for_scales(
    quantised_nano: Path, form: Form, tmp_path: Path
) -> None:
    split(quantised_nano, tmp_path / "set", linear_order(NANO.n_layers, NANO.moe.num_experts), 8)
    manifest = Manifest.load(tmp_path / "set")
    planned = weight_bytes(Architecture.load(quantised_nano), form)
    whole = load_tensors(quantised_nano)
    for ranks in (1, 2, 4, 8):
        files = [tmp_path / "set" / file.name for file in manifest.weights_of([0], ranks)]
        read = {name: t for file in files for name, t in load_file(file).items()}
        scalars = sum(t.nbytes for t in read.values() if t.numel() == 1)
        assert sum(t.nbytes for t in read.values()) - scalars == planned.of_rank(ranks)
        assert read.keys() <= whole.keys()
