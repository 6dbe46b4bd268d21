"""RELION_OUTPUT_NODES.star: what RELION registers as the job's outputs."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from .version import RelionVersion

FILE_NAME = "RELION_OUTPUT_NODES.star"


class NodeType(Enum):
    """The kinds of output, as (3.1's number, 4.0's label, 5.0's label).

    The labels of 4.0 and 5.0 are not interchangeable: under the wrong one RELION lists the node
    but its Browse buttons never offer it.
    """

    MICROGRAPHS = (1, "MicrographsData.star.relion", "MicrographGroupMetadata.star.relion")
    COORDINATES = (2, "MicrographsCoords.star.relion", "MicrographCoordsGroup.star.relion")
    PARTICLES = (3, "ParticlesData.star.relion", "ParticleGroupMetadata.star.relion")
    IMAGES_2D = (5, "ImagesData.star.relion", "Image2DGroupMetadata.star.relion")
    CLASS_MODEL = (8, "ProcessData.star.relion.model", "ProcessData.star.relion.model")
    CLASS_OPTIMISER = (
        9, "ProcessData.star.relion.optimiser.class2d", "OptimiserData.star.relion.class2d",
    )  # fmt: skip
    PDF_LOG = (13, "LogFile.pdf.relion", "LogFile.pdf.relion")

    @property
    def number(self) -> int:
        """The node type of RELION 3.1."""
        return self.value[0]

    def label(self, version: RelionVersion | None) -> str:
        """Return the node type of RELION 4.0 or of 5.0."""
        return self.value[1] if version is RelionVersion.V4_0 else self.value[2]


def write_output_nodes(
    folder: Path, nodes: Sequence[tuple[str, NodeType]], version: RelionVersion | None
) -> None:
    """Write the table of outputs, whole or not at all.

    Parameters
    ----------
    folder
        The job directory.
    nodes
        Name from the project directory and type of each output.
    version
        The RELION that reads it; None writes the types of 3.1 and of 5.0 side by side, which
        either reads.

    Raises
    ------
    IceblockError
        If the file cannot be written.
    """
    from core.images.star.writer import loop, write_blocks

    columns: dict[str, list[object]] = {"rlnPipeLineNodeName": [name for name, _ in nodes]}
    if version in (None, RelionVersion.V3_1):
        columns["rlnPipeLineNodeType"] = [kind.number for _, kind in nodes]
    if version is not RelionVersion.V3_1:
        columns["rlnPipeLineNodeTypeLabel"] = [kind.label(version) for _, kind in nodes]
    write_blocks(folder / FILE_NAME, loop("output_nodes", columns))
