"""`iceblock denoise-micrographs`."""

from __future__ import annotations

from typing import TextIO

from ..runs.micrographs.options import MicrographsOptions
from .generated import run_command


@run_command(MicrographsOptions, "denoise-micrographs", no_args_is_help=True)
def command(options: MicrographsOptions, progress: TextIO | None) -> None:
    """Denoise whole micrographs, to look at them and to pick on them.

    MICROGRAPHS is a RELION micrographs.star, exposures of CryoSPARC (.cs), a folder, or image files
    (MRC, TIFF, PNG). DIR gets the denoised micrographs in Micrographs, a picture of each before and
    after in Pictures, micrographs.star, report.pdf and run.json. Pollution is marked and not
    denoised. Extract particles from the raw micrographs: `iceblock restore` puts their names back
    into picks and particles. The same command given again goes on where a stopped run was.

    \b
    Example, in the project folder:
      iceblock denoise-micrographs CtfFind/job004/micrographs_ctf.star --out DenoisedMics
    """
    from ..runs.micrographs.run import run

    run(options, progress=progress)
