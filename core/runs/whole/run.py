"""A whole run: noise blocks, fine-tuning, denoised particles, classes, examination, in one folder.

Each stage is a run of its own, as its own command would start it, in a folder of its own, where it
is continued or left as it is when the whole run is started again.
"""

from __future__ import annotations

from ...console import Console
from ..life import begun, way_in
from .folder import claim_stages, identify
from .inputs import look
from .options import WholeOptions
from .record import WholeRecord
from .report import last_lines, report
from .stages import Stages


@way_in
def run(options: WholeOptions, console: Console) -> WholeRecord:
    """Denoise a set of particles with all that can be learned from their project.

    Without micrographs or without a reference volume no model is trained: the given model denoises
    as it is, and the report says so. The fine-tuned model is used unless it scores worse than the
    given one on noise that was kept out of the training.

    Returns
    -------
    record
        As in run.json.

    Raises
    ------
    IceblockError
        For anything wrong with the inputs, the models, the device or the output folder.
    """
    with begun(options, console) as this:
        inputs = look(options)
        identity = identify(options, inputs)
        console.heartbeat()
        outputs = (options.report,)

        def claims() -> WholeRecord | None:
            return claim_stages(options.out, identity, outputs, options.overwrite)

        with this.recorded(WholeRecord, identity, outputs, claims=claims) as record:
            record.remarks = list(inputs.remarks)
            stages = Stages(options, inputs, record, this, console)
            stages.tell_choices()
            bank = stages.noise()
            model = stages.tuning(bank)
            denoised = stages.denoising(model)
            stages.classes()
            stages.trust(bank, model)
            this.note(record)
            report(options, inputs, record, bank, denoised.sample)
    console.say(last_lines(options, record))
    return record
