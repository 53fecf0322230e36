"""What is compared."""

from enum import StrEnum


class Contender(StrEnum):
    """The servers, by the names they have in reports; measured in this order."""

    FLAGGED = "vllm serve, Mistral's flags"
    PLAIN = "vllm serve, no flags"
    SMALL4 = "small4"

    @property
    def slug(self) -> str:
        """For names of files."""
        return self.name.lower()
