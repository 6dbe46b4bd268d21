"""Options that texts of core name: commands have them, and RELION jobs have words for them."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import core
from core.commands.main import COMMANDS, group
from core.commands.noise import extract
from core.errors import IceblockError
from core.remarks import collected
from core.wording import TYPED, wording
from relion_ext.program import INPUTS, Program
from relion_ext.wording import words_for

from .images.stacks import star_text, write_stack

CORE = Path(core.__file__).parent
JOBS = (
    "classify", "denoise", "evaluate", "micrographs", "noise", "restore", "select", "train",
    "whole",
)  # fmt: skip
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+(?![\w-])")


def texts(tree: ast.AST) -> Iterator[str]:
    """Strings, also the parts of f-strings, that are no docstrings."""
    for node in ast.walk(tree):
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        for child in children:
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                child.value.value = None


def named() -> dict[str, set[str]]:
    """Options that texts name, and the files that do."""
    found: dict[str, set[str]] = {}
    for path in CORE.rglob("*.py"):
        place = path.relative_to(CORE).as_posix()
        if place.startswith("commands/") or place == "wording.py":
            continue
        for text in texts(ast.parse(path.read_text())):
            for option in OPTION.findall(text):
                found.setdefault(option, set()).add(place)
    return found


def options_of(command: click.Command) -> set[str]:
    own = {name for parameter in command.params for name in parameter.opts}
    if not isinstance(command, click.Group):
        return own
    context = click.Context(command)
    inner = [command.get_command(context, name) for name in command.list_commands(context)]
    return own.union(*(options_of(one) for one in inner if one is not None))


def test_each_is_an_option_of_a_command() -> None:
    assert set(COMMANDS) == set(group.list_commands(click.Context(group)))
    known = options_of(group) | options_of(extract) | TYPED
    unknown = {option: sorted(places) for option, places in named().items() if option not in known}
    assert not unknown
    assert {"--datadir", "--overwrite", "--pixel-size"} <= set(named())


def test_what_a_user_types_as_it_stands_is_still_named() -> None:
    assert set(named()) >= TYPED


@pytest.mark.parametrize("job", JOBS)
def test_each_relion_job_has_words_for_it(job: str) -> None:
    program = importlib.import_module(f"relion_ext.{job}").PROGRAM
    assert isinstance(program, Program)
    labels = program.labels
    fields = {INPUTS[name] for name in program.inputs}
    for option in sorted(set(named()) - TYPED):
        with wording(words_for(program)):
            said = str(IceblockError(f"give {option}"))
        label, field = re.search(r"label `(\w+)`", said), re.search(r"give `([^`]+)`", said)
        if label:
            assert label[1] in labels, (option, said)
        elif field:
            assert field[1] in fields, (option, said)
        else:
            assert said == f"give the option {option} of the command line" or "Running tab" in said


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("train --particles p.star --phantoms 1 --noise m.mrcs", "give --particle-pixel-size in"),
        ("run p.star --micrographs m.mrcs", "p.mrcs says 1 Å, .* give --pixel-size in Å"),
        ("run p.star --micrographs m.mrcs --pixel-size 2", "m.mrcs .*--micrograph-pixel-size in"),
        ("compare --noisy p.star --clean p.star", "give rlnImagePixelSize in its optics table"),
        ("denoise gone.star", "gone.mrcs, which is missing; .* as --datadir"),
        ("compare --noisy gone.star --clean gone.star", "option --datadir of iceblock denoise"),
    ],
)
def test_a_command_names_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "p.mrcs", n=40, pixel_size=1.0)
    write_stack(tmp_path / "m.mrcs", n=1, pixel_size=1.0)
    rows = [f"{number}@p.mrcs" for number in range(1, 41)]
    Path("p.star").write_text("data_\n\nloop_\n_rlnImageName\n" + "\n".join(rows) + "\n")
    gone = [row.replace("p.mrcs", "/gone/gone.mrcs") for row in rows]
    Path("gone.star").write_text(star_text(gone))
    with pytest.raises(IceblockError, match=told), collected(None):
        group.main([*command.split(), "--out", "Out"], standalone_mode=False)
