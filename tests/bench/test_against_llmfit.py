"""Our memory figures beside llmfit's on the same models: what is printed is the claim."""

import statistics

import pytest

from bench.against_llmfit import GB, compare, measured_cases, percent, program, report

pytestmark = pytest.mark.bench


@pytest.mark.timeout(600)
def test_nearer_to_the_engine_than_llmfit_in_every_reading_of_its_figures() -> None:
    llmfit = program()
    if llmfit is None:
        pytest.skip("llmfit is not on PATH (WATTLIGHT_LLMFIT names another place)")
    outcome = compare(llmfit)
    print("\n" + "\n".join(report(outcome)))
    if not outcome.cases:
        pytest.skip(f"this llmfit answers for none of the models: {outcome.unknown[:3]}")
    ours = [abs(case.ours_percent) for case in outcome.cases]
    theirs = [abs(case.theirs_percent) for case in outcome.cases]
    kindest = [
        abs(percent(case.theirs_gb * GB, case.truth_bytes + case.truth_host_bytes)) for case in outcome.cases
    ]
    assert max(ours) <= 0.2
    assert statistics.median(ours) < min(statistics.median(theirs), statistics.median(kindest))
    assert max(ours) < min(max(theirs), max(kindest))


def test_most_of_the_measured_full_offloads_are_in_the_comparison() -> None:
    assert len(list(measured_cases())) >= 100
