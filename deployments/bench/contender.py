"""What is compared."""

from enum import StrEnum


class Contender(StrEnum):
    """The servers, by the names they have in reports; measured in this order."""

    FLAGGED = "vllm serve with flags"  # those that Mistral recommends
    PLAIN = "vllm serve without"
    SMALL4 = "small4"

    @property
    def slug(self) -> str:
        """For names of files."""
        return self.name.lower()
