"""Find the table of particles in a STAR file, and say what another file is."""

from ...errors import IceblockError
from .document import StarFile
from .raw_links import IMAGE
from .table import StarTable

# What a STAR file without image names is, by a column that it has, and what to do about it.
_OTHER_TABLES = {
    "_rlnMicrographCoordinates": "lists files of picks; extract the particles and name their STAR",
    "_rlnCoordinateX": "holds picks only; extract the particles and name their STAR",
    "_rlnMicrographName": "lists micrographs only; name the STAR of the extracted particles",
    "_rlnMicrographMovieName": "lists movies only; name the STAR of the extracted particles",
    "_rlnReferenceImage": "describes classes; name the _data.star of the same run",
    "_rlnExperimentalDataStarFile": "describes a run; name the _data.star of the same run",
}


def find_particles(star: StarFile) -> StarTable:
    """Give the table with images; IceblockError says what a file without one holds."""
    table = star.find(IMAGE, block="particles") or star.find(IMAGE)
    if table is not None and len(table) > 0:
        return table
    if table is not None:
        raise IceblockError(
            f"{star.path} has no particles: {table.name} is empty; select some particles first"
        )
    for tag, what in _OTHER_TABLES.items():
        if star.find(tag) is not None:
            raise IceblockError(f"{star.path} has no particles: it {what}")
    raise IceblockError(
        f"{star.path} has no particles: none of its tables has the column rlnImageName; name the "
        "STAR of the extracted particles"
    )


def refuse_volumes(star: StarFile) -> None:
    """Refuse subtomograms: volumes, and one stack of tilt images for each particle."""
    for tag, value in (("_rlnImageDimensionality", 3), ("_rlnTomoSubTomosAre2DStacks", 1)):
        table = star.find(tag)
        if table is not None and (table.floats(tag) == value).any():
            raise IceblockError(
                f"{star.path} holds subtomograms ({tag[1:]} {value}), which cannot be denoised; "
                "name the STAR of single particles"
            )
