"""Every way in which RELION, ccpem-pipeliner or a hand spells the arguments."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IceblockError
from relion_ext import classify, denoise, evaluate, noise, restore, train, whole
from relion_ext.arguments import INPUTS, Label, Program, parse, usage

PROGRAM = Program(
    name="relion_test",
    summary="Tests.",
    needs=("in_parts",),
    labels=(
        Label("device", "where"),
        Label("keep_noise", "how much", float),
        Label("batch_size", "how many", int),
        Label("overwrite", "whether", bool),
    ),
)
PARTICLES = ["--in_parts", "Extract/job003/particles.star"]
PROGRAMS = [job.PROGRAM for job in (classify, denoise, evaluate, noise, restore, train, whole)]
ORDINARY = ["--o", "External/job001/", *PARTICLES]


def values(*argv: str) -> dict[str, object]:
    return dict(parse(PROGRAM, [*ORDINARY, *argv]).values)


@pytest.mark.parametrize(
    "spelling",
    [
        ["--device", "cpu"],
        ["----device", "cpu"],
        ["--device=cpu"],
        ["----device=cpu"],
        ["--Device", "cpu"],
        ["--device", "cpu", "--device", "cpu"],
    ],
)
def test_spellings_of_a_label(spelling: list[str]) -> None:
    assert values(*spelling) == {"device": "cpu"}


def test_labels_are_converted() -> None:
    assert values("--keep-noise", "0.25", "--batch_size", "64") == {
        "keep_noise": 0.25,
        "batch_size": 64,
    }
    assert values("--keep_noise", "-0.5") == {"keep_noise": -0.5}


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        (["--overwrite"], True),
        (["--overwrite", "--device", "cpu"], True),
        (["--overwrite", "Yes"], True),
        (["--overwrite=no"], False),
        (["--overwrite", "0"], False),
    ],
)
def test_flags(spelling: list[str], value: bool) -> None:
    assert values(*spelling)["overwrite"] is value


def test_everything_that_relion_adds() -> None:
    inputs = [token for name in INPUTS for token in (f"--{name}", f"{name}.star")]
    found = parse(
        PROGRAM,
        ["--o", "External/job001/", *inputs, "--j", "4", "--pipeline_control", "External/job001/"],
    )
    assert found.threads == 4
    assert found.inputs == {name: Path(f"{name}.star") for name in INPUTS}
    assert parse(PROGRAM, ORDINARY).threads == 1


def test_ccpem_pipeliner() -> None:
    found = parse(PROGRAM, ["--in_3Dref", "map.mrc", *PARTICLES, "--o", "External/job001/"])
    assert found.inputs["in_3dref"] == Path("map.mrc")
    with pytest.raises(IceblockError, match="`device` came without a value"):
        values("--device", "")


@given(st.permutations(["--device cpu", "--batch_size=3", "--overwrite", "--j 2", "--o External/"]))
def test_order_does_not_matter(order: list[str]) -> None:
    argv = [token for part in order for token in part.split()]
    found = parse(PROGRAM, [*argv, *PARTICLES])
    assert found.values == {"device": "cpu", "batch_size": 3, "overwrite": True}
    assert found.threads == 2


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--device"], "`device` came without a value"),
        (["--device", "--overwrite"], "`device` came without a value"),
        (["--device="], "`device` came without a value"),
        (["--devise", "cpu"], "no label `devise`. Did you mean `device`?\nLabels:\n  device "),
        (["--device", "cpu", "--device", "cuda"], "'cpu' and as 'cuda'"),
        (["--keep_noise", "much"], "`keep_noise` needs a number, not 'much'"),
        (["--batch_size", "1.5"], "`batch_size` needs a whole number, not '1.5'"),
        (["--overwrite", "maybe"], "`overwrite` takes yes, no"),
        (["--device", "my", "gpu"], "'gpu' belongs to no label"),
        (["-device", "cpu"], "'-device' belongs to no label"),
        (["--j", "0"], "`j` needs a whole number above 0"),
        (["--j"], "`j` came without a value"),
        (["--in_mask"], "`in_mask` came without a value"),
    ],
)
def test_mistakes_are_named(argv: list[str], told: str) -> None:
    with pytest.raises(IceblockError) as caught:
        values(*argv)
    assert told in str(caught.value)


@pytest.mark.parametrize("argv", [["--o", "x"], ["--o", "x", "--in_parts"], ["--in_parts="]])
def test_missing_particles(argv: list[str]) -> None:
    with pytest.raises(IceblockError, match="needs `Input particles` on the Input tab"):
        parse(PROGRAM, argv)


@pytest.mark.parametrize("program", [PROGRAM, *PROGRAMS], ids=lambda program: program.name)
def test_usage_lists_every_label_in_two_columns(program: Program) -> None:
    lines = usage(program).splitlines()
    told = {label.name: next(li for li in lines if li.startswith(f"  {label.name} "))
            for label in program.labels}  # fmt: skip
    assert all(told[label.name].endswith(label.meaning) for label in program.labels)
    assert len({told[label.name].index(label.meaning) for label in program.labels}) <= 1


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_label_tells_its_default(program: Program) -> None:
    bare = [x.name for x in program.labels if not x.meaning.endswith(("]", "(needed)"))]
    assert bare == []
