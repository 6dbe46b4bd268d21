"""`iceblock models`: what ships, and what a model file says of itself."""

from __future__ import annotations

import json

import click


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the models that ship, or show one.

    \b
    iceblock models
    iceblock models show iceblock-4B
    iceblock models show mine.safetensors
    """
    if context.invoked_subcommand is not None:
        return
    from ..denoise.model_file import read_description
    from ..denoise.shipped import DEFAULT, shipped_models
    from ..segment.shipped import shipped_segmentation

    for name, path in shipped_models().items():
        card = read_description(path)["card"]
        size = path.stat().st_size / 1e6
        mark = " (default)" if name == DEFAULT else ""
        click.echo(
            f"{name}{mark}: works at {card['working_pixel_size']:g} Å/px, SNR "
            f"{card['snr_range'][0]:g} to {card['snr_range'][1]:g}, {size:.1f} MB"
        )
    for name, path in shipped_segmentation().items():
        size = path.stat().st_size / 1e6
        click.echo(f"{name}: labels micrographs for `iceblock noise` and `segment`, {size:.1f} MB")


@command.command()
@click.argument("model", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the whole description as JSON.")
def show(model: str, as_json: bool) -> None:
    """Print what a model was trained on and how it scored."""
    from ..denoise.card_text import card_lines
    from ..denoise.shipped import find_model
    from ..errors import IceblockError
    from ..images.tensor_file import read_tensors
    from ..segment.shipped import shipped_segmentation

    path = shipped_segmentation().get(model) or find_model(model)
    description, _ = read_tensors(path, None, weights=False)
    if as_json:
        click.echo(json.dumps(description, indent=2))
        return
    card = description.get("card")
    if not isinstance(card, dict) or not {"name", "training", "scores"} <= card.keys():
        raise IceblockError(f"Model file {path} describes itself wrongly (its card is cut).")
    click.echo(f"{card['name']}  ({path})")
    for line in card_lines(card):
        click.echo(line)
