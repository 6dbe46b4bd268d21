"""What a denoising run tells the user: its report, and the last lines on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sized

from ...denoise.known_set import KnownSet
from ...denoise.model_file import Model
from ...denoise.views import Geometry, seen_by_network
from ...figures.denoise_report import ADVICE, write_report
from ...figures.evidence_page import evidence_page
from ...figures.sample import Sample
from ...figures.set_gallery import set_page, strongest
from ...images.output_plan import OutputPlan
from ...images.particles import format_of
from ...sets.stacking.evidence import Evidence
from ...sets.stacking.evidence_words import evidence_words
from ...wording import counted
from ..durations import format_duration
from ..record import Device
from ..samples import draw_sample
from .learning import jobs_of_sets, learned_sets
from .options import DenoiseOptions
from .record import DenoiseRecord
from .warnings import NAMED


def report(
    options: DenoiseOptions,
    plan: OutputPlan,
    model: Model,
    record: DenoiseRecord,
) -> Sample:
    """Write the report of a run that has all its stacks; returns the particles that it shows.

    Parameters
    ----------
    options, plan, model
        Of the run.
    record
        The run's record so far.
    """
    card = model.card
    sample = draw_sample(plan, options.out / options.stacks)
    kinds = list(jobs_of_sets(plan.jobs))
    sets = learned_sets(options)
    device = record.device or Device()
    facts = [
        ("input", str(options.particles)),
        ("particles", f"{record.particles} in {counted(record.stacks, 'stack')}{_split(plan)}"),
        *(("box, pixel size", _seen(*kind, card.working_pixel_size)) for kind in kinds[:NAMED]),
        *_more("box, pixel size", kinds),
        ("model", f"{card.name}, {model.sha256[:12]}"),
        *(("set", _learned(*kind, sets[kind])) for kind in list(sets)[:NAMED]),
        *_more("set", sets),
        *(("evidence", sentence) for sentence in _evidence(sets)),
        ("device", f"{device.name}, {counted(device.threads, 'thread')}"),
        ("speed", f"{record.images_per_second} images/s{_after_learning(record)}"),
        ("images", f"{record.computed} computed now, {record.found_whole} found whole"),
        ("units", "standard deviations of the raw background; box and pixel size as the input"),
    ]  # fmt: skip
    evidence = evidence_of(sets)
    further = [evidence_page(evidence)] if evidence else []
    further += [set_page(largest(sets).prior)] if sets else []
    texts = [
        *_notes(options, record, sample, len(kinds)),
        ADVICE,
        format_of(options.output).way_back,
    ]
    write_report(options.out / options.report, sample, card, facts, texts, further)
    return sample


def _notes(options: DenoiseOptions, record: DenoiseRecord, sample: Sample, kinds: int) -> list[str]:
    """Say what a reader of the pictures should know; images are of so many kinds."""
    notes = [*record.warnings]
    if kinds > 1:
        notes.append(
            f"The pictures show the particles of {sample.raw.shape[-1]} px, "
            f"{sample.pixel_size:.4g} Å."
        )
    if record.contrast != "white":
        which = "are" if record.contrast == "black" else "of some stacks are"
        notes.append(f"The particles {which} black: they were inverted for the network and back.")
    if options.keep_noise:
        notes.append(
            f"{options.keep_noise:g} of each raw image was kept (keep-noise), at all resolutions; "
            "the evidence is that of the images before."
        )
    if record.out_of is not None:
        notes.append(
            f"A quick look at {record.particles} of {counted(record.out_of, 'particle')}; all of "
            f"them would take {record.whole}."
        )
    if options.each_alone:
        notes.append("Every particle was denoised by itself (each-alone).")
    return notes


def _seen(box: int, pixel_size: float, working_pixel_size: float) -> str:
    """Say at which box and pixel size the network saw images."""
    small, working = seen_by_network(box, pixel_size, working_pixel_size)
    return (
        f"{box} px, {pixel_size:.4g} Å; the network saw {small} px, {working:.3g} Å (it keeps "
        f"nothing beyond {2 * working:.1f} Å)"
    )


def _split(plan: OutputPlan) -> str:
    """Say that there are more denoised stacks than raw ones, where it is so."""
    if len(plan.jobs) == plan.sources:
        return ""
    return f" ({len(plan.jobs)} denoised stacks: each has one pixel size and one contrast)"


def _more(name: str, kinds: Sized) -> list[tuple[str, str]]:
    """Say in one line that there are more than the first few, if there are."""
    return [(name, f"and {len(kinds) - NAMED} more")] if len(kinds) > NAMED else []


def largest(sets: Mapping[Geometry, KnownSet]) -> KnownSet:
    """Give the set that was learned from most images."""
    return max(sets.values(), key=lambda known: known.prior.count)


def evidence_of(sets: Mapping[Geometry, KnownSet]) -> Evidence | None:
    """Give what the largest set that tells something tells of its result."""
    told = {key: known for key, known in sets.items() if known.evidence}
    return largest(told).evidence if told else None


def _evidence(sets: Mapping[Geometry, KnownSet]) -> list[str]:
    """Say how good the result is, as the set's own images tell it."""
    evidence = evidence_of(sets)
    return [evidence_words(evidence)] if evidence else []


def _learned(box: int, pixel_size: float, known: KnownSet) -> str:
    """Say what a set of images has taught, and how much of the result that is."""
    prior = known.prior
    patterns = len(strongest(prior, len(prior.components))[0])
    return (
        f"{box} px, {pixel_size:.4g} Å: {counted(patterns, 'pattern')} learned from "
        f"{counted(prior.count, 'image')} in all their turns; parts of the result: "
        + ", ".join(f"{name} {share:.2f}" for name, share in known.shares().items())
    )


def _after_learning(record: DenoiseRecord) -> str:
    if record.learning_seconds is None:
        return ""
    return f", after {format_duration(record.learning_seconds)} in which the set was learned"


def last_lines(options: DenoiseOptions, record: DenoiseRecord) -> str:
    """Say in a few lines what was done and where it is."""
    as_they_were = (
        f" ({counted(record.passed_through, 'image')} left raw)" if record.passed_through else ""
    )
    lines = [
        f"{counted(record.particles, 'particle')} denoised with {record.model.name}{as_they_were}: "
        + (
            f"{record.images_per_second} images/s"
            if record.computed
            else "nothing was left to compute"
        ),
        f"  {options.output}",
        f"  {options.out / options.report}",
        *_evidence(learned_sets(options)),
    ]
    if record.contrast != "white":
        doubt = ", not for certain" if record.contrast_doubtful else ""
        lines.append(f"  note: the particles are {record.contrast} ({record.contrast_from}{doubt})")
    if record.out_of is not None:
        lines.append(
            f"  a quick look at {record.particles} of {counted(record.out_of, 'particle')}"
        )
        lines.append(f"  all of them: {record.whole}")
    return "\n".join(lines)
