"""An option of a run is written once, and stands on every face: help, range, value, identity."""

import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from core.commands.generated import run_command
from core.errors import IceblockError
from core.runs.common_options import Device
from core.runs.denoise.options import DenoiseOptions, Denoising
from core.runs.option import COMMAND, Option, option
from core.runs.options import Options, option_class, options_of
from core.runs.whole.options import WholeOptions
from cryosparc_ext.denoise import DenoisePlace
from cryosparc_ext.place import job_command
from relion_ext import classify, denoise, evaluate, noise, restore, train, whole
from relion_ext.arguments import parse
from relion_ext.program import Program, meaning, usage

HELP = "Part of the contrast to turn, from none to all, 0.2 to 0.8"
PARTICLES, IN_PARTS = Path("p.star"), ["--in_parts", "p.star"]
RUNS = [job.PROGRAM.kind for job in (classify, denoise, evaluate, noise, restore, train, whole)]


@option_class(kw_only=True)
class Turned(Denoising):
    """What an author adds to the options of denoising: this field, and nothing else."""

    turn: float = option(
        "Part of the contrast to turn, from none to all", default=0.5, at_least=0.2, at_most=0.8
    )


@option_class()
class TurnedOptions(Turned, DenoiseOptions):
    """Denoising with the new option."""


PROGRAM = Program("relion_turn", "Turns.", TurnedOptions, {"in_parts": "particles"}, ("in_parts",))


def invoked(command: click.Command, *arguments: str) -> tuple[str, BaseException | None]:
    done = CliRunner().invoke(command, arguments)
    return " ".join(done.output.split()), done.exception


def test_on_the_command_line() -> None:
    seen: list[TurnedOptions] = []

    @run_command(TurnedOptions)
    def command(options: TurnedOptions, progress: TextIO | None) -> None:
        """Turn."""
        options.check()
        seen.append(options)

    assert f"--turn NUMBER {HELP}. [default: 0.5]" in invoked(command, "--help")[0]
    assert invoked(command, "p.star", "--out", "O", "--turn", "0.25")[1] is None
    assert (seen[0].turn, seen[0].particles, seen[0].keep_noise) == (0.25, PARTICLES, 0.0)
    _, error = invoked(command, "p.star", "--out", "O", "--turn", "3")
    assert str(error) == "--turn is 3 and must lie between 0.2 and 0.8."


def test_in_relion() -> None:
    assert f"{HELP} [0.5]" in usage(PROGRAM)
    assert parse(PROGRAM, [*IN_PARTS, "--turn", "0.25"]).values == {"turn": 0.25}
    with pytest.raises(IceblockError, match=r"--turn is 3 and must lie between 0\.2 and 0\.8"):
        parse(PROGRAM, [*IN_PARTS, "--turn", "3"])


def test_in_cryosparc() -> None:
    seen: list[dict[str, Any]] = []

    @job_command(DenoisePlace, TurnedOptions)
    def command(place: DenoisePlace, values: dict[str, Any]) -> None:
        """Turn."""
        seen.append({"project": place.project, **values})

    assert f"--turn NUMBER {HELP}. [default: 0.5]" in invoked(command, "--help")[0]
    where = ("--url", "http://cs", "--project", "P1", "--particles", "J1")
    assert invoked(command, *where, "--turn", "0.25")[1] is None
    assert (seen[0]["project"], seen[0]["turn"], "particles" in seen[0]) == ("P1", 0.25, False)
    _, error = invoked(command, *where, "--turn", "3")
    assert "--turn is 3 and must lie between" in str(error)


def test_in_doppio() -> None:
    try:
        importlib.metadata.version("ccpem-pipeliner")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("ccpem-pipeliner is not installed here")
    from relion_ext.pipeliner_job import IceblockJob

    class Turn(IceblockJob):
        PROCESS_NAME, TITLE, OUTPUTS = "iceblock.turn", "turn", {}

    Turn.PROGRAM = PROGRAM
    job = Turn()
    assert job.joboptions["turn"].help_text == f"{HELP} [0.5]"
    job.joboptions["in_parts"].value = "p.star"
    job.joboptions["turn"].value = "3"
    (said,) = job.additional_joboption_validation()
    assert "the label `turn` is 3 and must lie between 0.2 and 0.8" in str(said)


def test_in_the_identity_and_in_a_whole_run() -> None:
    asked = TurnedOptions(PARTICLES, Path("O"))
    assert asked.identity()["turn"] == 0.5
    assert asked.identity() != replace(asked, turn=0.3).identity()
    assert asked.identity() == replace(asked, threads=3, out=Path("P")).identity()

    @option_class(kw_only=True)
    class WholeTurned(Turned, WholeOptions):
        pass

    everything = WholeTurned(particles=PARTICLES, out=Path("O"), turn=0.3, batch_size=4)
    handed_on = everything.shared_with(TurnedOptions)
    assert (handed_on["turn"], handed_on["batch_size"]) == (0.3, 4)
    assert not {"particles", "out", "model"} & handed_on.keys()


@pytest.mark.parametrize("kind", RUNS, ids=lambda kind: kind.__name__)
def test_every_option_explains_itself(kind: type[Options]) -> None:
    for one in options_of(kind).values():
        assert one.help[0].isupper() or one.help.startswith(("torchvision", "64-"))
        assert not one.help.endswith("."), one.name
        assert "--" not in meaning(one), one.name
        if not one.required:
            one.check(one.default)


@given(st.floats(), st.floats(-5, 5), st.floats(-5, 5))
def test_a_range_holds_its_ends_and_no_more(value: float, low: float, high: float) -> None:
    one = Option("How much", name="much", kind=float, at_least=low, at_most=high)
    open_one = Option("How much", name="much", kind=float, above=low, below=high)
    for limits, inside in ((one, low <= value <= high), (open_one, low < value < high)):
        if inside:
            limits.check(value)
        else:
            with pytest.raises(IceblockError, match="--much is "):
                limits.check(value)


def test_one_device() -> None:
    assert Device(gpu="2").one_device() == "cuda:2"
    assert Device(gpu="cpu").one_device() == "cpu"
    assert Device(device="cuda").one_device() == "cuda"
    assert Device(gpu="0,2").gpus() == [0, 2]
    with pytest.raises(IceblockError, match="uses one GPU"):
        Device(gpu="0,2").one_device()
    with pytest.raises(IceblockError, match="both given"):
        Device(gpu="0", device="cpu").check()


def test_an_option_can_stay_off_a_face() -> None:
    known = options_of(DenoiseOptions)
    assert known["passthrough"].faces == (COMMAND,)
    assert "passthrough" not in denoise.PROGRAM.labels


def test_what_is_required_is_asked_for() -> None:
    @run_command(TurnedOptions)
    def command(options: TurnedOptions, progress: TextIO | None) -> None:
        """Turn."""

    assert "Missing option '--out'" in invoked(command, "p.star")[0]
    assert "Missing argument 'PARTICLES'" in invoked(command, "--out", "O")[0]
