#!/usr/bin/env python3
"""Stands in for SLURM's srun on one machine: SLURM_NTASKS copies of the command, numbered.

Options are taken as srun takes them; --ntasks and --kill-on-bad-exit are heeded.
"""

import os
import subprocess
import sys
import time


def main() -> int:
    words = sys.argv[1:]
    options = {}
    while words and words[0].startswith("--"):
        name, _, value = words.pop(0).partition("=")
        options[name] = value
    size = int(options.get("--ntasks") or os.environ.get("SLURM_NTASKS", "1"))
    step = {
        "SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": str(size),
        "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": str(size),
    }  # fmt: skip
    tasks = [
        subprocess.Popen(
            words, env=os.environ | step | {"SLURM_PROCID": str(k), "SLURM_LOCALID": str(k)}
        )
        for k in range(size)
    ]
    while any(task.poll() is None for task in tasks):
        if options.get("--kill-on-bad-exit") == "1" and any(task.poll() for task in tasks):
            for task in tasks:
                task.terminate()
        time.sleep(0.05)
    return max(abs(task.returncode) for task in tasks)


if __name__ == "__main__":
    sys.exit(main())
