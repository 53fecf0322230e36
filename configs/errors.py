"""Every error small4 raises on purpose. A message names the field, its value and the remedy."""


class Small4Error(Exception):
    """Root of the tree; the command line prints it without a traceback."""


class ConfigError(Small4Error):
    """A YAML file or a builder argument that can't be served."""


class FitError(ConfigError):
    """A model that doesn't fit the machines that a manifest gives it."""


class CheckpointError(Small4Error):
    """A checkpoint that is missing, incomplete or of another format."""


class StoreError(Small4Error):
    """A shard set in S3, or its copy here, that can't be reached, read or written."""


class ClusterError(Small4Error):
    """Ray or Serve isn't up, or something else is in its place."""


class BenchError(Small4Error):
    """A server or the client of a bench failed, or a result can't be compared."""
