"""The servers that are compared."""

from enum import StrEnum


class Contender(StrEnum):
    """A server, by its name in reports; servers are measured in this order."""

    FLAGGED = "vllm serve with flags"  # those that Mistral recommends
    PLAIN = "vllm serve without"
    SMALL4 = "small4"

    @property
    def slug(self) -> str:
        """The name as it stands in file names."""
        return self.name.lower()
