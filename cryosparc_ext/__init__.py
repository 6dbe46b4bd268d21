"""iceblock as CryoSPARC external jobs: the program `iceblock-cryosparc`.

`job` holds the external-job contract: with `joblog` (what it shows), `files` (its directory, be it
visible here or not), `ending` (how it ends), `connection` (the way to the server) and `sources`
(outputs of other jobs). No other module calls cryosparc-tools. `main` starts a job and `guard`
outlives it; each job is one thin module beside them.
"""
