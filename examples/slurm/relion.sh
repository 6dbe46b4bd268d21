#!/bin/bash
# Submission script for RELION jobs of iceblock: Running tab, Submit to queue: Yes, Queue submit
# command: sbatch, Standard submission script: the full path of this file.
#
# RELION fills in the words between XXX. An External job is one task with threads; for several GPUs
# remove one # below and give the job the label `gpu` with the value 0,1. Log files are appended
# to, because Continue! runs the same job again. Two minutes before the time is over SLURM sends
# SIGTERM: the job is then marked aborted, and Continue! goes on where it was.
#SBATCH --job-name=XXXnameXXX
#SBATCH --partition=XXXqueueXXX
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=XXXthreadsXXX
##SBATCH --gres=gpu:2
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --open-mode=append
#SBATCH --output=XXXoutfileXXX
#SBATCH --error=XXXerrfileXXX

# RELION drops what stands before the command when the command lacks the text `relion_`: keep the
# executables' names.
srun --ntasks=1 --cpus-per-task=XXXthreadsXXX XXXcommandXXX
