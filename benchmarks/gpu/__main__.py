"""Everything that needs a GPU: tests of its paths, speed, a better model, the ablation.

    python -m benchmarks.gpu pack DATA PACKAGE          here, with a network
    python -m benchmarks.gpu run --package PACKAGE      on the GPU, again and again

`run` does what is not done yet, for at most `--minutes`, and can be stopped at any time: given
again, it goes on. What it finds lies in OUT as small files, at most 8 and each under 16 MB, from
which another machine can go on as well. `plan` says how half an hour is spent.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

import click

STEPS = ("agreement", "speed", "training", "score", "ablation")
PLAN = """
| minutes | step | what is there if it ends here |
|---|---|---|
| 0–1 | agreement | agreement.json: each path on the GPU beside the CPU |
| 1–3 | speed | speed.json: images/s of denoising, its ceilings, topaz; pairs/s, steps/s |
| 3–8.5 | training | model.safetensors and a checkpoint in pieces, after 5 of 20 minutes |
| 8.5–17 | training | the same after 13 minutes: more than 5 million images |
| 17–24 | training | the model at the end of its schedule |
| 24–25 | score | score.json: gain over the shipped model, with errors |
| 25–28 | ablation | ablation.json: one row after another, 25 seconds each |

Three calls of `run --minutes 8.5` do this; two minutes are left for starting and copying.
"""


@click.group(help=__doc__)
def main() -> None:
    """See the module."""


@main.command()
def plan() -> None:
    """Print how half an hour is spent."""
    print(PLAN)


@main.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--python", help="Version on the GPU's machine, as in 3.12, to carry wheels for.")
@click.option("--sources", is_flag=True, help="Carry the repository's last commit as well.")
def pack(data: Path, package: Path, python: str | None, sources: bool) -> None:
    """Collect structures, noise, wheels and sources in PACKAGE."""
    from .pack import MOST
    from .pack import pack as make

    sizes = make(data, package, python, sources)
    for name, size in sizes.items():
        print(f"{size / 1e6:7.1f} MB  {name}")
    total = sum(sizes.values())
    print(f"{total / 1e6:7.1f} MB  in all")
    if total > MOST:
        raise click.ClickException(f"the package has more than {MOST / 1e6:.0f} MB")


@main.command()
@click.option("--package", type=click.Path(exists=True, path_type=Path), help="Made by `pack`.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("build/gpu"))
@click.option("--out", type=click.Path(path_type=Path), help="Of results.  [default: WORK/out]")
@click.option("--device", default="cuda", show_default=True)
@click.option("--minutes", default=8.5, show_default=True, help="Of this call, at most.")
@click.option("--step", "steps", multiple=True, type=click.Choice(STEPS), default=STEPS)
@click.option("--topaz", "topaz_command", help="That starts topaz-em, to be timed as well.")
@click.option("--tiny", is_flag=True, help="Phantoms and a tiny network: a test of this command.")
def run(
    package: Path | None,
    work: Path,
    out: Path | None,
    device: str,
    minutes: float,
    steps: tuple[str, ...],
    topaz_command: str | None,
    tiny: bool,
) -> None:
    """Do what is not done yet."""
    until = time.monotonic() + 60 * minutes
    out = out or work / "out"
    for folder in (work, out):
        folder.mkdir(parents=True, exist_ok=True)
    if package is None and not tiny:
        raise click.UsageError("Give --package, or --tiny.")
    if package is not None and importlib.util.find_spec("gemmi") is None:
        from .pack import install

        install(package, work / "site")
        sys.path.append(str(work / "site"))
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[1:])  # of the runs that are timed
    from .steps import work_off

    work_off(steps, None if tiny else package, work, out, device, until, topaz_command)


if __name__ == "__main__":
    main()
