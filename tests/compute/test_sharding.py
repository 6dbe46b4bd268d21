import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from core.compute.sharding import owners
from core.compute.srun import first_host, ranks_of_step


def largest_load(weights: list[int], owned: tuple[int, ...], processes: int) -> int:
    return max(
        sum(w for w, o in zip(weights, owned, strict=True) if o == p) for p in range(processes)
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.integers(1, 3))
def test_shares_are_nearly_as_even_as_whole_stacks_allow(
    weights: list[int], processes: int
) -> None:
    owned = tuple(owners(weights, processes))
    assert len(owned) == len(weights)
    assert tuple(owners(weights, processes)) == owned
    best = min(
        largest_load(weights, shares, processes)
        for shares in itertools.product(range(processes), repeat=len(weights))
    )
    # Graham 1969: largest first is at most a third above the best.
    assert largest_load(weights, owned, processes) <= (4 / 3 - 1 / (3 * processes)) * best + 1e-9


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40), st.integers(1, 9))
def test_no_share_is_more_than_one_stack_above_the_mean(weights: list[int], processes: int) -> None:
    owned = tuple(owners(weights, processes))
    assert largest_load(weights, owned, processes) <= sum(weights) / processes + max(weights)


def test_one_process_has_all() -> None:
    assert owners([3, 1, 2], 1) == [0, 0, 0]
    assert owners([], 3) == []


STEP = {
    "SLURM_JOB_ID": "1234", "SLURM_STEP_ID": "3", "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "2", "SLURM_LOCALID": "0", "SLURM_STEP_NODELIST": "gpu[03-05,9],big1",
}  # fmt: skip


def test_srun_in_torchs_words() -> None:
    told = ranks_of_step(STEP)
    assert (told["RANK"], told["WORLD_SIZE"], told["LOCAL_RANK"]) == ("2", "4", "0")
    assert told["MASTER_ADDR"] == "gpu03"
    assert 20000 <= int(told["MASTER_PORT"]) < 30000
    other = ranks_of_step(STEP | {"SLURM_STEP_ID": "4"})
    assert other["MASTER_PORT"] != told["MASTER_PORT"]
    given_by_user = {"MASTER_ADDR": "head", "MASTER_PORT": "7"}
    assert ranks_of_step(STEP | given_by_user).items() >= given_by_user.items()


def test_where_srun_started_no_group() -> None:
    assert ranks_of_step(STEP | {"RANK": "0"}) == {}  # torchrun under srun
    assert ranks_of_step(STEP | {"SLURM_STEP_NUM_TASKS": "1"}) == {}
    # A batch script that asked for several tasks and has not called srun.
    assert ranks_of_step({"SLURM_JOB_ID": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"}) == {}
    assert ranks_of_step({}) == {}


def test_first_host() -> None:
    lists = ["n1", "n1,n2", "n[1-4]", "n[1,3]", "n[1]", "r[2-3]n[07-09].lab"]
    assert [first_host(nodes) for nodes in lists] == ["n1", "n1", "n1", "n1", "n1", "r2n07.lab"]
