from pathlib import Path

import numpy as np
import pytest

from core.images.mrc.reader import Stack
from core.images.output_plan import OutputPlan, StackJob
from core.runs.denoise.passed_through import forget_lists, list_of_process, merge_lists

LIST = "passed_through.txt"
IN_ORDER = "000002@b.mrcs\n000010@b.mrcs\n000003@a.mrcs\n"


@pytest.fixture
def plan() -> OutputPlan:
    jobs = []
    for name in ("b.mrcs", "a.mrcs", "b.mrcs"):  # b has two pixel sizes
        stack = Stack(Path(name), 20, 32, 32, np.dtype("f4"), 1024, 1.0)
        jobs.append(StackJob(stack, name, name, 1.0, np.arange(20), np.arange(20)))
    return OutputPlan(tuple(jobs), np.zeros(0, np.int32), np.zeros(0, np.int64))


@pytest.mark.parametrize("main", [None, "", "000003@a.mrcs\n"])
@pytest.mark.parametrize("processes", [1, 2])
def test_lists_of_processes_become_one(
    tmp_path: Path, plan: OutputPlan, main: str | None, processes: int
) -> None:
    if main is not None:
        (tmp_path / LIST).write_text(main)
    lines = IN_ORDER.splitlines(keepends=True)[::-1]
    for process in range(processes):
        list_of_process(tmp_path, process).write_text("".join(lines[process::processes]))
    for _ in range(2):
        assert merge_lists(tmp_path, plan) == 3
        assert [path.name for path in tmp_path.iterdir()] == [LIST]
        assert (tmp_path / LIST).read_text() == IN_ORDER


def test_a_list_in_order_is_kept_even_if_it_is_of_a_process(
    tmp_path: Path, plan: OutputPlan
) -> None:
    list_of_process(tmp_path, 3).write_text(IN_ORDER)
    assert merge_lists(tmp_path, plan) == 3
    assert (tmp_path / LIST).read_text() == IN_ORDER


@pytest.mark.parametrize("cut", range(1, len("000003@a.mrcs\n") + 1))
def test_an_unfinished_line_goes(tmp_path: Path, plan: OutputPlan, cut: int) -> None:
    (tmp_path / LIST).write_text(IN_ORDER[:-cut])
    assert merge_lists(tmp_path, plan) == 2
    assert (tmp_path / LIST).read_text() == "000002@b.mrcs\n000010@b.mrcs\n"
    (tmp_path / LIST).write_text(IN_ORDER[:5])
    assert merge_lists(tmp_path, plan) == 0
    assert not (tmp_path / LIST).exists()


def test_lists_of_another_run_are_forgotten(tmp_path: Path, plan: OutputPlan) -> None:
    list_of_process(tmp_path, 0).write_text(IN_ORDER)
    forget_lists(tmp_path)
    assert merge_lists(tmp_path, plan) == 0
    assert list(tmp_path.iterdir()) == []
