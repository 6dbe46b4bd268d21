#!/usr/bin/env bash
# Denoise the particles of a RELION project and put the raw images back after a selection.
#   examples/denoise.sh PROJECT [PARTICLES.star]
set -euo pipefail
cd "${1:?usage: denoise.sh PROJECT [PARTICLES.star]}"
particles=${2:-Extract/job003/particles.star}

# A stopped run goes on when this is given again. Add --device cuda:0 for a certain GPU.
iceblock denoise "$particles" --out Denoised

# Look at Denoised/report.pdf; classify Denoised/particles.star in 2D; select. Then, with the STAR
# file of the selection in place of Denoised/particles.star:
iceblock restore Denoised/particles.star --out raw_particles.star --overwrite
