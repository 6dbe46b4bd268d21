#!/bin/sh
# Starts the executable of the same name in a container. Copy this file to a place that RELION sees,
# without the ending .sh: the name must begin with relion_. Give its full path as External executable.
# A copy under another name starts the executable of that name.
exec apptainer exec --nv --bind "$PWD" /opt/iceblock/iceblock.sif "$(basename "$0")" "$@"
