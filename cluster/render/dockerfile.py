"""The image of a cluster's pods: the project, and every package of the lock file."""


def dockerfile(hardware: str) -> str:
    """Return the Dockerfile; `docker build` is to be called in the project's directory."""
    return f"""\
# The image of the cluster's pods: made by `small4 cluster render`.
FROM debian:bookworm-slim

# Python; its headers and a C compiler for the kernels that are compiled in the pod; what the
# operator's probes call.
RUN apt-get update && apt-get install --yes --no-install-recommends \\
      python3.11-venv python3.11-dev build-essential ca-certificates wget \\
    && rm -rf /var/lib/apt/lists/*

WORKDIR /small4
COPY Makefile pyproject.toml README.md LICENSE requirements-{hardware}.lock ./
COPY configs configs
COPY model_shards model_shards
COPY cluster cluster
COPY deployments deployments
RUN make setup HARDWARE={hardware} && rm -rf /root/.cache

ENV PATH=/small4/.venv/bin:$PATH
"""
