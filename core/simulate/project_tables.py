"""The STAR files of a simulated RELION project, in the words of RELION 3.1 and 4.0 to 5.0."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .project_contents import AMPLITUDE_CONTRAST, SPHERICAL_ABERRATION, VOLTAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .project_contents import ProjectSettings, SimulatedMicrograph

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
_OPTICS = (
    "rlnOpticsGroupName", "rlnOpticsGroup", "rlnMicrographOriginalPixelSize", "rlnVoltage",
    "rlnSphericalAberration", "rlnAmplitudeContrast",
)  # fmt: skip
_CTF = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnPhaseShift")


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
    optics = _table("optics", (*_OPTICS, "rlnMicrographPixelSize"),
                    [(*_optics(settings), settings.pixel_size)])  # fmt: skip
    rows = [(one.name, 1, *_ctf(one)) for one in micrographs]
    _write(
        folder / MICROGRAPHS,
        optics,
        _table("micrographs", ("rlnMicrographName", "rlnOpticsGroup", *_CTF), rows),
    )


def _write_picks(folder: Path, micrographs: Sequence[SimulatedMicrograph]) -> None:
    listed = []
    for one in micrographs:
        # RELION puts the picks of JobType/jobNNN/PATH.mrc at PATH below the picking job.
        below = PurePosixPath(one.name).relative_to("MotionCorr/job002")
        path = str(PurePosixPath(PICKS).parent / below.with_name(f"{below.stem}_autopick.star"))
        rows = [(float(x), float(y)) for y, x in one.places]
        _write(folder / path, _table("", ("rlnCoordinateX", "rlnCoordinateY"), rows))
        listed.append((one.name, path))
    names = ("rlnMicrographName", "rlnMicrographCoordinates")
    _write(folder / PICKS, _table("coordinate_files", names, listed))
    (folder / PICKS_31).write_text(f"{MICROGRAPHS}\n")


def _write_particles(
    folder: Path, micrographs: Sequence[SimulatedMicrograph], settings: ProjectSettings
) -> None:
    columns = (*_OPTICS, "rlnImagePixelSize", "rlnImageSize", "rlnImageDimensionality")
    optics = _table("optics", columns, [(*_optics(settings), settings.pixel_size, settings.box, 2)])
    rows = [
        (float(x), float(y), f"{index:06d}@{one.stack}", one.name, 1, *_ctf(one))
        for one in micrographs
        for index, (y, x) in enumerate(one.places, 1)
    ]
    columns = ("rlnCoordinateX", "rlnCoordinateY", "rlnImageName", "rlnMicrographName",
               "rlnOpticsGroup", *_CTF)  # fmt: skip
    _write(folder / PARTICLES, optics, _table("particles", columns, rows))


def _write_pipeline(folder: Path) -> None:
    """Tell RELION which jobs there are, so that its Browse buttons find their outputs."""
    jobs = {node: f"{PurePosixPath(node).parent}/" for node in _NODES}
    processes = [(jobs[node], "None", kind, _FINISHED) for node, kind in _JOBS.items()]
    general = (
        f"\n# version 30001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter {NEXT_JOB}\n \n"
    )
    start = "rlnPipeLine"
    _write(
        folder / "default_pipeline.star",
        general,
        _table("pipeline_processes", [f"{start}Process{each}" for each in
               ("Name", "Alias", "Type", "Status")], processes),
        _table("pipeline_nodes", [f"{start}NodeName", f"{start}NodeType"], _NODES.items()),
        _table("pipeline_output_edges", [f"{start}EdgeProcess", f"{start}EdgeToNode"],
               [(job, node) for node, job in jobs.items()]),
    )  # fmt: skip
    (folder / ".gui_projectdir").touch()  # else RELION asks whether this is a project


def _optics(settings: ProjectSettings) -> tuple[object, ...]:
    return ("opticsGroup1", 1, settings.pixel_size, VOLTAGE, SPHERICAL_ABERRATION,
            AMPLITUDE_CONTRAST)  # fmt: skip


def _ctf(one: SimulatedMicrograph) -> tuple[float, ...]:
    ctf = one.ctf
    values = (ctf.defocus_u, ctf.defocus_v, ctf.defocus_angle, ctf.phase_shift)
    return tuple(float(value[0]) for value in values)


def _table(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Give a STAR table; numbers have six decimals, as RELION writes them."""
    tags = "".join(f"_{column} #{number}\n" for number, column in enumerate(columns, 1))
    lines = "".join(" ".join(_text(value) for value in row) + "\n" for row in rows)
    return f"\n# version 30001\n\ndata_{name}\n\nloop_\n{tags}{lines} \n"


def _text(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _write(path: Path, *tables: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(tables))
