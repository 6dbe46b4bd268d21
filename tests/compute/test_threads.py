import torch

from core.compute.threads import MOST, limited_threads


def test_a_slip_in_the_number_of_threads_does_no_harm() -> None:
    former = torch.get_num_threads()
    with limited_threads(10**9):
        assert torch.get_num_threads() == MOST
    assert torch.get_num_threads() == former
