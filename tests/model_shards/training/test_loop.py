"""The loop on a model of one layer; what nano learns by it is tested where it is served."""

from pathlib import Path

import pytest
import torch

from model_shards.nano import NANO
from model_shards.tekken import small_tekken
from model_shards.training import batches, loop
from model_shards.training.loop import Position, Recipe, Training, pace
from model_shards.training.tokens import ConversationTokenizer

TINY = NANO.model_copy(
    update={"dim": 32, "n_layers": 1, "moe": NANO.moe.model_copy(update={"num_experts": 4})}
)
RECIPE = Recipe(tokens=20_000, learning_rate=0.02)


@pytest.fixture(autouse=True)
def small_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_POOL", 24)


@pytest.fixture
def tokenizer(tmp_path: Path) -> ConversationTokenizer:
    (tmp_path / "tekken.json").write_text(small_tekken(TINY))
    return ConversationTokenizer(tmp_path)


def test_an_interrupted_training_ends_as_an_undisturbed_one(
    tokenizer: ConversationTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SAVE_EVERY_POOLS", 1)
    losses: list[float] = []
    whole = Training(TINY, tokenizer, RECIPE, tmp_path / "whole.pt")
    whole.run(lambda at: losses.append(at.loss))
    expected = whole.model.state_dict()
    assert losses[-1] < losses[0]

    def interrupt(at: Position) -> None:
        if at.pools == 1:
            raise KeyboardInterrupt

    state = tmp_path / "state.pt"
    with pytest.raises(KeyboardInterrupt):
        Training(TINY, tokenizer, RECIPE, state).run(interrupt)
    resumed = Training(TINY, tokenizer, RECIPE, state)
    assert resumed.position.pools == 1
    resumed.run(lambda at: None)
    assert resumed.position.batches == whole.position.batches
    assert resumed.position.loss == pytest.approx(whole.position.loss, rel=1e-5)
    for name, weight in resumed.model.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0.01, atol=0.001)


def test_another_recipe_starts_anew(tokenizer: ConversationTokenizer, tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    Training(TINY, tokenizer, Recipe(tokens=1), state).run(lambda at: None)
    assert Training(TINY, tokenizer, Recipe(tokens=1), state).position.batches > 0
    assert Training(TINY, tokenizer, Recipe(tokens=2), state).position == Position()


def test_the_pace_rises_stays_and_falls() -> None:
    shares = [
        pace(Position(tokens=tokens, batches=batches), 1000)
        for tokens, batches in ((0, 0), (100, 99), (400, 400), (700, 700), (1000, 1000))
    ]
    assert shares == pytest.approx([0.01, 1, 0.75, 0.375, 0.02])
