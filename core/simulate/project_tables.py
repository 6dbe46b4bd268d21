"""The STAR files of a simulated RELION project, in the words of RELION 3.1 and 4.0 to 5.0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..images.star.image_names import image_name
from ..images.star.writer import NewColumns, loop, pairs, write_blocks
from .project_contents import (
    AMPLITUDE_CONTRAST,
    SPHERICAL_ABERRATION,
    VOLTAGE,
    ProjectSettings,
    SimulatedMicrograph,
)

MICROGRAPHS = "CtfFind/job003/micrographs_ctf.star"
PICKS = "AutoPick/job006/autopick.star"
"""As RELION 4.0 and later list them."""
PICKS_31 = "AutoPick/job006/coords_suffix_autopick.star"
PARTICLES = "Extract/job007/particles.star"
REFERENCE = "InitialModel/job012/initial_model.mrc"
NEXT_JOB = 13

# Job and node types of RELION 3.1, which later versions translate.
_JOBS = {MICROGRAPHS: 2, PICKS_31: 4, PARTICLES: 5, REFERENCE: 18}
_NODES = {MICROGRAPHS: 1, PICKS_31: 2, PICKS: 2, PARTICLES: 3, REFERENCE: 6}
_FINISHED = 2


def write_tables(
    folder: Path, micrographs: Sequence[SimulatedMicrograph], settings: ProjectSettings
) -> None:
    """Write all STAR files of the project; their paths start at `folder`.

    Parameters
    ----------
    folder
        Gets `MICROGRAPHS`, `PICKS`, `PICKS_31` with a file of picks for each micrograph,
        `PARTICLES`, and default_pipeline.star, which lists these and `REFERENCE`.
    micrographs
        With their particles.
    settings
        What the project holds.
    """
    _write_micrographs(folder, micrographs, settings)
    _write_picks(folder, micrographs)
    _write_particles(folder, micrographs, settings)
    _write_pipeline(folder)


def _write_micrographs(
    folder: Path, micrographs: Sequence[SimulatedMicrograph], settings: ProjectSettings
) -> None:
    optics = {**_optics(settings), "rlnMicrographPixelSize": [settings.pixel_size]}
    rows: NewColumns = {
        "rlnMicrographName": [one.name for one in micrographs],
        "rlnOpticsGroup": [1 for _ in micrographs],
        **_ctf(micrographs),
    }
    write_blocks(folder / MICROGRAPHS, loop("optics", optics), loop("micrographs", rows))


def _write_picks(folder: Path, micrographs: Sequence[SimulatedMicrograph]) -> None:
    listed: dict[str, list[str]] = {"rlnMicrographName": [], "rlnMicrographCoordinates": []}
    for one in micrographs:
        # RELION puts the picks of JobType/jobNNN/PATH.mrc at PATH below the picking job.
        below = PurePosixPath(one.name).relative_to("MotionCorr/job002")
        path = str(PurePosixPath(PICKS).parent / below.with_name(f"{below.stem}_autopick.star"))
        write_blocks(folder / path, loop("", _places([one])))
        listed["rlnMicrographName"].append(one.name)
        listed["rlnMicrographCoordinates"].append(path)
    write_blocks(folder / PICKS, loop("coordinate_files", listed))
    (folder / PICKS_31).write_text(f"{MICROGRAPHS}\n")


def _write_particles(
    folder: Path, micrographs: Sequence[SimulatedMicrograph], settings: ProjectSettings
) -> None:
    optics = {
        **_optics(settings),
        "rlnImagePixelSize": [settings.pixel_size],
        "rlnImageSize": [settings.box],
        "rlnImageDimensionality": [2],
    }
    of_each = [(one, index) for one in micrographs for index in range(len(one.places))]
    rows: NewColumns = {
        **_places(micrographs),
        "rlnImageName": [image_name(index, one.stack) for one, index in of_each],
        "rlnMicrographName": [one.name for one, _ in of_each],
        "rlnOpticsGroup": [1 for _ in of_each],
        **_ctf([one for one, _ in of_each]),
    }
    write_blocks(folder / PARTICLES, loop("optics", optics), loop("particles", rows))


def _write_pipeline(folder: Path) -> None:
    """Tell RELION which jobs there are, so that its Browse buttons find their outputs."""
    jobs = {node: f"{PurePosixPath(node).parent}/" for node in _NODES}
    processes = {
        "rlnPipeLineProcessName": [jobs[node] for node in _JOBS],
        "rlnPipeLineProcessAlias": ["None" for _ in _JOBS],
        "rlnPipeLineProcessType": _JOBS.values(),
        "rlnPipeLineProcessStatus": [_FINISHED for _ in _JOBS],
    }
    nodes = {"rlnPipeLineNodeName": _NODES, "rlnPipeLineNodeType": _NODES.values()}
    edges = {"rlnPipeLineEdgeProcess": jobs.values(), "rlnPipeLineEdgeToNode": jobs}
    write_blocks(
        folder / "default_pipeline.star",
        pairs("pipeline_general", {"rlnPipeLineJobCounter": NEXT_JOB}),
        loop("pipeline_processes", processes),
        loop("pipeline_nodes", nodes),
        loop("pipeline_output_edges", edges),
    )
    (folder / ".gui_projectdir").touch()  # else RELION asks whether this is a project


def _optics(settings: ProjectSettings) -> dict[str, Sequence[object]]:
    return {
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnOpticsGroup": [1],
        "rlnMicrographOriginalPixelSize": [settings.pixel_size],
        "rlnVoltage": [VOLTAGE],
        "rlnSphericalAberration": [SPHERICAL_ABERRATION],
        "rlnAmplitudeContrast": [AMPLITUDE_CONTRAST],
    }


def _places(micrographs: Sequence[SimulatedMicrograph]) -> dict[str, Sequence[object]]:
    places = [place for one in micrographs for place in one.places]
    return {
        "rlnCoordinateX": [float(x) for _, x in places],
        "rlnCoordinateY": [float(y) for y, _ in places],
    }


def _ctf(rows: Sequence[SimulatedMicrograph]) -> dict[str, Sequence[object]]:
    return {
        "rlnDefocusU": [float(one.ctf.defocus_u[0]) for one in rows],
        "rlnDefocusV": [float(one.ctf.defocus_v[0]) for one in rows],
        "rlnDefocusAngle": [float(one.ctf.defocus_angle[0]) for one in rows],
        "rlnPhaseShift": [float(one.ctf.phase_shift[0]) for one in rows],
    }
