"""The unfinished requests of a rank: which router sent each, and how much work it is."""

from collections import deque
from dataclasses import dataclass

from deployments.wire.blocks import in_blocks

# Few answers are longer than this quantile of the last ones; KV cache is promised by it.
_QUANTILE = 0.95
_REMEMBERED = 256
_FIRST_GUESS_TOKENS = 1024


@dataclass(slots=True)
class _Entry:
    router: bytes
    prefill_tokens: int  # yet to be computed
    prompt_tokens: int  # a continuation's earlier answer is among them
    promised_tokens: int
    answer_tokens: int = 0
    begun: bool = False
    after_steps: int = 0  # that the engine had begun when it got the request


class Ledger:
    """Counts a rank's unfinished requests and their work, after every request and every step."""

    def __init__(self, block_tokens: int = 1, least_answer_tokens: int = 1) -> None:
        """Promise cache in blocks, and `least_answer_tokens` to each answer that may be so long.

        Otherwise a rank whose last answers were short would promise too little to longer answers.
        """
        self._entries: dict[str, _Entry] = {}
        self._heard: dict[bytes, int] = {}
        self._answers: deque[int] = deque(maxlen=_REMEMBERED)
        self._block_tokens = block_tokens
        self._least_answer_tokens = least_answer_tokens
        self.answer_tokens = max(_FIRST_GUESS_TOKENS, least_answer_tokens)
        self.prefill_tokens = 0
        self.promised_tokens = 0
        self.begun = 0  # requests that the engine has
        self._begun_tokens = 0  # of the promised

    def __len__(self) -> int:
        return len(self._entries)

    def heard(self, router: bytes) -> int:
        """Return how many requests and aborts have ever come from a router."""
        return self._heard.get(router, 0)

    def add(
        self,
        router: bytes,
        request_id: str,
        prompt_tokens: int,
        max_tokens: int,
        cached_tokens: int = 0,
    ) -> None:
        """Count a new request; its router says that `cached_tokens` needn't be computed."""
        prefill_tokens = prompt_tokens - cached_tokens
        answer_tokens = min(max_tokens, self.answer_tokens)
        promised = in_blocks(prompt_tokens + answer_tokens, self._block_tokens)
        self._entries[request_id] = _Entry(router, prefill_tokens, prompt_tokens, promised)
        self._heard[router] = self.heard(router) + 1
        self.prefill_tokens += prefill_tokens
        self.promised_tokens += promised

    def begin(self, request_id: str, limit_tokens: int, steps: int = 0) -> bool | None:
        """Count a request as the engine's, which has begun `steps` so far.

        Return False if the engine's cache can't hold it too: several routers may send into the same
        room at once. A lone request always fits. Return None if the request has been dropped.
        """
        if (entry := self._entries.get(request_id)) is None:
            return None
        if self._begun_tokens and self._begun_tokens + entry.promised_tokens > limit_tokens:
            return False
        entry.begun, entry.after_steps = True, steps
        self.begun += 1
        self._begun_tokens += entry.promised_tokens
        return True

    def prefilled(self, tokens: int) -> None:
        """Count the prompt tokens of a step: the engine computes prompts in turn, in chunks."""
        for entry in self._entries.values():
            if not tokens:
                return
            if entry.begun:
                computed = min(tokens, entry.prefill_tokens)
                entry.prefill_tokens -= computed
                self.prefill_tokens -= computed
                tokens -= computed

    def step(self, request_id: str, new_tokens: int, *, finished: bool) -> bytes | None:
        """Count a step's new tokens of a request; return its router, or None if it was aborted."""
        entry = self._entries.get(request_id)
        if entry is None:
            return None
        if new_tokens:
            self.prefill_tokens -= entry.prefill_tokens
            entry.prefill_tokens = 0
        entry.answer_tokens += new_tokens
        if (tokens := entry.prompt_tokens + entry.answer_tokens) > entry.promised_tokens:
            promised = in_blocks(tokens, self._block_tokens)
            self.promised_tokens += promised - entry.promised_tokens
            self._begun_tokens += promised - entry.promised_tokens
            entry.promised_tokens = promised
        if finished:
            self._remember(entry.answer_tokens)
            self.drop(request_id)
        return entry.router

    def abort(self, router: bytes, request_ids: list[str]) -> list[str]:
        """Drop the requests that a router aborts; return those that were there."""
        self._heard[router] = self.heard(router) + len(request_ids)
        return [request_id for request_id in request_ids if self.drop(request_id)]

    def drop(self, request_id: str) -> bool:
        """Drop a request; return True if it was there."""
        entry = self._entries.pop(request_id, None)
        if entry is None:
            return False
        self.promised_tokens -= entry.promised_tokens
        if entry.begun:
            self.begun -= 1
            self._begun_tokens -= entry.promised_tokens
        self.prefill_tokens -= entry.prefill_tokens
        return True

    def in_steps(self, steps: int) -> tuple[str, ...]:
        """Return the requests that a step was begun with, if the engine has begun so many."""
        return tuple(
            request_id
            for request_id, entry in self._entries.items()
            if entry.begun and entry.after_steps < steps
        )

    def ids(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def of(self, router: bytes) -> list[str]:
        return [request_id for request_id, entry in self._entries.items() if entry.router == router]

    def forget(self, router: bytes) -> None:
        """Forget a router that is gone and whose requests have been dropped."""
        self._heard.pop(router, None)

    def _remember(self, tokens: int) -> None:
        self._answers.append(tokens)
        ordered = sorted(self._answers)
        quantile = ordered[int(_QUANTILE * (len(ordered) - 1))]
        self.answer_tokens = max(self._least_answer_tokens, quantile)
