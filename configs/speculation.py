"""Speculative decoding: tokens are guessed, and the model checks several in one step."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from configs.schema import PROJECT_ROOT, PositiveInt, Strict

DRAFT = "draft"  # the directory of the draft head within a shard set


class Speculative(Strict):
    """How tokens are guessed; names besides `draft` are those of vLLM's `speculative_config`.

    Other methods and arguments go into `engine.speculative_config`, instead of this.
    """

    method: Literal["eagle", "draft_model", "ngram"] = Field(
        description="By a head that was trained for the model, by a small model, or by what the "
        "answer or its prompt has said before."
    )
    num_speculative_tokens: PositiveInt = Field(description="Guessed for each step.")
    draft: Path | None = Field(
        default=None,
        description="Directory, on every node, of the head or the small model, in Mistral format; "
        "by default the one that travels with the shard set.",
    )
    max_model_len: PositiveInt | None = Field(
        default=None, description="Longer sequences get no guesses from the head or small model."
    )
    prompt_lookup_max: PositiveInt | None = Field(
        default=None, description="Most tokens of an n-gram."
    )
    prompt_lookup_min: PositiveInt | None = Field(
        default=None, description="Fewest tokens of an n-gram."
    )

    @field_validator("draft")
    @classmethod
    def _absolute(cls, draft: Path | None) -> Path | None:
        return draft and PROJECT_ROOT / draft.expanduser()

    @model_validator(mode="after")
    def _of_the_method(self) -> Self:
        others = (
            ("prompt_lookup_max", "prompt_lookup_min")
            if self.drafts
            else ("draft", "max_model_len")
        )
        for name in others:
            if (value := getattr(self, name)) is not None:
                raise ValueError(f"{name}: {value} isn't for method {self.method}; remove it")
        return self

    @property
    def drafts(self) -> bool:
        """Whether weights of their own make the guesses."""
        return self.method != "ngram"

    def arguments(self, draft: Path | None) -> dict[str, Any]:
        """Return vLLM's `speculative_config`, with the directory of the head or small model."""
        given = self.model_dump(exclude={"draft"}, exclude_none=True)
        return given | ({"model": str(draft)} if draft else {})
