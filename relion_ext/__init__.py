"""iceblock as RELION External jobs: `relion_iceblock`, which does all, and one for each stage.

`launcher` starts a job and makes sure that it ends in exactly one exit marker, `job` holds the
rest of the External contract, and each job is one thin module beside them.
"""
