"""Trains nano from nothing, or goes on where an interrupted training stopped."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from model_shards.architecture import Architecture
from model_shards.training.batches import Batch, batches
from model_shards.training.model import fresh_model, loss
from model_shards.training.optimizers import optimizers
from model_shards.training.tokens import ConversationTokenizer

_WARMUP_BATCHES = 100
_DECAY_SHARE = 0.8  # of the training, at its end
_LOSS_MEMORY = 0.98
_SAVE_EVERY_POOLS = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that decide the result, beside the code and the machine's rounding."""

    seed: int = 0
    tokens: int = 9_300_000
    batch_tokens: int = 1536
    learning_rate: float = 1.2e-3


@dataclass(slots=True)
class Position:
    """The point that a training has reached; `loss` is a running mean in nats."""

    tokens: int = 0
    batches: int = 0
    pools: int = 0
    minutes: float = 0
    loss: float = float("nan")


class Training:
    """The training of one model; it goes on from the file `state` if that has the same recipe."""

    def __init__(
        self,
        architecture: Architecture,
        tokenizer: ConversationTokenizer,
        recipe: Recipe,
        state: Path,
    ) -> None:
        self.model = fresh_model(architecture, recipe.seed)
        self.recipe = recipe
        self.position = Position()
        self._tokenizer = tokenizer
        self._state = state
        self._optimizers = optimizers(self.model, recipe.learning_rate)
        if state.is_file():
            self._resume(torch.load(state, weights_only=True))

    def run(self, report: Callable[[Position], None]) -> None:
        """Train `model` to the end, and report after every batch."""
        self.model.train()
        while self.position.tokens < self.recipe.tokens:
            for batch in self._pool():
                self._step(batch)
                report(self.position)
            self.position.pools += 1
            if self.position.pools % _SAVE_EVERY_POOLS == 0:
                self._save()
        self._save()
        self.model.eval()

    def _pool(self) -> list[Batch]:
        recipe, at = self.recipe, self.position
        progress = at.tokens / recipe.tokens
        return batches(self._tokenizer, recipe.seed, at.pools, recipe.batch_tokens, progress)

    def _step(self, batch: Batch) -> None:
        at, started_s = self.position, time.monotonic()
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.learning_rate * pace(at, self.recipe.tokens)
        of_batch = loss(self.model, batch)
        of_batch.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        memory = _LOSS_MEMORY if at.batches else 0
        at.loss = memory * (at.loss if at.batches else 0) + (1 - memory) * of_batch.item()
        at.tokens += batch.ids.numel()
        at.batches += 1
        at.minutes += (time.monotonic() - started_s) / 60

    def _save(self) -> None:
        state = {
            "recipe": asdict(self.recipe),
            "position": asdict(self.position),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }
        self._state.parent.mkdir(parents=True, exist_ok=True)
        staged = self._state.with_suffix(".part")
        torch.save(state, staged)
        staged.replace(self._state)

    def _resume(self, state: dict[str, Any]) -> None:
        if state["recipe"] != asdict(self.recipe):
            return
        self.position = Position(**state["position"])
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def pace(at: Position, tokens: int) -> float:
    """Return the share of the learning rate: a short rise, a plateau, a line down to a fiftieth."""
    rise = (at.batches + 1) / _WARMUP_BATCHES
    fall = (1 - at.tokens / tokens) / _DECAY_SHARE
    return min(1, rise) * max(0.02, min(1, fall))
