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
