"""What the answer says of QPUs."""

import pytest

from qhpcsim.results.qpu_wording import answer, message, speak_of_qpus


def figures(*busy: float, **more: object) -> dict:
    by_qpu = {f"q{k}": {"utilisation_frac": share} for k, share in enumerate(busy)}
    counts = {"n_jobs": 9, "n_completed": 9, "n_rejected": 0, "n_failed": 0, "n_unfinished": 0, "n_background": 0}
    return {**counts, "median_wait_s": 2460.0, "by_qpu": by_qpu, **more}


@pytest.mark.parametrize(
    ("qpu", "words"),
    [
        (figures(0.97), "QPU jobs waited a median of 41 min for q0; the QPU was busy 97 % of the time."),
        (
            figures(0.97, n_background=5),
            "User jobs waited a median of 41 min for q0; the QPU was busy 97 % of the time.",
        ),
        (
            figures(0.62, 0.97, 0.7),
            "QPU jobs waited a median of 41 min for one of 3 QPUs; the QPUs were busy 62 to 97 % of the time.",
        ),
        (
            figures(0.5, 0.5),
            "QPU jobs waited a median of 41 min for one of 2 QPUs; the QPUs were busy 50 % of the time.",
        ),
        (
            figures(0.97, n_completed=6, n_rejected=2, n_unfinished=1),
            "QPU jobs waited a median of 41 min for q0; the QPU was busy 97 % of the time; "
            "of 9 jobs 2 rejected and 1 not finished.",
        ),
        (
            figures(0.0, n_completed=0, n_rejected=9, median_wait_s=None),
            "No QPU job was completed: 9 rejected.",
        ),
        (
            figures(None, n_jobs=0, n_completed=0, median_wait_s=None),
            "No QPU job was completed: the workload has no QPU jobs.",
        ),
    ],
)
def test_sentences(qpu, words):
    assert answer(qpu) == words


def test_the_message_is_empty_where_something_was_completed():
    assert message(figures(0.97)) == ""


def test_without_batch_jobs_the_qpus_speak_alone():
    summary = {"answer": "No job finished: the workload has no jobs.", "message": "No job finished."}
    speak_of_qpus(summary, figures(0.97), has_batch_jobs=False)
    assert summary["answer"].startswith("QPU jobs waited")
    assert summary["message"] == ""


def test_beside_batch_jobs_both_speak():
    summary = {"answer": "EASY was better.", "message": ""}
    speak_of_qpus(summary, figures(0.97), has_batch_jobs=True)
    assert summary["answer"].startswith("EASY was better. QPU jobs waited")
    assert summary["qpu"]["n_jobs"] == 9
