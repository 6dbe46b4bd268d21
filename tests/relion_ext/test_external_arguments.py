"""Every way in which RELION, ccpem-pipeliner or a hand spells the arguments."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IceblockError
from core.runs.option import option
from core.runs.options import Options, option_class
from relion_ext import (
    classify,
    denoise,
    evaluate,
    micrographs,
    noise,
    restore,
    select,
    train,
    whole,
)
from relion_ext.arguments import parse
from relion_ext.program import INPUTS, Program, meaning, usage


@option_class(kw_only=True)
class Few(Options):
    device: str = option("Where", default="auto")
    keep_noise: float = option("How much", default=0.0, at_most=1)
    batch_size: int | None = option("How many", default=None)
    overwrite: bool = option("Whether", default=False)
    gate: bool = option("Go without", default=True)
    many: tuple[Path, ...] = option("Files", default=())
    pair: tuple[float, float] | None = option("Range", default=None, above=0)


PROGRAM = Program("relion_test", "Tests.", Few, {"in_parts": "particles"}, ("in_parts",))
PARTICLES = ["--in_parts", "Extract/job003/particles.star"]
PROGRAMS = [
    job.PROGRAM
    for job in (classify, denoise, evaluate, micrographs, noise, restore, select, train, whole)
]
ORDINARY = ["--o", "External/job001/", *PARTICLES]


def values(*argv: str) -> dict[str, object]:
    return dict(parse(PROGRAM, [*ORDINARY, *argv]).values)


def test_a_list_may_be_named_in_the_singular() -> None:
    for label in ("--volume", "--volumes"):
        found = parse(denoise.PROGRAM, [*ORDINARY, label, "a.mrc", "--in_3dref", "b.mrc"])
        assert found.values == {"volumes": (Path("a.mrc"),)}
        assert found.inputs["in_3dref"] == Path("b.mrc")


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
    assert values("--many", "a.mrc,b.mrc") == {"many": (Path("a.mrc"), Path("b.mrc"))}
    assert values("--pair", "0.1,2", "--gate", "no") == {"pair": (0.1, 2.0), "gate": False}


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
        (["--keep_noise", "1.5"], "keep-noise is 1.5 and must be at most 1"),
        (["--pair", "1"], "`pair` needs a number twice, with a comma between, not '1'"),
        (["--pair", "0,1"], "pair is 0 and must be above 0"),
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
    told = {meaning(one): next(line for line in lines if line.startswith(f"  {name} "))
            for name, one in program.labels.items()}  # fmt: skip
    assert all(line.endswith(text) for text, line in told.items())
    assert len({line.index(text) for text, line in told.items()}) <= 1


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_label_tells_its_default(program: Program) -> None:
    meanings = map(meaning, program.labels.values())
    assert [text for text in meanings if not text.endswith(("]", "(needed)"))] == []
