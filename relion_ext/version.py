"""Which RELION started the job."""

import re
from enum import Enum
from pathlib import Path


class RelionVersion(Enum):
    """The RELION versions whose files differ in what a job writes."""

    V3_1 = "3.1"
    V4_0 = "4.0"
    V5_0 = "5.0"


# The version in which STAR files began to carry the next `# version` number.
_FIRST_OF_V5 = 50001


def detect(job_folder: Path, project: Path) -> RelionVersion | None:
    """Tell which RELION wrote the job, from the files it keeps.

    Parameters
    ----------
    job_folder
        Its job.star is written before the launch.
    project
        The project directory, whose default_pipeline.star is asked next.

    Returns
    -------
    RelionVersion or None
        None when neither file tells.
    """
    for path, number, label in (
        (job_folder / "job.star", "_rlnJobType", "_rlnJobTypeLabel"),
        (
            project / "default_pipeline.star",
            "_rlnPipeLine(?:Process|Node)Type",
            "_rlnPipeLine(?:Process|Node)TypeLabel",
        ),
    ):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        stamps = [int(stamp) for stamp in re.findall(r"^# version (\d+)", text, re.MULTILINE)]
        if max(stamps, default=0) >= _FIRST_OF_V5:
            return RelionVersion.V5_0
        if re.search(rf"^{label}\s", text, re.MULTILINE):
            return RelionVersion.V4_0
        if re.search(rf"^{number}\s", text, re.MULTILINE):
            return RelionVersion.V3_1
    return None
