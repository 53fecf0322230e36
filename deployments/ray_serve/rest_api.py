"""A client of Ray Serve's REST API, which Ray's dashboard offers."""

import re
from collections.abc import Collection
from typing import Any

import httpx
from pydantic import BaseModel, Field

from configs.environment import dashboard_address, ray_authorization
from configs.errors import ClusterError, ConfigError

_PATH = "/api/serve/applications/"
_DELETING = "DELETING"


class DeploymentStatus(BaseModel):
    """Serve's status of one deployment of the application."""

    name: str
    status: str
    message: str
    running: int
    stopping: int
    replicas: int
    wanted: int
    old_running: int = 0  # of those that run, how many were started before the last deployment
    old: int = 0  # how many of all were

    @property
    def drains(self) -> bool:
        """Whether all is as wanted, but for replicas that end what they have begun."""
        others = self.replicas - self.running
        return self.running == self.wanted and 0 < self.stopping == others

    @property
    def keeps_old(self) -> bool:
        """Whether Serve replaces no old replica before others have ended what they have begun.

        It doesn't begin while there are more old ones than replicas are wanted. Read from Ray
        2.60.
        """
        return self.old_running > 0 and self.old > self.wanted


class ApplicationStatus(BaseModel):
    """Serve's status of the application, such as `RUNNING`, `DEPLOYING` or `DEPLOY_FAILED`."""

    name: str
    route_prefix: str | None
    status: str
    message: str
    deployments: list[DeploymentStatus]
    config: dict[str, Any] = Field(exclude=True)  # as it was deployed

    @property
    def reason(self) -> str:
        """What Serve says of the application and its deployments."""
        messages = [self.message, *(deployment.message for deployment in self.deployments)]
        return "\n".join(message.strip() for message in messages if message)

    def deployment(self, name: str) -> DeploymentStatus | None:
        """Return a deployment's status; None if there is no such deployment."""
        return next((status for status in self.deployments if status.name == name), None)


def stands_for(name: str, application: str) -> bool:
    """Tell whether an application has that name, or one that `small4 roll` makes from it."""
    return re.fullmatch(rf"{re.escape(application)}(-[0-9a-f]{{8}})?", name) is not None


def serving(
    applications: dict[str, ApplicationStatus], application: str
) -> ApplicationStatus | None:
    """Return the application of that name, or the one that a roll has put into its place."""
    family = {
        name: status for name, status in applications.items() if stands_for(name, application)
    }
    # During a roll the other one has its own name as address, or none.
    hidden = {None, *(f"/{name}" for name in family if name != application)}
    known = [status for status in family.values() if status.route_prefix not in hidden]
    return next(iter(known or family.values()), None)


def _counted(replicas: list[dict[str, Any]], deployed_s: float) -> dict[str, int]:
    states = [replica["state"] for replica in replicas]
    old = [replica["state"] for replica in replicas if (replica["start_time_s"] or 0) < deployed_s]
    return {
        "running": states.count("RUNNING"),
        "stopping": states.count("STOPPING"),
        "replicas": len(states),
        "old_running": old.count("RUNNING"),
        "old": len(old),
    }


def _status(details: dict[str, Any]) -> ApplicationStatus:
    deployments = [
        DeploymentStatus(
            name=name,
            status=deployment["status"],
            message=deployment["message"],
            **_counted(deployment["replicas"], details["last_deployed_time_s"]),
            wanted=deployment["target_num_replicas"],
        )
        for name, deployment in details["deployments"].items()
    ]
    return ApplicationStatus(
        name=details["name"],
        route_prefix=details["route_prefix"],
        status=details["status"],
        message=details["message"],
        deployments=deployments,
        config=details["deployed_app_config"] or {},
    )


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

    def deploy(self, config: dict[str, Any], instead_of: Collection[str] = ()) -> None:
        """Hand Serve a whole config.

        Raises ConfigError if Serve refuses the config, or if it would take down other applications
        than those that it is `instead_of`.
        """
        wanted = {application.get("name") for application in config["applications"]}
        if others := sorted(set(self.applications()) - wanted - set(instead_of)):
            raise ConfigError(
                f"this cluster serves {', '.join(others)} already, and a Serve config replaces "
                "what isn't in it: add that application to the config, or use another cluster."
            )
        response = self._call("PUT", json=config)
        if response.status_code == httpx.codes.BAD_REQUEST:
            raise ConfigError(f"Ray Serve refuses the config: {response.text}")

    def status(self, application: str) -> ApplicationStatus | None:
        """Return the status of an application, or of the one that took its place by a roll.

        Returns None if there is neither.
        """
        return serving(self.applications(), application)

    def applications(self) -> dict[str, ApplicationStatus]:
        """Return the status of every application that isn't being deleted, by name."""
        return {name: status for name, status in self._all().items() if status.status != _DELETING}

    def deleted(self) -> set[str]:
        """Return the names of applications that are let go, and may have streams left."""
        return {name for name, status in self._all().items() if status.status == _DELETING}

    def _all(self) -> dict[str, ApplicationStatus]:
        return {name: _status(details) for name, details in self._details()["applications"].items()}

    def proxy_hosts(self) -> list[str]:
        """Return the addresses of the nodes on which HAProxy runs, the head's first."""
        proxies = self._details()["proxies"].values()
        return [proxy["node_ip"] for proxy in proxies]

    def shutdown(self) -> None:
        """Take all of Serve down, its HAProxy included."""
        self._call("DELETE")

    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = self._call("GET").json()
        return details

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
