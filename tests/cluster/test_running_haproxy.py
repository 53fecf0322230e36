from cluster.running_haproxy import cuts_s

_CONFIG = """global
    stats timeout 30s
    hard-stop-after 120s
defaults
    timeout connect 5s
    timeout client 3600s
    timeout http-keep-alive 90s
backend small4
    timeout server 40s
backend other
    timeout server 20s
    # timeout tunnel 1s
"""


def test_only_what_cuts_a_request_counts_and_the_shortest_of_each() -> None:
    assert cuts_s(_CONFIG) == {"hard-stop-after": 120, "timeout client": 3600, "timeout server": 20}


def test_what_is_missing_cuts_nothing() -> None:
    assert cuts_s("defaults\n    mode http\n") == {}
