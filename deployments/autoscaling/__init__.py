"""How many gangs there should be: the policy, and a simulation of it. No Ray, no engine."""
