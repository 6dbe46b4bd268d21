"""Everything that needs a GPU, started by one command: see `python -m benchmarks.gpu --help`."""

import sys
from pathlib import Path

# The scripts beside this folder know each other by their bare names.
sys.path.insert(0, str(Path(__file__).parent.parent))
