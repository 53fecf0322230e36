"""Kinds of traffic, as the experts that nano's tokens choose: one kind for each of its skills."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from safetensors.torch import load_file

from model_shards.nano import NANO, TRAINED_NANO
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.step_balance import Choices
from model_shards.skills.held_out import SKILLS, held_out
from model_shards.training.expert_load import chosen_experts
from model_shards.training.model import fresh_model
from model_shards.training.tokens import ConversationTokenizer
from model_shards.transformers_weights import to_transformers

EXPERTS = NANO.moe.num_experts
LAYERS = NANO.n_layers
TOP_K = NANO.moe.num_experts_per_tok


@dataclass(frozen=True, slots=True)
class Kind:
    """The choices of one kind's prompts, and of all its answers' tokens."""

    name: str
    prompts: tuple[Choices, ...]
    answers: Choices

    @property
    def choices(self) -> Choices:
        return np.concatenate([*self.prompts, self.answers])


def kinds(questions: int) -> tuple[Kind, ...]:
    """Let trained nano read held-out questions of each skill with their right answers."""
    model = fresh_model(NANO, seed=0).eval()
    files = sorted(TRAINED_NANO.glob("*.safetensors"))
    tensors = {name: tensor for file in files for name, tensor in load_file(file).items()}
    model.load_state_dict(to_transformers(NANO, tensors))
    tokenizer = ConversationTokenizer(TRAINED_NANO)

    def kind(skill: str) -> Kind:
        examples = [tokenizer.encode(held_out(skill, seed)) for seed in range(questions)]
        chosen = [chosen_experts(model, example).numpy() for example in examples]
        answers = [np.array(example.answer) for example in examples]
        pairs = list(zip(chosen, answers, strict=True))
        return Kind(
            skill,
            prompts=tuple(choices[~answer] for choices, answer in pairs),
            answers=np.concatenate([choices[answer] for choices, answer in pairs]),
        )

    return tuple(kind(skill) for skill in SKILLS)


def recorded(given: Iterable[Choices]) -> ExpertLoad:
    """Count choices as `small4 shard record` does."""
    choices = np.concatenate(list(given))
    return ExpertLoad(
        tokens=tuple(
            tuple(np.bincount(choices[:, layer].ravel(), minlength=EXPERTS).tolist())
            for layer in range(choices.shape[1])
        )
    )


def prefill(given: Sequence[Kind]) -> Choices:
    """Return prompts' tokens, prompt after prompt in random order, as chunked prefill has them."""
    prompts = [prompt for kind in given for prompt in kind.prompts]
    order = np.random.default_rng(0).permutation(len(prompts))
    return np.concatenate([prompts[number] for number in order])


def decode(given: Sequence[Kind]) -> Choices:
    """Return answers' tokens in random order: those of a step are of as many sequences."""
    answers = np.concatenate([kind.answers for kind in given])
    return np.random.default_rng(0).permutation(answers)
