"""iceblock as RELION External jobs: `relion_iceblock_noise`, `_train`, `_denoise`, `_restore`.

`launcher` starts a job and makes sure that it ends in exactly one exit marker, `job` holds the
rest of the External contract, and each job is one thin module beside them.
"""
