"""What a user of ccpem-pipeliner does, in the Python that has it: prints JSON, imports no iceblock.

`pipeliner_driver.py begin`, `list`, `check JOBS`, `command JOB`, `run JOB` or `continue NAME`, in
the project folder, where JOB is a JSON object with `_rlnJobTypeLabel` and the job's fields.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from pipeliner.api.manage_project import PipelinerProject
from pipeliner.job_factory import get_job_types, job_from_dict
from pipeliner.project_graph import ProjectGraph

ENDINGS = ("SUCCESS", "FAILED", "ABORTED")


def main(action: str, text: str = "{}") -> Any:
    if action == "list":
        return {job.PROCESS_NAME: job.jobinfo.is_available for job in get_job_types("iceblock")}
    project = PipelinerProject(make_new_project=action == "begin")
    if action == "begin":
        return None
    if action == "continue":
        return wait(project.continue_job(text))
    given = json.loads(text)
    if action == "run":
        return wait(project.run_job(given))
    if action == "check":
        return [[str(said) for said in job_from_dict(one).validate_joboptions()] for one in given]
    job = job_from_dict(given)
    job.output_dir = "Iceblock/job009/"
    return [argument for command in job.get_commands() for argument in command.cmd]


def wait(job: Any) -> dict[str, Any]:
    folder = Path(job.output_dir)
    end = time.monotonic() + 600
    found: list[str] = []
    while not found and time.monotonic() < end:
        time.sleep(0.1)
        found = [name for name in ENDINGS if (folder / f"PIPELINER_JOB_EXIT_{name}").exists()]
    with ProjectGraph(read_only=False) as graph:
        graph.check_process_completion()
        process = graph.find_process(job.output_dir)
        nodes = {node.name: node.type for node in process.output_nodes}
        status = process.status
    shown = job.create_results_display()
    return {
        "folder": job.output_dir,
        "ended": found,
        "status": status,
        "nodes": nodes,
        "shown": [type(one).__name__ for one in shown],
    }


print(json.dumps(main(*sys.argv[1:])))
