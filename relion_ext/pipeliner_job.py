"""iceblock's jobs in ccpem-pipeliner and Doppio, found by the entry points `ccpem_pipeliner.jobs`.

Each is made from the `Program` of a RELION External job, starts the same executable, and shows its
inputs and labels as fields. The pipeliner keeps its own markers, ends jobs with SIGTERM, and takes
the outputs from here. Nothing heavy is imported: listing jobs stays quick.
"""

from __future__ import annotations

from typing import ClassVar

from pipeliner.external_program_utils import ExternalProgram
from pipeliner.job_options import (
    EXT_MRC_MAP,
    EXT_STARFILE,
    BooleanJobOption,
    FileDescription,
    InputNodeJobOption,
    JobOptionValidationResult,
    StringJobOption,
)
from pipeliner.nodes import (
    NODE_DENSITYMAP,
    NODE_LOGFILE,
    NODE_MICROGRAPHCOORDSGROUP,
    NODE_MICROGRAPHGROUPMETADATA,
    NODE_OPTIMISERDATA,
    NODE_PARTICLEGROUPMETADATA,
)
from pipeliner.pipeliner_job import PipelinerCommand, PipelinerJob, Ref

import core
from core.errors import IceblockError
from core.wording import wording

from .arguments import parse
from .classify import PROGRAM as CLASSIFY
from .denoise import PROGRAM as DENOISE
from .micrographs import PROGRAM as MICROGRAPHS
from .program import INPUTS, Program, meaning
from .restore import PROGRAM as RESTORE
from .select import PROGRAM as SELECT
from .whole import PROGRAM as WHOLE
from .wording import words_for

NODES = {
    "in_parts": (NODE_PARTICLEGROUPMETADATA, EXT_STARFILE),
    "in_mics": (NODE_MICROGRAPHGROUPMETADATA, EXT_STARFILE),
    "in_coords": (NODE_MICROGRAPHCOORDSGROUP, EXT_STARFILE),
    "in_3dref": (NODE_DENSITYMAP, EXT_MRC_MAP),
}
"""Type of each input, and what its file ends in."""
PARTICLES = (NODE_PARTICLEGROUPMETADATA, ["relion", "iceblock"])
LOG = (NODE_LOGFILE, ["iceblock"])
PAPER = Ref(
    authors=["Tang H", "Wang S", "Ouyang J", "Liu T"],
    title="A Noise Extraction Method for Cryo-EM Single-Particle Denoising",
    journal="Journal on Big Data",
    year="2022",
    volume="4",
    issue="1",
    doi="10.32604/jbd.2022.028078",
)


class IceblockJob(PipelinerJob):  # type: ignore[misc]
    """A job made from a program; those that a user chooses from are its subclasses."""

    OUT_DIR = "Iceblock"
    CATEGORY_LABEL = "Denoising"
    PROGRAM: ClassVar[Program]
    TITLE: ClassVar[str]
    OUTPUTS: ClassVar[dict[str, tuple[str, list[str]]]]
    """Files in the job's folder that it always makes, with their type and keywords."""

    def __init__(self) -> None:
        super().__init__()
        info = self.jobinfo
        info.display_name = self.TITLE
        info.short_desc = self.PROGRAM.summary.partition(":")[0]
        info.long_desc = self.PROGRAM.summary
        info.version = core.__version__
        info.job_author = "iceblock"
        info.programs = [ExternalProgram(command=self.PROGRAM.name)]
        info.references = [PAPER]
        self.can_continue = True
        for name in self.PROGRAM.inputs:
            kind, endings = NODES[name]
            self.joboptions[name] = InputNodeJobOption(
                label=f"{INPUTS[name]}:",
                node_type=kind,
                pattern=FileDescription(INPUTS[name], endings),
                is_required=name in self.PROGRAM.needs,
            )
        for name, one in self.PROGRAM.labels.items():
            words = {"label": f"{name.replace('_', ' ')}:", "help_text": meaning(one)}
            if one.flag:
                option = BooleanJobOption(default_value=one.default, in_continue=True, **words)
            else:
                option = StringJobOption(in_continue=True, **words)
            self.joboptions[name] = option
        self.get_runtab_options(threads=True)

    def create_output_nodes(self) -> None:
        """Announce the outputs."""
        for name, (kind, keywords) in self.OUTPUTS.items():
            self.add_output_node(name, kind, keywords)

    def get_commands(self) -> list[PipelinerCommand]:
        """Give the command, which runs in the project folder."""
        return [PipelinerCommand([self.PROGRAM.name, "--o", self.output_dir, *self._arguments()])]

    def additional_joboption_validation(self) -> list[JobOptionValidationResult]:
        """Read the arguments as the job will, so that a mistake is told before it starts."""
        if any(not self.joboptions[name].value for name in self.PROGRAM.needs):
            return []  # the pipeliner says so itself
        try:
            with wording(words_for(self.PROGRAM)):
                parse(self.PROGRAM, self._arguments())
        except IceblockError as error:
            return [JobOptionValidationResult("error", [], str(error))]
        return []

    def _arguments(self) -> list[str]:
        """Give all that is filled in, as RELION writes it."""
        given = ["--j", str(self.get_nr_threads())]
        for name in self.PROGRAM.inputs:
            if path := self.joboptions[name].value:
                given += [f"--{name}", str(path)]
        for name, one in self.PROGRAM.labels.items():
            if one.flag:
                chosen = self.joboptions[name].get_boolean()
                given += [f"--{name}", "yes" if chosen else "no"] * (chosen != one.default)
            elif text := str(self.joboptions[name].value or "").strip():
                given += [f"--{name}", text]
        return given


class WholeJob(IceblockJob):
    """`relion_iceblock`: from micrographs to denoised particles."""

    PROCESS_NAME = "iceblock.denoise.project"
    TITLE = "iceblock: learn the ice's noise, denoise particles"
    PROGRAM = WHOLE
    OUTPUTS: ClassVar = {
        "Denoised/particles.star": PARTICLES,
        "logfile.pdf": LOG,
        "Trust/report.pdf": LOG,
    }


class DenoiseJob(IceblockJob):
    """`relion_iceblock_denoise`: denoised particles."""

    PROCESS_NAME = "iceblock.denoise.particles"
    TITLE = "iceblock: denoise particles"
    PROGRAM = DENOISE
    OUTPUTS: ClassVar = {"particles.star": PARTICLES, "logfile.pdf": LOG}


class MicrographsJob(IceblockJob):
    """`relion_iceblock_micrographs`: denoised micrographs."""

    PROCESS_NAME = "iceblock.denoise.micrographs"
    TITLE = "iceblock: denoise micrographs"
    PROGRAM = MICROGRAPHS
    OUTPUTS: ClassVar = {
        "micrographs.star": (NODE_MICROGRAPHGROUPMETADATA, ["relion", "iceblock"]),
        "logfile.pdf": LOG,
    }


class ClassifyJob(IceblockJob):
    """`relion_iceblock_classify`: particles in 2D classes."""

    PROCESS_NAME = "iceblock.class2d.particles"
    TITLE = "iceblock: 2D classes in seconds"
    CATEGORY_LABEL = "2D Classification"
    PROGRAM = CLASSIFY
    OUTPUTS: ClassVar = {"particles.star": PARTICLES, "logfile.pdf": LOG}

    def create_output_nodes(self) -> None:
        """Announce the outputs; the optimiser's name tells the number of iterations."""
        super().create_output_nodes()
        iterations = str(self.joboptions["iterations"].value or "").strip() or "25"
        name = f"run_it{int(iterations):03d}_optimiser.star"
        self.add_output_node(name, NODE_OPTIMISERDATA, ["relion", "iceblock", "class2d"])


class SelectJob(IceblockJob):
    """`relion_iceblock_select`: the particles worth keeping."""

    PROCESS_NAME = "iceblock.select.particles"
    TITLE = "iceblock: choose the particles worth keeping"
    CATEGORY_LABEL = "Subset Selection"
    PROGRAM = SELECT
    OUTPUTS: ClassVar = {"particles.star": PARTICLES, "logfile.pdf": LOG}


class RestoreJob(IceblockJob):
    """`relion_iceblock_restore`: the raw images back in a denoised set."""

    PROCESS_NAME = "iceblock.restore.particles"
    TITLE = "iceblock: put raw images back"
    CATEGORY_LABEL = "Subset Selection"
    PROGRAM = RESTORE
    OUTPUTS: ClassVar = {"particles.star": PARTICLES}

    def create_output_nodes(self) -> None:
        """Announce the particles, or the coordinates where those were given."""
        coordinates = str(self.joboptions["in_coords"].value or "")
        if self.joboptions["in_parts"].value or not coordinates:
            super().create_output_nodes()
        else:
            name = coordinates.rpartition("/")[2]
            self.add_output_node(name, NODE_MICROGRAPHCOORDSGROUP, ["relion", "iceblock"])
