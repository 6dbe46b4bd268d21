"""What an executable that RELION starts may be given: its inputs and labels, explained."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from core.runs.option import RELION, Option, any_of
from core.runs.options import Options, options_of

# Argument (in lower case: ccpem-pipeliner writes --in_3Dref) and its field on the Input tab.
INPUTS = {
    "in_movies": "Input movies",
    "in_mics": "Input micrographs",
    "in_parts": "Input particles",
    "in_coords": "Input coordinates",
    "in_3dref": "Input 3D reference",
    "in_mask": "Input 3D mask",
}


@dataclass(frozen=True)
class Program:
    """The arguments of one executable.

    Attributes
    ----------
    name
        The executable.
    summary
        One sentence on what it does.
    kind
        The options of its run: from them its labels are made.
    inputs
        The option that each input is for, by the name of the input (keys of `INPUTS`). Of two
        inputs for the same option the first counts.
    needs
        The inputs that must be given.
    one_of
        Inputs of which one at least must be given.
    """

    name: str
    summary: str
    kind: type[Options]
    inputs: Mapping[str, str]
    needs: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, Option]:
        """The options that are labels of the Params tab, by what the user types."""
        taken = self.inputs.values()
        return {
            label_of(one): one
            for one in options_of(self.kind).values()
            if RELION in one.faces and (one.many or one.name not in taken)
        }


def label_of(one: Option) -> str:
    """Give the name of an option as a label: the field's, if Python allows what users know."""
    return one.name if one.many else (one.spelled or one.name)


def meaning(one: Option) -> str:
    """Explain a label in one line: what it takes, the unit, the default."""
    takes = ("no" if one.default else "yes") if one.flag else any_of(one.choices)
    text = one.shown_help.replace("; may be given again", "")
    if takes:
        text = f"{takes}: {text[:1].lower()}{text[1:]}"
    if one.many or one.pair:
        text += ", with a comma between" if one.pair else "; several with commas"
    default = ("yes" if one.default else "no") if one.flag else one.shown_default or "none"
    return f"{text} (needed)" if one.required else f"{text} [{default}]"


def usage(program: Program) -> str:
    """Explain `program` to a user who typed --help."""
    inputs = [f"--{name} FILE" for name in program.needs]
    inputs += [f"[--{name} FILE]" for name in program.inputs if name not in program.needs]
    return "\n".join(
        [
            *textwrap.wrap(program.summary, 88),
            "",
            f"usage: {program.name} --o DIR {' '.join(inputs)} [--LABEL VALUE ...] [--j THREADS]",
            "",
            "Started by RELION as an External job: put the full path of this program in",
            "`External executable` and these labels, if you need them, on the Params tab.",
            "",
            *explained(program),
        ]
    )


def explained(program: Program) -> list[str]:
    """Give a line for each label."""
    labels = program.labels
    if not labels:
        return ["It has no labels."]
    width = max(map(len, labels))
    return ["Labels:", *(f"  {name:<{width}}  {meaning(one)}" for name, one in labels.items())]
