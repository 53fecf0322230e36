"""The caller whose request is being served: set where it comes in, read where it is queued."""

from contextvars import ContextVar

from configs.keys import Key
from deployments.access.allowance import Allowance
from deployments.access.allowances import Allowances


class Caller:
    """One HTTP request of a key. It may hold several prompts, and each several answers (`n`)."""

    def __init__(self, allowance: Allowance, allowances: Allowances) -> None:
        self._allowance = allowance
        self._allowances = allowances
        self._counted: set[str] = set()

    @property
    def key(self) -> Key:
        return self._allowance.key

    async def prompt(self, request: str, tokens: int) -> None:
        """Count a prompt once for all its answers. Raises QuotaError if no tokens are left."""
        if request in self._counted:
            return
        self._counted.add(request)
        await self._allowances.prompt(self._allowance, tokens)

    def answer(self, tokens: int) -> None:
        self._allowance.spend(tokens)

    def headers(self) -> dict[str, str]:
        """Return rate-limit headers for the answer to the client."""
        return self._allowance.headers()


# None: the deployment is open.
caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
