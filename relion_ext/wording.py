"""Messages of core in the words of RELION's External job: labels, not options."""

from collections.abc import Callable

from core.wording import renamed

from .program import INPUTS, Program

_PHRASES = {
    "a smaller --": "a smaller value of --", "a larger --": "a larger value of --",
    "another --": "another value of --",
    "give --device cpu": "set the label `gpu` to cpu",
    "choose another output folder": "start a new job",
    "give the same command again": "continue the job",
    "given again, the same command goes on": "Continue goes on where it was",
}  # fmt: skip


def words_for(program: Program) -> Callable[[str], str]:
    """Make the wording for one of the jobs; an option that it has not is named as what it is."""
    inputs = {option: INPUTS[name] for name, option in reversed([*program.inputs.items()])}
    known = {one.option: name for name, one in program.labels.items()}

    def spelled(option: str) -> str:
        name = option[2:].replace("-", "_")
        field = inputs.get(name) or inputs.get(f"{name}s")
        label = f"the label `{known[option]}`" if option in known else ""
        if label or field:
            return " or ".join(filter(None, (field and f"`{field}`", label)))
        if option == "--threads":
            return "the number of threads on the Running tab"
        return f"the option {option} of the command line"

    options = renamed(spelled)

    def words(text: str) -> str:
        for ours, theirs in _PHRASES.items():
            text = text.replace(ours, theirs)
        return options(text)

    return words
