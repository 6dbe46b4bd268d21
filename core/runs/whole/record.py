"""What a whole run notes in its record: what came of each stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record import RunRecord


@dataclass
class Stage:
    """What came of a stage; what is not known is None."""

    left_out: str | None = None
    """Why nothing was done."""
    seconds: float | None = None
    """Of the pass that finished it."""
    kept: bool | None = None
    """Whether it is left as it is, because the set has got more stacks since."""


@dataclass
class NoiseStage(Stage):
    """Noise blocks are cut."""

    box: int | None = None
    """Pixels, of the blocks that are cut or were."""
    state: str | None = None
    blocks: int | None = None
    micrographs: int | None = None
    with_blocks: int | None = None
    why: str | None = None
    """There are no blocks."""
    warnings: list[str] | None = None


@dataclass
class TuningStage(Stage):
    """The model is fine-tuned."""

    before: float | None = None
    after: float | None = None
    """Held-out correlation."""
    gain: dict[str, float] = field(default_factory=dict)
    """Mean and error."""
    own_gain: list[float] | None = None
    """Of the correlation with the truth on the user's own particles, and its 95 % interval."""
    used: bool | None = None
    """Whether the fine-tuned model denoises."""
    steps: int = 0
    training_seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)


@dataclass
class DenoisingStage(Stage):
    """Particles are denoised."""

    model: str = ""
    particles: int = 0
    passed_through: int = 0
    output: str = ""
    evidence: str = ""
    """What the set's own images tell of the result, in words."""


@dataclass
class ClassesStage(Stage):
    """Raw particles are sorted into 2D classes."""

    classes: int = 0
    empty: int = 0
    """Images in the class of noise alone."""
    files: list[str] = field(default_factory=list)
    """Particles, model and optimiser of the classes, as RELION reads them."""


@dataclass
class TrustStage(Stage):
    """The denoised particles are examined."""

    verdict: str = ""
    passed: bool | None = None
    warnings: list[str] | None = None


@dataclass
class StageRecords:
    """What came of each stage."""

    noise: NoiseStage = field(default_factory=NoiseStage)
    tuning: TuningStage = field(default_factory=TuningStage)
    denoising: DenoisingStage = field(default_factory=DenoisingStage)
    classes: ClassesStage = field(default_factory=ClassesStage)
    trust: TrustStage = field(default_factory=TrustStage)


@dataclass
class WholeRecord(RunRecord):
    """What a whole run has done."""

    stages: StageRecords = field(default_factory=StageRecords)
