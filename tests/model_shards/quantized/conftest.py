"""nano in both quantised forms, made once."""

from pathlib import Path

import pytest

from model_shards.quantized.build import build_quantized
from model_shards.quantized.names import Form


@pytest.fixture(scope="session", params=["fp8", "nvfp4"])
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


@pytest.fixture(scope="session")
def quantised_nano(form: Form, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_quantized(tmp_path_factory.mktemp(form) / "nano", form)
