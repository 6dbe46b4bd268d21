#!/bin/bash
# Denoise with several processes, on one node or on several, without RELION:
#   sbatch examples/slurm/denoise.sh Extract/job003/particles.star Denoised [OPTION...]
# in the project folder. The processes share whole stacks; the result is the same as of one process.
# Given again, the same command goes on where the first one was stopped.
#SBATCH --job-name=iceblock
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --open-mode=append
#SBATCH --output=iceblock-%j.log
# One GPU for each process (remove one #):
##SBATCH --gpus-per-task=1
set -euo pipefail
usage="usage: sbatch denoise.sh PARTICLES OUT [OPTION...]"
particles=${1:?$usage}
out=${2:?$usage}
shift 2

# A process that dies ends the others at once, instead of when they have done their stacks.
srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \
    iceblock denoise "$particles" --out "$out" "$@"
