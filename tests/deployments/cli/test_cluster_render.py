"""`small4 cluster render`, as an operator calls it."""

from pathlib import Path

from typer.testing import CliRunner

from configs.schema import PROJECT_ROOT
from deployments.cli.app import app

_MANIFEST = str(PROJECT_ROOT / "configs" / "clusters" / "aws-p5en.yaml")


def _render(out: Path, *more: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["cluster", "render", _MANIFEST, "--out", str(out), *more])
    return result.exit_code, result.output


def test_files_are_written_and_the_next_commands_told(tmp_path: Path) -> None:
    out = tmp_path / "new" / "cluster"
    code, output = _render(out)
    assert code == 0
    files = {path.name for path in out.iterdir()}
    assert {"ray-up.yaml", "serve.yaml", "NOTES.md", "iam-node.json"} <= files
    assert all(file in output for file in files)
    assert f"ray up -y {out}/ray-up.yaml" in output


def test_what_somebody_changed_stays(tmp_path: Path) -> None:
    _render(tmp_path)
    changed = tmp_path / "serve.yaml"
    ours = changed.read_text("utf-8")
    changed.write_text("# mine\n", "utf-8")
    code, output = _render(tmp_path)
    assert (code, changed.read_text("utf-8")) == (1, "# mine\n")
    assert "--overwrite" in output
    assert _render(tmp_path, "--overwrite")[0] == 0
    assert changed.read_text("utf-8") == ours


def test_a_place_that_cant_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    code, output = _render(tmp_path / "file")
    assert code == 1
    assert "can't be written" in output
