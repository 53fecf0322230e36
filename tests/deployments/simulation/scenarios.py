"""Small scenarios for simulations."""

from typing import Any

from configs.scenario import Scenario

NANO: dict[str, Any] = {
    "start_s": 30,
    "max_num_seqs": 64,
    "max_num_batched_tokens": 2048,
    "kv_tokens": 87_000,
    "step": {"base_s": 0.005, "sequence_s": 0.0003, "prefill_token_s": 0.00005},
}
POLICY: dict[str, Any] = {"max_gangs": 4, "ttft_s": 1, "tpot_s": 0.05, "start_s": 30}


def scenario(*shapes: dict[str, Any], **given: Any) -> Scenario:
    """Make a scenario; `gang`, `traffic` and `autoscaling` add to the defaults, others replace."""
    traffic = {"shapes": shapes, "prompt_tokens": {"median": 64}, "answer_tokens": {"median": 32}}
    if "recorded" in given.get("traffic", {}):
        del traffic["shapes"]
    return Scenario.model_validate(
        given
        | {"traffic": traffic | given.get("traffic", {})}
        | {"gang": NANO | given.get("gang", {})}
        | {"autoscaling": POLICY | given.get("autoscaling", {})}
    )


def level(per_s: float, duration_s: float, at_s: float = 0) -> dict[str, Any]:
    return {
        "shape": "ramp",
        "at_s": at_s,
        "duration_s": duration_s,
        "from_per_s": per_s,
        "to_per_s": per_s,
    }


def burst(requests: int, at_s: float = 0, duration_s: float = 1) -> dict[str, Any]:
    return {"shape": "burst", "at_s": at_s, "duration_s": duration_s, "requests": requests}
