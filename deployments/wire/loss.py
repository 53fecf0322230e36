"""What a rank says of its own end: briefly to routers, and with all details to the roster."""

from enum import IntEnum
from typing import Annotated

import msgspec
from pydantic import Field

from configs.schema import Strict


class How(IntEnum):
    """How a rank was lost; of several ranks of a gang, the first of these is the cause."""

    KILLED = 0  # a process of its was ended by a signal
    STOPPED = 1  # a process of its was stopped (SIGSTOP)
    VANISHED = 2  # nothing was heard of its replica any more
    FAILED = 3  # a process of its has ended by itself
    SILENT = 4  # its steps don't advance
    WAITING = 5  # it hung or failed in an operation that needs the other ranks


class Death(msgspec.Struct, array_like=True, frozen=True):
    """How a rank's engine ended, and how many steps it had begun.

    `suspects` are the requests that may have ended it, by their ids at this rank. Others may be on
    their way to it.
    """

    how: How
    steps: int
    suspects: tuple[str, ...] = ()


class Loss(Strict):
    """The end of one rank, with what its processes were doing."""

    gang: str
    rank: int
    ranks: int
    node: str
    how: How
    doing: str
    steps: int = 0  # that its engine has begun: in a gang, who has fewest is waited for
    start_s: Annotated[float, Field(ge=0)] = 0.0  # how long its start took
    lived_s: Annotated[float, Field(ge=0)] = 0.0  # since it was up
