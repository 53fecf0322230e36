"""`make bench`: small4's router beside `vllm serve`, with and without Mistral's flags.

One machine, one rank each, the same nano, the same engine arguments, the same client. Two cores
are noisy, so servers take turns within a round, and several rounds are compared.

All three servers stay up, and the two that aren't measured are frozen (SIGSTOP). Starting them
anew for each round would take longer than all the measuring; leaving them running would cost the
one that is measured CPU time. Idle for a minute, on two cores, they were seen to take: `vllm
serve` 2% of a core each; small4 18%, nearly all of it Ray's own processes. A Ray that was frozen
for 90 s answers 2 s after it goes on, and restarts nothing. Together the three need 11 GB.

Last comes a split beside `cp`, as in `shards/`, but of a checkpoint of 1 GB.
"""
