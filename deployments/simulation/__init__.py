"""Traffic played against the policy and a model of the gangs, on a clock of its own."""
