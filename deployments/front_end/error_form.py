"""Gives every error the form of the API that was called: OpenAI's, or Anthropic's for messages.

vLLM leaves unknown paths and methods to FastAPI, answers what doesn't validate in OpenAI's form
everywhere, and gives Anthropic's errors types of its own. Read from vLLM 0.32.
"""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope
from vllm.entrypoints.anthropic import api_router as anthropic
from vllm.entrypoints.serve.engine.protocol import ErrorInfo, ErrorResponse
from vllm.entrypoints.serve.exception_handling.handlers.http import http_exception_handler
from vllm.entrypoints.serve.exception_handling.handlers.validation import (
    validation_exception_handler,
)

from deployments.front_end.route_path import route_path

# https://docs.anthropic.com/en/api/errors
_ANTHROPIC_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_TIMEOUT: "timeout_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}


def install(app: FastAPI) -> None:
    """Handle the errors of an application, which must have all its routes and handlers."""
    anthropic.translate_error_response = anthropic_form
    app.exception_handler(HTTPException)(_on_http_error)
    app.exception_handler(RequestValidationError)(_on_invalid)
    # SageMaker's bootstrap, which vLLM runs, has built the stack of the handlers known till then.
    app.middleware_stack = None


def anthropic_form(error: ErrorResponse) -> JSONResponse:
    """Put an error in Anthropic's form: `{"type": "error", "error": {"type": …, "message": …}}`."""
    status = error.error.code
    other = "invalid_request_error" if status < 500 else "api_error"
    body = {"type": _ANTHROPIC_TYPES.get(status, other), "message": error.error.message}
    return JSONResponse({"type": "error", "error": body}, status_code=status)


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    path = request.url.path
    if error.status_code == HTTPStatus.NOT_FOUND:
        error.detail = f"There is no {path} here: /openapi.json lists what there is."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        error.detail = f"{path} doesn't take {request.method}: use {allowed}."
    return _form_for(request, await http_exception_handler(request, error))


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    return _form_for(request, await validation_exception_handler(request, error))


def in_form_of_api(scope: Scope, status: HTTPStatus, message: str) -> JSONResponse:
    """Make an error's response for middleware, whose errors don't reach the handlers."""
    error = ErrorResponse(error=ErrorInfo(message=message, type=status.phrase, code=status))
    answer = anthropic_form(error) if _is_anthropic(scope) else JSONResponse(error.model_dump())
    answer.status_code = status
    return answer


def _form_for(request: Request, answer: JSONResponse) -> Response:
    if not _is_anthropic(request.scope):
        return answer
    return anthropic_form(ErrorResponse.model_validate_json(answer.body))


def _is_anthropic(scope: Scope) -> bool:
    return route_path(scope).startswith("/v1/messages")
