from deployments.chaos.page import page
from deployments.chaos.plot import plot
from deployments.chaos.report import Report
from tests.deployments.chaos.gathered import report


def test_what_became_of_the_requests() -> None:
    counts = report().counts
    assert counts.model_dump() == {
        "sent": 7,
        "right": 2,
        "moved": 1,
        "resumed": 1,
        "failed": 1,
        "wrong": 2,
        "doubled": 1,
        "lost": 1,
        "indeterminate": 1,
        "not_accepted": 1,
        "open": 1,
    }
    assert counts.bad == 4  # failed, wrong, and without an end


def test_a_fault_and_its_kind() -> None:
    (fault,), (kind,) = report().faults, report().kinds
    assert (fault.began_s, fault.noticed_s, fault.whole_s) == (30, 1, 50)
    assert fault.gaps_s == [20]
    assert (kind.kind, kind.faults, kind.bad_faults) == ("kill-engine", 1, 1)
    assert kind.gap_s == (20, 20, 20)
    assert fault.counts == kind.counts
    assert fault.counts.sent == 6  # one had ended before


def test_only_a_run_that_nobody_noticed_is_good() -> None:
    made = report()
    calm = made.counts.model_copy(update={"failed": 0, "wrong": 0, "open": 0})
    (fault,) = (row.model_copy(update={"counts": calm}) for row in made.faults)
    good = made.model_copy(update={"counts": calm, "faults": [fault], "left_behind": []})
    assert good.good
    for spoilt in (
        {"counts": made.counts},
        {"faults": made.faults},
        {"faults": [fault.model_copy(update={"ended_by_force": True})]},
        {"faults": [fault.model_copy(update={"whole_s": None})]},
        {"left_behind": ["2 requests at ranks"]},
    ):
        assert not good.model_copy(update=spoilt).good, spoilt


def test_goodput_before_and_during() -> None:
    made = report()
    assert made.goodput_before_per_s == 1 / 25
    assert made.goodput_during_per_s == 1 / 55


def test_failures_are_listed_with_their_reasons() -> None:
    failures = report().failures
    assert len(failures) == 6
    assert [one.message for one in failures if one.outcome == "failed"] == ["<no>"]


def test_json_comes_back_as_it_went() -> None:
    made = report()
    assert Report.model_validate_json(made.model_dump_json()) == made


def test_the_page_needs_no_other_file_and_shades_the_fault() -> None:
    made = report()
    text = page(made, plot(made))
    drawing = text[text.index("<svg") : text.index("</svg>")]
    assert "http" not in text.replace("http://www.w3.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "").replace("https://matplotlib.org", "")
    assert "opacity: 0.15" in drawing  # the shade over 50 s
    assert "&lt;no&gt;" in text
    assert "<no>" not in text
    assert "process 11 &lt;&amp;&gt;" in text
    assert "2 requests at ranks" in text


def test_requests_that_ended_alike_share_a_row_of_the_page() -> None:
    made = report()
    twice = made.model_copy(update={"failures": [*made.failures, *made.failures]})
    assert "<td>failed</td><td>1</td><td>2</td><td>52.0</td>" in page(twice, b"<svg></svg>")


def test_a_run_without_tokens_can_be_drawn() -> None:
    made = report().model_copy(update={"tokens_per_s": [], "faults": [], "failures": []})
    assert plot(made, "png").startswith(b"\x89PNG")
