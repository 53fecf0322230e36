"""Plays traffic against the policy and a model of the gangs, on a simulated clock."""
