"""What says of a file that it is denoised: a label in an MRC header, a comment in a STAR file.

No copy of a stack and no link to it loses the label.
RELION's own programs write headers of their own. Behind them the column
rlnIceblockRawImageName of the STAR file tells.
"""

from pathlib import Path

from .. import __version__
from ..errors import IceblockError
from .input_file import open_input

PLAIN = f"iceblock {__version__}"
"""Label of any other stack that iceblock writes."""
DENOISED = f"denoised by iceblock {__version__}: not raw data"
NOTE_BEGINS = "# denoised by iceblock"
NOTE = (
    f"{NOTE_BEGINS} {__version__}: rlnImageName names denoised images, rlnIceblockRawImageName the "
    "raw ones"
)
"""Comment line at the top of a STAR file of denoised particles."""
NOTE_OF_MICROGRAPHS = (
    f"{NOTE_BEGINS} {__version__}: rlnMicrographName names denoised micrographs, "
    "rlnIceblockRawMicrographName the raw ones"
)
"""Comment line at the top of a STAR file of denoised micrographs."""
_DENOISED_BY_ANY = b"denoised by iceblock"
_WRITTEN_BY_ANY = (_DENOISED_BY_ANY, b"iceblock ")
_FIRST_LABEL, _LABEL_BYTES, _LABELS = 224, 80, 10


def is_denoised(path: Path) -> bool:
    """Tell whether the header of a stack says that iceblock denoised it; False for no such file."""
    return any(label.startswith(_DENOISED_BY_ANY) for label in _labels(path))


def is_of_iceblock(path: Path) -> bool:
    """Tell whether iceblock wrote a stack, whichever of its commands it was."""
    return any(label.startswith(_WRITTEN_BY_ANY) for label in _labels(path))


def _labels(path: Path) -> list[bytes]:
    try:
        with open_input(path) as file:
            file.seek(_FIRST_LABEL)
            data = file.read(_LABELS * _LABEL_BYTES)
    except (OSError, IceblockError):
        return []
    return [data[start : start + _LABEL_BYTES] for start in range(0, len(data), _LABEL_BYTES)]
