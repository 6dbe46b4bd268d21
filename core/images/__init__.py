"""Files in, files out: MRC stacks, STAR tables, particle sets."""
