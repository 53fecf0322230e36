import httpx
import pytest

from tests.system.served.deployed import Deployed


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_frees_the_engine(deployed: Deployed, stream: bool) -> None:
    request = {
        "model": deployed.model,
        "messages": [{"role": "user", "content": "Go on for ever."}],
        "max_tokens": 3900,
        "min_tokens": 3900,
        "temperature": 0,
        "stream": stream,
    }
    url = f"{deployed.url}/v1/chat/completions"
    deployed.wait_until(lambda status: unfinished(status) == 0, timeout_s=60)
    if stream:
        with httpx.stream("POST", url, json=request, timeout=60) as answer:
            lines = answer.iter_lines()  # kept: an iterator that goes closes the stream
            assert next(lines).startswith("data: {")
            deployed.wait_until(lambda status: unfinished(status) == 1, timeout_s=60)
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=request, timeout=5)
    # It has thousands of tokens to go: only an abort brings this about.
    deployed.wait_until(lambda status: unfinished(status) == 0, timeout_s=20)


def unfinished(status: dict[str, list[dict[str, int]]]) -> int:
    return sum(rank["requests"] for rank in status["ranks"])
