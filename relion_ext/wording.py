"""Messages of core in the words of RELION's External job: labels, not options."""

from collections.abc import Callable

from core.wording import renamed

from .arguments import INPUTS, Program

_INPUT_OF = {
    "particles": "in_parts", "micrographs": "in_mics", "picks": "in_coords", "volume": "in_3dref",
}  # fmt: skip
_OPTIONS = (
    "adversarial", "batch-size", "box", "classes", "clean", "compile", "confidence", "contrast",
    "crop", "datadir", "denoise-again", "device", "dtype", "each-alone", "from", "gate", "gpu",
    "held-out",
    "hold-out", "keep-noise", "learning-rate", "loss", "margin", "micrograph-pixel-size", "model",
    "noise", "noise-box", "noisy", "overwrite", "particle-diameter", "particle-pixel-size",
    "particles",
    "passthrough", "patience", "perceptual", "phantoms", "picks", "pixel-size", "preset",
    "processes", "project-dir", "raw", "resume", "seed", "steps", "synthetic", "threads",
    "time-limit", "train-steps", "train-volume", "vgg19", "volume",
)  # fmt: skip
_PHRASES = {
    "a smaller --": "a smaller value of --", "another --": "another value of --",
    "give --device cpu": "set the label `gpu` to cpu",
    "choose another output folder": "start a new job",
    "give the same command again": "continue the job",
    "given again, the same command goes on": "Continue goes on where it was",
}  # fmt: skip


def words_for(program: Program) -> Callable[[str], str]:
    """Make the wording for one of the jobs; an option that it has not is named as what it is."""
    labels = {label.name for label in program.labels}
    inputs = (*program.needs, *program.takes)

    def spelled(option: str) -> str:
        name = option.replace("-", "_")
        for label in (name, f"{name}s"):
            if label in labels:
                return f"the label `{label}`"
        if _INPUT_OF.get(option) in inputs:
            return f"`{INPUTS[_INPUT_OF[option]]}`"
        if option == "threads":
            return "the number of threads on the Running tab"
        return f"the option --{option} of the command line"

    options = renamed({option: spelled(option) for option in _OPTIONS})

    def words(text: str) -> str:
        for ours, theirs in _PHRASES.items():
            text = text.replace(ours, theirs)
        return options(text)

    return words
