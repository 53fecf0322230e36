"""The engine of one simulated rank: what it computes in which step."""

import heapq
from collections import deque
from dataclasses import dataclass, field

from configs.scenario import Gang
from deployments.scheduling.rank_load import RankLoad
from deployments.simulation.request import Request


@dataclass(slots=True, eq=False)
class Rank:
    """One simulated rank, which steps as vLLM's scheduler does.

    In each step every sequence gets a token, and then chunks of prompts are computed. `load` is
    exact at all times, as if the router heard of every step. The rank never preempts, and no prompt
    is cached.
    """

    load: RankLoad
    gang: Gang
    steps: int = 0
    prompts: deque[Request] = field(default_factory=deque)
    left_tokens: int = 0  # of the first of `prompts`
    chunk: int = 0  # of prompts, in the step that has begun
    # Each with the step in which it ends, as a heap.
    answers: list[tuple[int, int, Request]] = field(default_factory=list)

    def add(self, request: Request) -> None:
        """Add a request that `load` counts already."""
        if not self.prompts:
            self.left_tokens = request.ticket.prompt_tokens
        self.prompts.append(request)

    def begin(self) -> tuple[int, float]:
        """Begin the next steps.

        Returns how many steps from now on are alike, 0 when idle, and the seconds that the rank
        adds to each.
        """
        sequences = len(self.answers)
        if self.prompts:
            budget = max(1, self.gang.max_num_batched_tokens - sequences)
            self.chunk = min(budget, self.load.prefill_tokens)
            alike = 1
        else:
            self.chunk = 0
            alike = self.answers[0][0] - self.steps if sequences else 0
        step = self.gang.step
        return alike, step.prefill_token_s * self.chunk + step.sequence_s * sequences

    def end(self, steps: int) -> tuple[list[Request], list[Request]]:
        """End that many steps.

        Returns the requests that got a first token of this rank, and those that got their last.
        """
        self.steps += steps
        done = self._end()
        begun = self._prefill() if self.chunk else []
        return begun, done + [
            request for request in begun if request.produced >= request.answer_tokens
        ]

    def _prefill(self) -> list[Request]:
        begun, chunk = [], self.chunk
        self.load.prefill_tokens -= chunk
        while self.prompts and chunk >= self.left_tokens:
            request = self.prompts.popleft()
            chunk -= self.left_tokens
            self.left_tokens = self.prompts[0].ticket.prompt_tokens if self.prompts else 0
            request.produced += 1
            begun.append(request)
            if left := request.answer_tokens - request.produced:
                heapq.heappush(self.answers, (self.steps + left, request.number, request))
            else:
                self.load.release(request.ticket, started=True)
        self.left_tokens -= chunk
        return begun

    def _end(self) -> list[Request]:
        done = []
        while self.answers and self.answers[0][0] <= self.steps:
            *_, request = heapq.heappop(self.answers)
            request.produced = request.answer_tokens
            self.load.release(request.ticket, started=True)
            done.append(request)
        return done

    def unfinished(self) -> list[Request]:
        """Return all requests that the rank has, and set how many tokens each has produced."""
        for ends, _, request in self.answers:
            request.produced = request.answer_tokens - (ends - self.steps)
        return [*self.prompts, *(request for *_, request in self.answers)]
