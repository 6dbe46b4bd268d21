"""Image stacks in MRC format."""
