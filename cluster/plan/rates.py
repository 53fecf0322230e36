"""Tokens per second of a gang, by how full it is, and what they cost."""

from dataclasses import dataclass

from cluster.plan.roofline import Roofline
from configs.serving import Serving

LENGTHS_TOKENS = (4_096, 32_768, 262_144)
_SEQUENCES = (1, 8, 32, 128, 512)  # of a rank
_PER_MILLION = 1e6 / 3600


@dataclass(frozen=True, slots=True)
class Rate:
    """The best decode rate of a gang whose ranks all have as many sequences of one length."""

    sequences: int  # of each rank
    tokens: int  # of each sequence
    step_s: float  # from one token of a sequence to the next
    tokens_per_s: float  # of the gang
    bound: str
    usd_per_million: float | None  # of tokens that come out


@dataclass(frozen=True, slots=True)
class Prefill:
    """The best prefill rate of a gang that does nothing else."""

    tokens: int  # of each prompt
    tokens_per_s: float
    bound: str
    usd_per_million: float | None  # of tokens that go in


def decode_rates(
    roofline: Roofline, serving: Serving, kv_tokens: int, usd_per_hour: float | None
) -> tuple[Rate, ...]:
    """Return rates for every length, with as many sequences as cache and `max_num_seqs` allow."""
    rates = []
    for tokens in _lengths(serving):
        most = min(serving.max_num_seqs, kv_tokens // tokens)
        for sequences in sorted({*(n for n in _SEQUENCES if n < most), most}):
            step = roofline.decode(sequences, tokens)
            per_s = sequences * roofline.shape.ranks / step.seconds
            rates.append(
                Rate(
                    sequences=sequences,
                    tokens=tokens,
                    step_s=step.seconds,
                    tokens_per_s=per_s,
                    bound=step.bound,
                    usd_per_million=_usd(usd_per_hour, per_s),
                )
            )
    return tuple(rates)


def prefill_rates(
    roofline: Roofline, serving: Serving, usd_per_hour: float | None
) -> tuple[Prefill, ...]:
    """Return rates for every length, in steps of `max_num_batched_tokens`."""
    rates = []
    for tokens in _lengths(serving):
        step = roofline.prefill(serving.max_num_batched_tokens, tokens)
        per_s = serving.max_num_batched_tokens * roofline.shape.ranks / step.seconds
        rates.append(Prefill(tokens, per_s, step.bound, _usd(usd_per_hour, per_s)))
    return tuple(rates)


def _lengths(serving: Serving) -> tuple[int, ...]:
    within = tuple(tokens for tokens in LENGTHS_TOKENS if tokens <= serving.max_model_len)
    return within or (serving.max_model_len,)


def _usd(usd_per_hour: float | None, per_s: float) -> float | None:
    return None if usd_per_hour is None else usd_per_hour / per_s * _PER_MILLION
