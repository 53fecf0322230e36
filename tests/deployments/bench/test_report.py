import json

from deployments.bench.machine import Machine
from deployments.bench.report import Report
from tests.deployments.bench.results import comparison


def test_the_report_holds_all_that_was_compared() -> None:
    results = comparison(small4=[52, 50], flagged=[4, 4], plain=[100, 100])
    report = json.loads(Report.of(results, Machine.this(), "bench.yaml").model_dump_json())
    assert {row["server"] for row in report["figures"]} == {
        "small4",
        "vllm serve with flags",
        "vllm serve without",
    }
    small4 = report["figures"][2]
    assert small4["streams"] == 16
    assert small4["figures"]["requests_per_s"] == [51, 50, 52]  # median, lowest, highest
    assert [measured["requests_per_s"] for measured in small4["rounds"]] == [52, 50]
    assert report["ratios"][1]["ratios"]["requests_per_s"] == [0.51, 0.5, 0.52]
    assert [target["reached"] for target in report["targets"]] == [12.75, 0.51]
    assert len(report["missed"]) == 2
    assert report["machine"]["versions"]["vllm"].startswith("0.32.0")
