"""What tests need of a GPU, and why they are skipped where there is none."""

import pytest
import torch

needs_fp8 = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 9),
    reason="no GPU that multiplies FP8: CPUs only emulate it (`make bench BENCH=scales`)",
)
