"""Gives each kind of refused request its HTTP status; no other module does."""

from http import HTTPStatus

from starlette.responses import JSONResponse
from starlette.types import Scope
from vllm.exceptions import GracefulHTTPError

from configs import errors
from configs.errors import RefusedError
from deployments.front_end.error_form import in_form_of_api

_STATUS: dict[type[RefusedError], HTTPStatus] = {
    errors.UnknownKeyError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenModelError: HTTPStatus.FORBIDDEN,
    errors.BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    # The client should send less, or more slowly.
    errors.QuotaError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.LineFullError: HTTPStatus.TOO_MANY_REQUESTS,
    # Clients repeat what gets a status of 500 and above by themselves, and this mustn't be.
    errors.EndedEnginesError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnreadError: HTTPStatus.REQUEST_TIMEOUT,
    errors.TookTooLongError: HTTPStatus.GATEWAY_TIMEOUT,
    # The client did nothing wrong: it may try again.
    errors.WaitedTooLongError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NoGangError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CantMoveError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.BusyFetchingError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(refused: RefusedError) -> HTTPStatus:
    """Return the status that tells a client what to do about a refusal."""
    return _STATUS[type(refused)]


def answer(scope: Scope, refused: RefusedError) -> JSONResponse:
    """Make the response to a refused request, in the form of the API that was called."""
    response = in_form_of_api(scope, status_of(refused), str(refused))
    response.headers.update(refused.headers)
    return response


def as_vllm_error(refused: RefusedError) -> GracefulHTTPError:
    """Turn a refusal into the error that vLLM's handlers answer with its status and text."""
    return GracefulHTTPError(str(refused), status_of(refused))
