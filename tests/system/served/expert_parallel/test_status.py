import pytest

from tests.system.served.deployed import SMALL4, Deployed, command


def test_each_rank_holds_its_half_of_the_experts(deployed: Deployed) -> None:
    ranks = deployed.status()["ranks"]
    assert [(rank["rank"], rank["experts"]) for rank in ranks] == [(0, [[0, 63]]), (1, [[64, 127]])]
    assert {rank["num_experts"] for rank in ranks} == {128}
    assert len({rank["gang"] for rank in ranks}) == 1


@pytest.mark.parametrize("line", ["rank 0: experts 0–63 of 128", "rank 1: experts 64–127 of 128"])
def test_status_says_so_in_words(deployed: Deployed, line: str) -> None:
    assert line in command([str(SMALL4), "status", str(deployed.config)], timeout_s=60)


def test_status_tells_no_keys(deployed: Deployed) -> None:
    assert "secret" not in command(
        [str(SMALL4), "status", str(deployed.config), "--json"], timeout_s=60
    )
