"""A run that cuts a noise bank out of micrographs."""
