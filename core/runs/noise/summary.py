"""What a run that cuts noise blocks found, and what the user is to be told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...errors import IceblockError
from ...images.micrographs.picks import Picks
from ...noise.coverage import NEEDED
from ...noise.cutter import DENSITY, LITTLE_BACKGROUND, NO_WINDOW, POWER
from ...remarks import warn
from ...wording import counted, offered
from ..labelled import Labelled
from .micrograph_cutting import Facts
from .options import OVERLAYS, REMARKS, UNDECIDED, UNREADABLE, NoiseOptions
from .record import NoiseRecord

WHOLE = (LITTLE_BACKGROUND, NO_WINDOW, UNDECIDED)
"""Reasons that leave out a whole micrograph, not a window."""
_REMEDIES = {
    UNDECIDED: ("giving --picks", "training the segmentation on some of your micrographs"),
    LITTLE_BACKGROUND: ("a smaller --margin", "a smaller --min-background", "other micrographs"),
    NO_WINDOW: ("a smaller --box", "a smaller --margin", "a smaller --stride"),
    DENSITY: ("a smaller --box",),
    POWER: ("a smaller --box",),
}
_REMEDY = ("a smaller --box", "a smaller --margin", "a larger --overlap")
_SYNTHETIC = ("add synthetic ones with --synthetic",)
_NAMED = 3


@dataclass
class Summary:
    """Facts and warnings of a run, micrograph by micrograph."""

    options: NoiseOptions
    micrographs: Sequence[Labelled]
    picks: Picks | None
    say: Callable[[str], None]
    """Told what concerns one micrograph."""
    facts: dict[int, Facts] = field(default_factory=dict)
    """Of each micrograph that was read; see `MicrographCutter.cut`."""
    unreadable: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.picks is None:
            _tell("No picks are given: the segmentation alone tells where the particles are")
            return
        for remark in self.picks.remarks:
            _tell(remark)
        strange = self.picks.unmatched([one.micrograph.name for one in self.micrographs])
        if strange:
            _tell(
                f"{self.picks.source} has picks of {counted(len(strange), 'micrograph')} not among "
                f"the {len(self.micrographs)} given ({_some(strange)})"
            )

    @property
    def numbers(self) -> list[int]:
        """Numbers of the micrographs that were read, in order."""
        return sorted(self.facts)

    @property
    def read(self) -> list[Facts]:
        """Facts of the micrographs that were read, in order, whichever was done first."""
        return [self.facts[number] for number in self.numbers]

    @property
    def real(self) -> int:
        """Number of blocks that were cut."""
        return sum(facts.blocks for facts in self.read)

    @property
    def boxes(self) -> float:
        """Area of the micrographs that lies in some block, in boxes: overlaps count once."""
        return float(sum(facts.boxes for facts in self.read))

    @property
    def rejected(self) -> Counter[str]:
        """Windows left out, by reason."""
        total: Counter[str] = Counter()
        for facts in self.read:
            total.update({k: n for k, n in facts.rejected.items() if k not in WHOLE})
        return total

    @property
    def empty(self) -> Counter[str]:
        """Micrographs that gave no block, by the most frequent reason in each."""
        return Counter(_main_reason(facts) for facts in self._barren)

    @property
    def _barren(self) -> list[Facts]:
        return [facts for facts in self.read if not facts.blocks and not facts.skipped]

    def add(self, number: int, facts: Facts) -> None:
        """Take in what was found in a micrograph."""
        self.facts[number] = facts

    def pass_over(self, number: int, why: str) -> None:
        """Take in that a micrograph cannot be read."""
        self.unreadable[number] = why
        self.say(f"note: {why} (passed over)")

    def remarks(self) -> list[str]:
        """Give the sentences on single micrographs, each with its name."""
        lines = []
        for facts in self.read:
            sentences = list(facts.remarks)
            if facts.skipped:
                sentences.append("skipped, because the picks do not list it")
            elif not facts.blocks:
                sentences.append(f"no blocks: {_main_reason(facts)}, {_background(facts)}")
            lines += [f"{facts.name}: {sentence}" for sentence in sentences]
        return lines

    def conclude(self) -> None:
        """Warn of what the whole run shows, once all micrographs were looked at."""
        options = self.options
        if self.unreadable:
            names = _some([self.micrographs[n].micrograph.name for n in sorted(self.unreadable)])
            _tell(
                f"{len(self.unreadable)} of {counted(len(self.micrographs), 'micrograph')} cannot "
                f"be read and were passed over ({names}); they are listed in "
                f"{options.out / UNREADABLE}"
            )
        if barren := self._barren:
            names = _some([facts.name for facts in barren])
            reason = self.empty.most_common(1)[0][0]
            _tell(
                f"{len(barren)} of {counted(len(self.micrographs), 'micrograph')} gave no block "
                f"({names}), most often because of {reason}; see {options.out / REMARKS}"
            )
        outside = [f.name for f in self.read if any("outside" in r for r in f.remarks)]
        if outside:
            _tell(
                f"Picks lie outside {counted(len(outside), 'micrograph')} ({_some(outside)}); see "
                f"{options.out / REMARKS}"
            )
        if self.boxes + options.synthetic < NEEDED:
            added = offered(_SYNTHETIC)
            if options.synthetic:
                added = f"{options.synthetic} synthetic ones were added"
            more = f"{offered(_REMEDY)} gives more real ones"
            _tell(
                f"The noise is little for training: {counted(self.real, 'block')} "
                f"{'holds' if self.real == 1 else 'hold'} about {self.boxes:.0f} times the area of "
                f"a box of {options.box} pixels, and {NEEDED} times are needed; "
                f"{'; '.join(filter(None, (added, more)))}"
            )

    def without_blocks(self) -> IceblockError:
        """Say why there is no block at all, and which option to change."""
        n = counted(len(self.micrographs), "micrograph")
        if not self.facts:
            first = self.unreadable[min(self.unreadable)]
            return IceblockError(f"none of the {n} can be read; the first: {first}")
        read = self.read
        if all(facts.skipped for facts in read):
            assert self.picks is not None
            return IceblockError(
                f"{self.picks.source} lists none of the {n}, and those it does not list"
                " were to be skipped; name other picks, or do not require them"
            )
        looked = [facts for facts in read if not facts.skipped]
        background = 100 * sum(facts.background for facts in looked) / len(looked)
        reason = self.empty.most_common(1)[0][0]
        tried = counted(len(looked), "micrograph")
        return IceblockError(
            f"no noise block of {self.options.box} pixels could be cut from {tried} "
            f"({background:.0f} % of their area is background, before a margin of "
            f"{self.options.settings().margin:g} Å), most often because of "
            f"{reason}; try {offered(_REMEDIES.get(reason, _REMEDY))}, and look at the pictures in "
            f"{self.options.out / OVERLAYS}"
        )

    def note(self, record: NoiseRecord) -> None:
        """Take the counts into the record of the run."""
        facts = self.read
        record.micrographs, record.unreadable = len(self.micrographs), len(self.unreadable)
        record.skipped = sum(one.skipped for one in facts)
        record.with_blocks = sum(one.blocks > 0 for one in facts)
        record.blocks, record.boxes = self.real, round(self.boxes, 1)
        record.synthetic = self.options.synthetic if self.real else 0
        record.rejected = dict(self.rejected.most_common())


def _tell(sentence: str) -> None:
    warn(sentence if sentence.endswith(".") else f"{sentence}.")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _main_reason(facts: Facts) -> str:
    rejected = Counter(facts.rejected)
    return str(rejected.most_common(1)[0][0]) if rejected else NO_WINDOW


def _background(facts: Facts) -> str:
    return f"{100 * facts.background:.0f} % of it is background"
