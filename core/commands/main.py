"""The `iceblock` command group: subcommands are imported only when they are called."""

from __future__ import annotations

import sys

import click

from .. import __version__
from ..errors import IceblockError
from ..remarks import collected
from .lazy import LazyGroup

COMMANDS = {
    "run": "Cut noise, fine-tune the model, denoise, check the result: in one command.",
    "denoise": "Denoise a particle stack.",
    "denoise-micrographs": "Denoise whole micrographs, to look and to pick.",
    "classify": "Sort particles into 2D classes, in seconds.",
    "evaluate": "Tell how far to trust denoised particles.",
    "select": "Choose the particles that are worth keeping.",
    "restore": "Put raw images, or raw micrographs, back.",
    "relion": "Show the full paths of the executables for RELION, and their labels.",
    "models": "List the models that ship, or show one.",
    "segment": "Label micrographs: background, pollution, particle.",
    "noise": "Cut blocks of pure noise out of micrographs.",
    "train": "Train a model, or fine-tune one on your own ice.",
    "compare": "Compare models with filters and other networks.",
    "simulate": "Write simulated particles, noisy and clean.",
    "demo": "Denoise simulated particles and show the result.",
}
"""Name of each subcommand, which is also its module's, and its line in the help."""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    package=__package__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="iceblock")
def group() -> None:
    """Take the noise off single cryo-EM particles, inside the project where they are.

    \b
    iceblock denoise Extract/job003/particles.star --out Denoised
    iceblock restore Select/job012/particles.star --out raw.star
    """


def main() -> None:
    """Run a command; a user's mistake ends in one sentence and exit status 1."""
    try:
        with collected(sys.stderr, hands_on=True):
            group.main(prog_name="iceblock", standalone_mode=False)
    except IceblockError as error:
        click.echo(f"iceblock: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("iceblock: stopped (given again, the same command goes on)", err=True)
        sys.exit(130)
    except OSError as error:
        said = IceblockError(f"{error}; check the disk and the permissions there")
        click.echo(f"iceblock: {said}", err=True)
        sys.exit(1)
