"""The documentation names commands, files and pages that exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from core.commands.main import COMMANDS
from cryosparc_ext.main import COMMANDS as CRYOSPARC_COMMANDS

ROOT = Path(__file__).parents[1]


def test_the_command_reference_has_every_command() -> None:
    path = ROOT / "docs" / "command_reference.py"
    spec = importlib.util.spec_from_file_location("command_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    titles = re.findall("^### (.+)$", module.reference(), re.MULTILINE)
    assert {f"iceblock {name}" for name in COMMANDS} <= set(titles)
    assert {f"iceblock-cryosparc {name}" for name in CRYOSPARC_COMMANDS} <= set(titles)
    project = (ROOT / "pyproject.toml").read_text()
    assert set(re.findall("^(relion_iceblock[a-z_]*) =", project, re.MULTILINE)) <= set(titles)
    assert {"iceblock noise inspect", "iceblock segment apply", "iceblock models show"} <= set(
        titles
    )


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page}: {target}"
