from __future__ import annotations

import pytest

from lmbook.cluster.background_workers import BackgroundWorkers

CODE = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['WORD'], len(os.environ['TF_CONFIG']) > 9)"


def test_both_run_beside_this_process_and_what_they_print_is_kept():
    workers = BackgroundWorkers("-c", f"{CODE}; print('many ' * 40_000)", environment={"WORD": "é"})
    assert workers.failed is None
    said = workers.wait()
    assert [f"[worker {index}] -1 é True" in said.splitlines() for index in (0, 1)] == [True, True]
    assert said.count("many") == 80_000 and workers.failed is False


def test_a_failure_is_told_with_what_they_said_unless_it_is_expected():
    code = "raise ValueError('the reason')"
    with pytest.raises(RuntimeError, match=r"(?s)workers failed.*the reason"):
        BackgroundWorkers("-c", code).wait()
    workers = BackgroundWorkers("-c", code)
    assert "the reason" in workers.wait(may_fail=True) and workers.failed
