import io

from core.remarks import adopt, collected, warn


def test_a_sentence_is_printed_and_kept_once():
    out = io.StringIO()
    with collected(out) as sentences:
        warn("the box is odd")
        warn("the box is odd")
        warn("100 % of it")
    assert sentences == ["the box is odd", "100 % of it"]
    assert out.getvalue() == "WARNING: the box is odd\nWARNING: 100 % of it\n"


def test_a_run_inside_a_run_prints_once_and_both_know():
    out = io.StringIO()
    with collected(out) as outer, collected(out) as inner:
        warn("once")
    assert outer == inner == ["once"]
    assert out.getvalue() == "WARNING: once\n"
    with collected(None) as later:
        assert later == []


def test_a_job_hands_on_what_it_said_before_its_run():
    out, beside = io.StringIO(), io.StringIO()
    with collected(out, beside, hands_on=True) as job:
        warn("before")
        with collected(None) as run:
            warn("within")
            with collected(None) as stage:
                adopt(["printed by another process"])
    assert job == run == ["before", "within", "printed by another process"]
    assert stage == ["printed by another process"]
    assert out.getvalue() == beside.getvalue() == "WARNING: before\nWARNING: within\n"
