"""`make chaos`: a seeded schedule of faults under mixed traffic, and what clients noticed of it.

Read `kind.py` and `schedule.py` (which faults), `inflict.py` (how each is done), `questions.py` and
`traffic.py` (what clients send), `outcome.py` (what became of each request), `chaos.py` (a run).
"""
