import httpx

from tests.served.deployed import Deployed


def test_a_client_that_hangs_up_frees_the_engine(deployed: Deployed) -> None:
    request = {
        "model": deployed.model,
        "messages": [{"role": "user", "content": "Go on for ever."}],
        "max_tokens": 3900,
        "min_tokens": 3900,
        "stream": True,
    }
    with httpx.stream(
        "POST", f"{deployed.url}/v1/chat/completions", json=request, timeout=60
    ) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("data: {")
        deployed.wait_until(lambda status: unfinished(status) == 1, timeout_s=60)
    # It has thousands of tokens to go: only an abort brings this about.
    deployed.wait_until(lambda status: unfinished(status) == 0, timeout_s=30)


def unfinished(status: dict[str, list[dict[str, int]]]) -> int:
    return sum(rank["requests"] for rank in status["ranks"])
