import asyncio
import socket

import pytest

from configs.errors import BenchError
from deployments.chaos.questions import Question, questions
from deployments.chaos.traffic import End, Sent, Traffic
from tests.deployments.chaos.fake_server import CUT_HEAD, HEAD, answering, chunk, event, usage

ASKED = [Question("short chat", "/chat/completions", {"messages": [], "temperature": 0})]
WHOLE = [
    HEAD,
    event(chunk("a", [1])),
    event(chunk("b", [2], "length")),
    event(usage(2)),
    event(b"[DONE]"),
]
_BODY = b'{"error": {"message": "full", "code": 503}}'
_REFUSAL = b"HTTP/1.1 503 no\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


def asked(*pieces: bytes, hang: bool = False) -> Sent:
    """Ask once, in a closed loop that is stopped at once; return what its client saw."""

    async def ask() -> Sent:
        async with answering(*pieces, hang=hang) as url:
            return await once(url)

    return asyncio.run(ask())


async def once(url: str) -> Sent:
    traffic = Traffic(url, "m", ASKED, clients=1, stall_s=1)
    running = asyncio.create_task(traffic.run(seed=1))
    await asyncio.sleep(0)  # each client has begun its first request
    await asyncio.sleep(0)
    traffic.stop()
    await running
    await traffic.close()
    (sent,) = traffic.sent
    return sent


def test_an_answer_is_kept_with_its_times() -> None:
    sent = asked(*WHOLE)
    assert (sent.end, sent.id, sent.answer.completion_tokens) == (End.FINISHED, "chatcmpl-7", 2)
    assert (sent.answer.choices[0].text, sent.answer.choices[0].tokens) == ("ab", [1, 2])
    assert len(sent.tokens_s) == 2
    assert sent.sent_s <= sent.tokens_s[0] <= sent.tokens_s[1] <= sent.ended_s


@pytest.mark.parametrize(
    ("pieces", "hang", "end", "message"),
    [
        ([_REFUSAL], False, End.STATUS, "503: "),
        (
            [HEAD, event(chunk("a", [1])), event({"error": {"message": "no"}})],
            False,
            End.EVENT,
            "no",
        ),
        ([CUT_HEAD, event(chunk("a", [1]))], False, End.CUT, "RemoteProtocolError"),
        ([], False, End.CUT, "RemoteProtocolError"),
        (WHOLE[:3], False, End.CUT, "without a finish reason or usage"),
        (WHOLE[:2], True, End.STALLED, "ReadTimeout"),
    ],
    ids=["status", "event", "cut", "no answer", "no usage", "stalled"],
)
def test_how_a_request_fails(pieces: list[bytes], hang: bool, end: End, message: str) -> None:
    sent = asked(*pieces, hang=hang)
    assert sent.end is end
    assert message in sent.message


@pytest.mark.parametrize(("body", "from_proxy"), [(_BODY, False), (b"<html>no</html>", True)])
def test_an_error_that_is_not_the_apis_comes_from_a_proxy(body: bytes, from_proxy: bool) -> None:
    sent = asked(b"HTTP/1.1 500 no\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    assert (sent.end, sent.from_proxy) == (End.STATUS, from_proxy)


def test_a_port_where_nobody_listens_refuses() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert asyncio.run(once(url)).end is End.REFUSED


def test_undisturbed_requests_must_be_answered() -> None:
    async def ask() -> None:
        async with answering(_REFUSAL) as url:
            await Traffic(url, "m", ASKED, clients=1, stall_s=1).answers()

    with pytest.raises(BenchError, match="'short chat' fails: 503"):
        asyncio.run(ask())


def test_questions_differ_and_are_of_all_sorts() -> None:
    made = questions()
    assert len({repr(question.body) for question in made}) == len(made) >= 40
    assert {question.sort for question in made} >= {"tools", "JSON", "image", "n=2", "batch"}
