"""What a command says on stderr: warnings, which any run may give, and the sentence of an error."""


def only_warnings(said: str) -> bool:
    """Whether each line is a warning."""
    return all(line.startswith("WARNING: ") for line in said.splitlines())


def error_of(said: str) -> str:
    """Give the one line of an error, after any number of warnings."""
    *warnings, error = said.removesuffix("\n").split("\n")
    assert only_warnings("\n".join(warnings)), said
    assert not error.startswith("WARNING: "), said
    return error
