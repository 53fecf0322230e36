"""`small4 shard push` and `pull` as they are typed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.shard import app
from model_shards.store.location import Location


def test_a_set_goes_there_and_comes_back(
    location: Location, shard_set: Path, tmp_path: Path
) -> None:
    copy = str(tmp_path / "copy")
    sent = CliRunner().invoke(app, ["push", str(shard_set), str(location)])
    assert "whole; 4.2 MB sent, 0.0 MB were there already" in sent.stdout
    some = CliRunner().invoke(app, ["pull", str(location), copy, "--ranks", "0-1"])
    assert "6 files verified; 3.4 MB fetched, 0.0 MB were there already" in some.stdout
    checked = CliRunner().invoke(app, ["verify", copy])
    assert f"{copy}: what ranks 0,1 of 4 read; 3.4 MB as the manifest says" in checked.stdout
    assert "here: what ranks 0,1 of 4 read" in CliRunner().invoke(app, ["show", copy]).stdout
    rest = CliRunner().invoke(app, ["pull", str(location), copy])
    assert "8 files verified; 0.8 MB fetched, 3.4 MB were there already" in rest.stdout
    checked = CliRunner().invoke(app, ["verify", copy])
    assert f"{copy}: whole; 4.2 MB as the manifest says" in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["push", "set", "bucket/prefix"], 1, "begin with s3://"),
        (["pull", "s3://a-bucket/x", "copy", "--ranks", "1-"], 1, "isn't a rank or a range"),
        (["pull", "s3://a-bucket/x", "copy", "--expert-parallel", "2"], 2, "needs --ranks"),
    ],
)
def test_what_is_typed_wrong_is_explained(arguments: list[str], status: int, why: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"NO_COLOR": "1", "COLUMNS": "200"})
    assert result.exit_code == status
    assert why in result.stderr
