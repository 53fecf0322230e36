"""`make bench`: small4's router beside `vllm serve`, with and without Mistral's flags.

The three servers run on one machine, with one rank each. They get the same nano, the same engine
arguments and the same client. Timings on two cores are noisy, so the servers take turns within a
round, and several rounds are compared.

All three servers stay up, and the two that aren't measured are frozen (SIGSTOP). A restart in each
round would take longer than all the measuring. Servers that idle would take CPU time from the one
that is measured: over a minute, on two cores, each `vllm serve` took 2% of a core, and small4 18%,
nearly all of it in Ray's own processes. A Ray that was frozen for 90 s answers 2 s after it is
resumed, and restarts nothing. The three servers together need 11 GB.

At the end, a split of a checkpoint of 1 GB is measured beside `cp`, as `shards/` does for a larger
checkpoint.
"""
