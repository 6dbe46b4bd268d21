"""Lists of the images that a denoising run tells of, however many processes ran."""

from __future__ import annotations

from pathlib import Path

from ...images.disk import reading, write_file, writing
from ...images.output_plan import OutputPlan
from .options import OUTLIERS, UNUSABLE


def list_of_process(folder: Path, process: int | None, name: str = UNUSABLE) -> Path:
    """Give the hidden list of one of several processes; a process that is alone has the list."""
    return folder / (name if process is None else f".{name}.{process}")


def forget_lists(folder: Path) -> None:
    """Remove what the processes of another run left."""
    with writing(folder / UNUSABLE):
        for name in (UNUSABLE, OUTLIERS):
            for path in folder.glob(f".{name}.*"):
                path.unlink()


def merge_lists(folder: Path, plan: OutputPlan, name: str = UNUSABLE) -> int:
    """Make one list of all, in the order of the plan, each image once; returns their number.

    A line that a killed process left unfinished is dropped: its image was not written either.
    """
    parts = sorted(folder.glob(f".{name}.*"))
    whole_list = folder / name
    lists = [path for path in (whole_list, *parts) if path.is_file()]
    with reading(whole_list):
        texts = [path.read_text("utf-8", "surrogateescape") for path in lists]
    names = {line for text in texts for line in text.splitlines(keepends=True)}
    whole = _in_order([line.removesuffix("\n") for line in names if line.endswith("\n")], plan)
    text = "".join(f"{name}\n" for name in whole)
    if text and (lists, texts) != ([whole_list], [text]):
        write_file(whole_list, text.encode("utf-8", "surrogateescape"))
    for path in parts if text else lists:
        path.unlink(missing_ok=True)
    return len(whole)


def _in_order(names: list[str], plan: OutputPlan) -> list[str]:
    """Sort the names of images of the plan; what is no such name is dropped."""
    places: dict[str, int] = {}
    for place, job in enumerate(plan.jobs):
        places.setdefault(job.name, place)
    keyed = []
    for name in names:
        number, _, stack = name.partition("@")
        if stack in places and number.isdecimal():
            keyed.append((places[stack], int(number), name))
    return [name for _, _, name in sorted(keyed)]
