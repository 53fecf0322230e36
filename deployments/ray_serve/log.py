"""Keeps Ray Serve's log open in a replica that imports vLLM.

vLLM sets its log up by `dictConfig`, and that closes every handler of the process. Serve's replica
would write nothing from then on, and a restarted controller, which asks each replica for its log
file, would replace them all. Read from Ray 2.60 and vLLM 0.32.
"""

import logging.config


def keep_log_open() -> None:
    """Keep log handlers open, in this process.

    Must be called before anything of vLLM is imported.
    """
    logging.config._clearExistingHandlers = _leave_existing_handlers  # type: ignore[attr-defined]


def _leave_existing_handlers() -> None:
    pass
