from pathlib import Path

import pytest
from typer.testing import CliRunner

from configs.errors import ConfigError
from configs.keys import KeysFile, hashed
from configs.tier import Tier
from deployments.cli.app import app

DIGEST = hashed("secret")


def test_what_the_command_prints_makes_a_keys_file() -> None:
    printed = CliRunner().invoke(app, ["keys", "new", "team: a"]).output
    key = next(line for line in printed.splitlines() if line.startswith("s4-"))
    (entry,) = KeysFile.parse("keys:\n" + printed.split("`keys:`:")[1], "it").keys
    assert (entry.name, entry.sha256) == ("team: a", hashed(key))
    assert (entry.tier, entry.requests_per_minute) == (Tier.STANDARD, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keys: []", "keys: "),
        ("keys: [{name: a, sha256: pasted-by-mistake}]", r"keys\.0\.sha256"),
        (
            f"keys: [{{name: a, sha256: {DIGEST}, class: urgent}}]",
            r"keys\.0\.class: Input should be 'interactive', 'standard' or 'batch'",
        ),
        (f"keys: [{{name: a, sha256: {DIGEST}, streams: 0}}]", r"keys\.0\.streams"),
        (f"keys: [{{name: a, sha256: {DIGEST}}}, {{name: b, sha256: {DIGEST}}}]", "given twice"),
        ("keys: [", "isn't YAML, line 1"),
        ("pasted-by-mistake", "can't be used"),
    ],
)
def test_a_wrong_file_says_where_and_shows_no_value(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        KeysFile.parse(text, "keys.yaml")
    assert "pasted" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="small4 keys new"):
        KeysFile.load(tmp_path / "keys.yaml")
