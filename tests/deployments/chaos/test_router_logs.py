from datetime import datetime
from pathlib import Path

from deployments.chaos.router_logs import parse, read

_HEAD = "2026-11-26 18:55:{},222 small4_Router mux3m1z7 -- "
_ID = "chatcmpl-e113168c-8a02-4295-b493-4115854b5957"
_LOSS = f"WARNING {_HEAD}rank 0 of gang fae53bb5 is lost".format
_MOVE = f"INFO {_HEAD}request {_ID}-80153665 is requeued after 2 tokens".format


def test_requests_that_moved_are_told_with_the_loss_of_their_rank() -> None:
    loss, moved = parse("\n".join([_LOSS("52"), _MOVE("52"), "Traceback …", "  File"]))
    assert loss.request is None
    assert loss.at_s == datetime(2026, 11, 26, 18, 55, 52, 222000).timestamp()
    assert (moved.request, moved.tokens) == (_ID, 2)


def test_a_request_that_made_way_for_a_better_class_has_not_moved() -> None:
    assert list(parse(_MOVE("52"))) == []
    assert [line.request for line in parse("\n".join([_LOSS("50"), _MOVE("52")]))] == [None]


def test_all_routers_logs_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "replica_small4_Router_a.log").write_text(_LOSS("52"))
    (tmp_path / "replica_small4_Router_b.log").write_text(_LOSS("51"))
    (tmp_path / "replica_small4_Roster_c.log").write_text(_LOSS("50"))
    first, second = read(tmp_path)
    assert second.at_s - first.at_s == 1
