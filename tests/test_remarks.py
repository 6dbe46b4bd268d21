import io

from core.remarks import collected, warn


def test_a_sentence_is_printed_and_kept_once():
    out = io.StringIO()
    with collected(out) as sentences:
        warn("the box is odd")
        warn("the box is odd")
        warn("100 % of it")
    assert sentences == ["the box is odd", "100 % of it"]
    assert out.getvalue() == "warning: the box is odd\nwarning: 100 % of it\n"


def test_a_run_inside_a_run_prints_once_and_both_know():
    out = io.StringIO()
    with collected(out) as outer, collected(out) as inner:
        warn("once")
    assert outer == inner == ["once"]
    assert out.getvalue() == "warning: once\n"
    with collected(None) as later:
        assert later == []
