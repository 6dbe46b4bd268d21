"""Runs `iceblock-cryosparc` in one process and prints its peak memory in kB as its last line."""

import sys
from pathlib import Path

from cryosparc_ext.guard import OpenJob
from cryosparc_ext.main import run

sys.argv[0] = "iceblock-cryosparc"
status = run(OpenJob())
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1])
sys.exit(status)
