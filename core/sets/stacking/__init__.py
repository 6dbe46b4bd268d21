"""How much of each estimate goes into the result, told by Stein's identity from the set itself."""
