"""`relion_iceblock_train`: a model trained on a project's own ice, as a RELION External job."""

from core.runs.train.options import MODEL, TrainOptions

from .job import Job
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_train",
    summary=(
        "Trains a model on a project's own noise and reference: model.safetensors for the label "
        "`model` of relion_iceblock_denoise, and logfile.pdf with curves and samples. The input "
        "particles give the box, the pixel size and the CTFs of the training images."
    ),
    kind=TrainOptions,
    inputs={"in_3dref": "volumes", "in_parts": "particles"},
)


def run(job: Job) -> None:
    """Train the model of `job`."""
    options = job.options()
    # RELION has no type for a model: it stands in the job's folder, and logfile.pdf names it.

    from core.runs.train.run import run as train

    job.do(train, options)
    job.say(f"Next: relion_iceblock_denoise with the label model = {job.folder / MODEL}")
