import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.denoise.training.schedule import COOLDOWN, Plateau, Schedule


def test_the_rate_rises_stays_and_falls() -> None:
    s = Schedule(1e-3, warmup=10, decay=0.5, steps=100)
    rates = [s.rate(k, s.progress(k, 0.0)) for k in range(100)]
    assert rates[0] < rates[5] < rates[9] == rates[40] == 1e-3
    assert rates[60] > rates[80] > rates[99]
    assert rates[75] == pytest.approx(0.5e-3)
    assert rates[99] < 0.01 * 1e-3


def test_a_short_run_does_not_spend_itself_on_rising() -> None:
    s = Schedule(1e-3, warmup=500, decay=0.4, steps=300)
    assert s.rate(15, s.progress(15, 0.0)) == pytest.approx(0.5e-3)
    assert s.rate(30, s.progress(30, 0.0)) == pytest.approx(1e-3)
    s = Schedule(1e-3, warmup=500, decay=0.4, steps=30)  # nor does it begin at full speed
    assert s.rate(4, s.progress(4, 0.0)) == pytest.approx(0.25e-3)


def test_progress_is_the_limit_that_is_nearer() -> None:
    s = Schedule(1e-3, warmup=10, decay=0.5, steps=100, seconds=60.0)
    assert s.progress(50, 6.0) == 0.5
    assert s.progress(10, 45.0) == 0.75
    assert Schedule(1e-3, 10, 0.5, seconds=60.0).progress(10**6, 30.0) == 0.5


def test_a_run_limited_by_time_rises_and_falls_within_it() -> None:
    s = Schedule(1e-3, warmup=10**6, decay=0.4, seconds=100.0)
    at = {t: s.rate(t, s.progress(t, t)) for t in range(0, 101)}
    assert at[1] < at[4] < at[20] == at[60] == 1e-3
    assert at[80] == pytest.approx(0.5e-3)
    assert at[100] == pytest.approx(0.0, abs=1e-12)


@given(fall=st.floats(0.01, 1), decay=st.floats(0, 1), progress=st.floats(0, 1))
def test_an_early_fall_ends_early_and_at_zero(fall: float, decay: float, progress: float) -> None:
    s = Schedule(1.0, warmup=1, decay=decay, steps=1000)
    end = s.end(fall)
    assert end <= 1.0
    assert end == pytest.approx(min(1.0, fall * (1 + COOLDOWN)))
    rate = s.rate(10, progress, fall)
    assert 0.0 <= rate <= 1.0
    if progress >= end > min(fall, 1 - decay) + 1e-6:
        assert rate == pytest.approx(0.0, abs=1e-6)
    if progress <= min(fall, 1 - decay):
        assert rate == 1.0


def test_a_plateau_is_noticed() -> None:
    plateau = Plateau()
    for score, stale in ((0.1, 0), (0.3, 0), (0.2, 1), (0.3, 2), (0.31, 0)):
        plateau.look(score)
        assert plateau.stale == stale
    assert plateau.best == 0.31
