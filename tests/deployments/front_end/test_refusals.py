import json
from collections.abc import Iterator

import pytest
from starlette.responses import JSONResponse
from vllm.entrypoints.serve.exception_handling.error_response import create_error_response

from configs.errors import RefusedError
from deployments.front_end.refusals import answer, as_vllm_error, status_of

# The types that Anthropic's clients know by their statuses.
ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    408: "timeout_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def kinds(base: type[RefusedError] = RefusedError) -> Iterator[type[RefusedError]]:
    """Yield the classes of refusals, which are the leaves of the tree below RefusedError."""
    for kind in base.__subclasses__():
        if kind.__subclasses__():
            yield from kinds(kind)
        else:
            yield kind


every_kind = pytest.mark.parametrize("kind", list(kinds()))


def refused(kind: type[RefusedError]) -> RefusedError:
    return kind("Not now.", {"X-Reason": "test", "Retry-After": "7"})


def answer_at(path: str, kind: type[RefusedError], prefix: str = "") -> JSONResponse:
    scope = {"type": "http", "root_path": prefix, "path": prefix + path}
    return answer(scope, refused(kind))


@every_kind
def test_every_refusal_has_a_status_of_an_error(kind: type[RefusedError]) -> None:
    assert status_of(refused(kind)) in ANTHROPIC_TYPES


@every_kind
def test_an_answer_has_openais_form(kind: type[RefusedError]) -> None:
    response = answer_at("/v1/chat/completions", kind)
    status = status_of(refused(kind))
    error = {"message": "Not now.", "type": status.phrase, "code": status, "param": None}
    assert response.status_code == status
    assert json.loads(bytes(response.body)) == {"error": error}


@every_kind
@pytest.mark.parametrize("prefix", ["", "/small4"])
def test_an_answer_to_messages_has_anthropics_form(kind: type[RefusedError], prefix: str) -> None:
    response = answer_at("/v1/messages", kind, prefix)
    status = status_of(refused(kind))
    assert response.status_code == status
    assert json.loads(bytes(response.body)) == {
        "type": "error",
        "error": {"type": ANTHROPIC_TYPES[status], "message": "Not now."},
    }


@every_kind
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_an_answer_has_the_refusals_headers(kind: type[RefusedError], path: str) -> None:
    headers = answer_at(path, kind).headers
    assert headers["content-type"] == "application/json"
    assert (headers["x-reason"], headers["retry-after"]) == ("test", "7")


@every_kind
def test_vllms_handlers_answer_with_the_same_status_and_text(kind: type[RefusedError]) -> None:
    error = as_vllm_error(refused(kind))
    assert (str(error), error.http_status) == ("Not now.", status_of(refused(kind)))
    answered = create_error_response(error).error
    assert (answered.message, answered.code) == ("Not now.", status_of(refused(kind)))
