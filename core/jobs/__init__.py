"""What every job of another program needs, whichever program: stop signals, a guard, an end.

Standard library only: a job must come to its end even where a package of iceblock's is missing.
"""
