"""Whether a fine-tuned model sees more in the user's own particles than the one before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...compute.threads import thread_pool
from ...denoise.batches import spread
from ...denoise.estimators.estimator import joined
from ...denoise.estimators.network import Network
from ...denoise.model_file import load_model
from ...denoise.network_gain import network_gain
from ...denoise.views import working_box
from ...denoise.weighing import how_many
from ...remarks import collected
from ...sets.stacking.evidence import Interval
from ..denoise.inputs import prepare, settle_contrast
from ..denoise.learning import Shown, jobs_of_sets
from ..denoise.options import DenoiseOptions


def own_gain(
    options: DenoiseOptions, tuned: Path, tick: Callable[[], None] = lambda: None
) -> Interval | None:
    """Tell by how much the correlation with the truth rises on the particles themselves.

    Parameters
    ----------
    options
        Of denoising with the model before.
    tuned
        The fine-tuned model.
    tick
        Called after every few images.

    Returns
    -------
    gain
        Within the particle, with its 95 % interval; None where the particles do not tell. Where
        they have several boxes or pixel sizes, those of the most common one are asked.
    """
    with collected():  # denoising says it again
        work = prepare(options, 0, 1)
        plan, _ = settle_contrast(options, work.plan, {})
    sets = jobs_of_sets(plan.jobs)
    geometry = max(sets, key=lambda key: sum(len(job.indices) for job in sets[key]))
    working = work.model.card.working_pixel_size
    images = Shown(sets[geometry], geometry, work.ctf, working)
    pieces = list(spread(images.jobs, how_many(working_box(*geometry, working))))
    new, old = (Network(model.generator, work.device) for model in (load_model(tuned), work.model))
    with thread_pool() as pool:
        sample = joined(list(pool.map(images.piece, pieces))).to(work.device)
        return network_gain(new, old, sample, pool, lambda count: tick())
