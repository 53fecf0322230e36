"""`small4 serve` and `small4 stop`: bring a deployment up, and take it down."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cluster.local_ray import LocalRay
from cluster.running_haproxy import cuts_s, running_config
from configs.environment import authorization, state_directory
from configs.errors import ClusterError, ConfigError
from configs.exposure import is_loopback, refuse_to_expose
from configs.keys import KeysFile
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.errors import reported
from deployments.cli.shard_set import prepare
from deployments.ray_serve.rest_api import ApplicationStatus, DeploymentStatus, ServeApi
from deployments.rolling.applications import same

out = Console(highlight=False)

_RAY_START_TIMEOUT_S = 120
_RESEND_AFTER_S = 10
_DRAINS_FOR_S = 5  # many turns of Serve's control loop: nothing else is left to do
_IDLE_DRAINS_FOR_S = 60  # a router without streams has gone by then


def serve(
    config: Annotated[Path, typer.Argument(help="A Ray Serve config file.")] = DEFAULT_CONFIG,
    detach: Annotated[bool, typer.Option(help="Return once it serves.")] = False,
) -> None:
    """Serve the model: start Ray if none runs, deploy, wait until healthy, ask one question."""
    with reported():
        file = ServeFile.load(config)
        check_access(file)
        prepare(file.deployment)
        api = ServeApi()
        ray = None if api.reachable() else LocalRay.start(file.deployment, file.port)
        # A SIGTERM, too, must take Serve and Ray down.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if ray is not None:
                _wait_for_ray(api, ray)
            all_new = _deploy(api, file)
            if (warning := cuts(file, running_config())) is not None:
                out.print(f"[yellow]{warning}[/]")
            _greet(file, ask=all_new)
            if detach:
                out.print("It goes on in the background: `small4 status`, `small4 stop`.")
                return
            out.print("Ctrl-C stops it.")
            threading.Event().wait()
        except KeyboardInterrupt:
            _take_down(api, ray)
        except BaseException:
            if ray is not None:
                _take_down(api, ray)
            raise


def stop() -> None:
    """Take the deployment down, and Ray if `small4 serve` started it."""
    with reported():
        api = ServeApi()
        if not api.reachable() and LocalRay.find() is None:
            out.print("Nothing runs.")
            return
        _take_down(api, LocalRay.find())


def check_access(file: ServeFile) -> None:
    """Refuse keys that can't be read, and an open deployment that others could reach."""
    access = file.deployment.access
    try:
        refuse_to_expose(access, file.host)
        if access.keys_file is not None:
            KeysFile.load(access.keys_file)
    except ConfigError as error:
        raise ConfigError(f"{file.path}: {error}") from None
    if not access.keyed:
        reach = "this machine" if is_loopback(file.host) else "the whole network"
        out.print(f"[yellow]No keys are set: anybody on {reach} may send requests.[/]")


def _wait_for_ray(api: ServeApi, ray: LocalRay) -> None:
    log = state_directory() / "ray.log"
    deadline_s = time.monotonic() + _RAY_START_TIMEOUT_S
    with out.status("starting Ray …"):
        while not api.reachable():
            if not ray.running():
                raise ClusterError(f"Ray didn't start; its log, {log}, ends:\n{_tail(log)}")
            if time.monotonic() > deadline_s:
                raise ClusterError(f"Ray isn't up after {_RAY_START_TIMEOUT_S} s; see {log}")
            time.sleep(0.5)


def _deploy(api: ServeApi, file: ServeFile) -> bool:
    """Send the config, and show each deployment's replicas until all of them run.

    Returns False if routers of the config before go on until streams have ended. Raises
    ClusterError if the deployment fails.
    """
    before, config = api.status(file.application), _as_running(api, file)
    anew = before is None or not same(before.config, file.raw_application)
    api.deploy(config)
    sent_s = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out) as progress:
        bars: dict[str, TaskID] = {}
        busy_s = sent_s
        while True:
            status = api.status(file.application)
            if status is None and time.monotonic() - sent_s > _RESEND_AFTER_S:
                # A Serve that was just going down has forgotten the config.
                api.deploy(config)
                sent_s = time.monotonic()
            if status is not None and status.status in ("DEPLOY_FAILED", "UNHEALTHY"):
                raise ClusterError(f"the deployment failed:\n{status.reason}")
            _show(progress, bars, status.deployments if status else [])
            if status is not None and status.status == "RUNNING":
                return True
            if status is None or not only_streams_are_left(status, anew=anew):
                busy_s = time.monotonic()
            else:
                keeps_old = anew and any(each.keeps_old for each in status.deployments)
                if time.monotonic() - busy_s > (_IDLE_DRAINS_FOR_S if keeps_old else _DRAINS_FOR_S):
                    out.print(
                        "Streams go on at routers that are let go, for at most "
                        f"{file.deployment.router_drain_s:g} s."
                    )
                    return not keeps_old
            time.sleep(1)


def _as_running(api: ServeApi, file: ServeFile) -> dict[str, Any]:
    """Return the config, for the application that a roll has put into this one's place."""
    status, application = api.status(file.application), file.raw_application
    if status is None:
        return file.raw
    applications = [
        {**other, "name": status.name} if other is application else other
        for other in file.raw["applications"]
    ]
    return {**file.raw, "applications": applications}


def only_streams_are_left(status: ApplicationStatus, *, anew: bool) -> bool:
    """Tell whether all is done, but for streams at routers that are let go.

    They may take hours; Serve calls such an application DEPLOYING. If all replicas are to be made
    `anew`, routers from before are still to be replaced, unless that has to wait for those streams.
    """
    others = [deployment for deployment in status.deployments if deployment.status != "HEALTHY"]
    return bool(others) and all(
        deployment.name == "Router"
        and deployment.drains
        and (not anew or not deployment.old_running or deployment.keeps_old)
        for deployment in others
    )


def cuts(file: ServeFile, haproxy: str | None) -> str | None:
    """Say what cuts requests sooner than the config allows them to take; None if nothing does.

    `haproxy` is the config of the HAProxy that runs, which has what Ray's environment said when Ray
    was started.
    """
    limits = file.deployment.limits
    found: dict[str, float] = dict(cuts_s(haproxy or ""))
    if file.request_timeout_s:
        found["http_options.request_timeout_s"] = file.request_timeout_s
    sooner = [f"{name} {cut:g} s" for name, cut in found.items() if cut < limits.connection_s]
    if not sooner:
        return None
    return (
        f"Requests may take {limits.request_s:g} s (limits.request_s), but are cut sooner, by "
        f"{', '.join(sooner)}. Lower limits.request_s; or remove http_options.request_timeout_s if "
        f"it is named, and start Ray again, as `small4 serve` or a rendered cluster does it, with "
        f"{limits.connection_s} s."
    )


def _show(progress: Progress, bars: dict[str, TaskID], deployments: list[DeploymentStatus]) -> None:
    for gone in bars.keys() - {deployment.name for deployment in deployments}:
        progress.remove_task(bars.pop(gone))  # of gangs of another size
    for deployment in deployments:
        name, running, wanted = deployment.name, deployment.running, deployment.wanted
        text = f"{name}: {running} of {wanted} up"
        if name not in bars:
            bars[name] = progress.add_task(text, total=1)
        done = deployment.status == "HEALTHY" and running == wanted
        progress.update(bars[name], description=text, completed=int(done))


def _greet(file: ServeFile, *, ask: bool) -> None:
    """Wait until the API answers, and stream one chat request, as a client would."""
    url, model = f"{file.url}/v1", file.deployment.model.name
    _wait_for_answer(f"{file.url}/health")
    out.print(f"small4 ready: {url} model={model}")
    if file.deployment.access.keyed and not authorization():
        out.print("It takes keys: with one in SMALL4_API_KEY it would be asked a question here.")
        return
    scaling = file.deployment.gangs.autoscaling
    if scaling is not None and scaling.min_gangs == 0:
        out.print("No gang is up: the first request wakes one, and waits for it.")
        return
    if not ask:
        out.print(
            "Until then the other routers have the config from before, and use no gang whose "
            "engines or weights it would not make. `small4 roll` changes all of it at once."
        )
        return
    try:
        _ask(f"{url}/chat/completions", model)
    except httpx.HTTPError as error:
        raise ClusterError(f"it serves, but a question had no answer: {error!r}") from error


def _ask(url: str, model: str) -> None:
    question = "What do you serve?"
    out.print(f"[dim]> {question}[/]")
    with httpx.stream(
        "POST",
        url,
        json={
            "model": model,
            "messages": [{"role": "user", "content": question}],
            "max_tokens": 64,
            "temperature": 0,
            "stream": True,
        },
        headers=authorization(),
        timeout=120,
        trust_env=False,
    ) as response:
        if not response.is_success:
            out.print(f"It refuses the question: {response.read().decode()}", markup=False)
            return
        for delta in _deltas(response):
            out.print(delta, end="", markup=False)
    out.print()


def _wait_for_answer(url: str) -> None:
    # HAProxy learns of a router a moment after Serve calls it healthy.
    for _ in range(60):
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise ClusterError(f"the deployment is healthy, but {url} doesn't answer")


def _deltas(response: httpx.Response) -> Iterator[str]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            for choice in json.loads(line.removeprefix("data: "))["choices"]:
                yield choice["delta"].get("content") or ""


def _take_down(api: ServeApi, ray: LocalRay | None) -> None:
    with out.status("stopping …"):
        if ray is not None:
            ray.stop()
        elif api.reachable():
            api.shutdown()
    out.print("Stopped." if ray else "Stopped; Ray, which small4 didn't start, runs on.")


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
