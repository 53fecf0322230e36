"""A client of Ray Serve's REST API, which Ray's dashboard offers."""

from typing import Any

import httpx
from pydantic import BaseModel

from configs.environment import dashboard_address, ray_authorization
from configs.errors import ClusterError, ConfigError

_PATH = "/api/serve/applications/"


class DeploymentStatus(BaseModel):
    """Serve's status of one deployment of the application."""

    name: str
    status: str
    message: str
    running: int
    stopping: int
    replicas: int
    wanted: int

    @property
    def drains(self) -> bool:
        """Whether all is as wanted, but for replicas that end what they have begun."""
        others = self.replicas - self.running
        return self.running == self.wanted and 0 < self.stopping == others


class ApplicationStatus(BaseModel):
    """Serve's status of the application, such as `RUNNING`, `DEPLOYING` or `DEPLOY_FAILED`."""

    status: str
    message: str
    deployments: list[DeploymentStatus]


def _counted(states: list[str]) -> dict[str, int]:
    return {
        "running": states.count("RUNNING"),
        "stopping": states.count("STOPPING"),
        "replicas": len(states),
    }


class ServeApi:
    """Calls Ray Serve's REST API.

    Raises ClusterError if Ray refuses the token, doesn't answer or fails; only `reachable` returns
    False instead if Ray doesn't answer.
    """

    def __init__(self) -> None:
        self.address = dashboard_address()
        self._http = httpx.Client(
            base_url=self.address, headers=ray_authorization(), timeout=60, trust_env=False
        )

    def reachable(self) -> bool:
        try:
            response = self._http.get("/api/version", timeout=2)
        except httpx.HTTPError:
            return False
        self._refuse_strange_tokens(response)
        return response.is_success

    def deploy(self, config: dict[str, Any]) -> None:
        """Hand Serve a whole config.

        Raises ConfigError if Serve refuses the config, or if it would take other applications down.
        """
        wanted = {application.get("name") for application in config["applications"]}
        if others := sorted(set(self._applications()) - wanted):
            raise ConfigError(
                f"this cluster serves {', '.join(others)} already, and a Serve config replaces "
                "what isn't in it: add that application to the config, or use another cluster."
            )
        response = self._call("PUT", json=config)
        if response.status_code == httpx.codes.BAD_REQUEST:
            raise ConfigError(f"Ray Serve refuses the config: {response.text}")

    def status(self, application: str) -> ApplicationStatus | None:
        """Return the status of an application; None if there is no such application."""
        details = self._applications().get(application)
        if details is None:
            return None
        deployments = [
            DeploymentStatus(
                name=name,
                status=deployment["status"],
                message=deployment["message"],
                **_counted([replica["state"] for replica in deployment["replicas"]]),
                wanted=deployment["target_num_replicas"],
            )
            for name, deployment in details["deployments"].items()
        ]
        return ApplicationStatus(
            status=details["status"], message=details["message"], deployments=deployments
        )

    def shutdown(self) -> None:
        """Take all of Serve down, its HAProxy included."""
        self._call("DELETE")

    def _applications(self) -> dict[str, Any]:
        applications: dict[str, Any] = self._call("GET").json()["applications"]
        return applications

    def _call(self, method: str, **arguments: Any) -> httpx.Response:
        try:
            response = self._http.request(method, _PATH, **arguments)
        except httpx.HTTPError as error:
            raise ClusterError(
                f"Ray's dashboard at {self.address} doesn't answer ({error}). Is Ray running? "
                "RAY_DASHBOARD_ADDRESS names another one."
            ) from error
        self._refuse_strange_tokens(response)
        if response.is_server_error:
            raise ClusterError(f"Ray Serve failed: {response.text}")
        return response

    def _refuse_strange_tokens(self, response: httpx.Response) -> None:
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise ClusterError(
                f"Ray's dashboard at {self.address} refuses ({response.text}): give its token "
                "by RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token, as for Ray itself."
            )
