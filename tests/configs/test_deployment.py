"""How long a request may take agrees with all that it may wait for."""

from typing import Any

import pytest
from pydantic import ValidationError

from configs.deployment import Deployment


def deployment(**args: Any) -> Deployment:
    return Deployment.model_validate({"model": {"source": "x"}, **args})


def test_a_router_drains_for_as_long_as_a_request_may_take() -> None:
    longest = deployment(limits={"request_s": 9000.5})
    assert longest.limits.connection_s > 9001
    assert longest.router_drain_s == longest.limits.connection_s
    assert deployment(routers={"drain_s": 7}).router_drain_s == 7


EAGLE = {"method": "eagle", "num_speculative_tokens": 3}
NGRAM = {"method": "ngram", "num_speculative_tokens": 3}


@pytest.mark.parametrize(
    ("speculative", "given", "named"),
    [
        (EAGLE, {}, r"model\.speculative\.draft: method eagle needs the directory"),
        (
            NGRAM,
            {"engine": {"speculative_config": NGRAM}},
            r"engine\.speculative_config: .* says it",
        ),
        (NGRAM | {"draft": "x"}, {}, r"draft: .*/x isn't for method ngram; remove it"),
        (NGRAM | {"max_model_len": 9}, {}, "max_model_len: 9 isn't for method ngram"),
        (EAGLE | {"draft": "x", "prompt_lookup_max": 4}, {}, "prompt_lookup_max: 4 isn't for"),
        (EAGLE | {"num_speculative_tokens": 0}, {}, "greater than or equal to 1"),
        (EAGLE | {"method": "owl"}, {}, "'eagle', 'draft_model' or 'ngram'"),
    ],
)
def test_guesses_that_cant_be_made_are_refused(
    speculative: dict[str, Any], given: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        deployment(model={"source": "x", "speculative": speculative}, **given)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"limits": {"request_s": 3000}}, r"admission\.waits\.batch_s: 3600 s"),
        ({"admission": {"waits": {"standard_s": 7200}}}, r"admission\.waits\.standard_s"),
        ({"survival": {"deadline_s": 8000}}, r"survival\.deadline_s: 8000 s"),
    ],
)
def test_a_wait_that_leaves_no_time_for_an_answer_is_refused(
    args: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named) as refused:
        deployment(**args)
    assert "limits.request_s" in str(refused.value)
