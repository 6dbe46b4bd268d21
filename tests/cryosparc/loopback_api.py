"""The calls that the loopback server answers, as methods named after them.

A call that is not here is answered with 501. Comments say what is assumed about the real server;
the rest follows from the client's documentation.
"""

import re
import secrets
from typing import Any

from cryosparc.dataset import Dataset
from cryosparc.models.auth import Token
from cryosparc.models.job import Job, RunError
from cryosparc.models.job_spec import (
    Connection,
    Input,
    InputResult,
    InputSlot,
    InputSpec,
    Output,
    OutputResult,
    OutputSlot,
    OutputSpec,
)
from cryosparc.models.user import User
from cryosparc.models.workspace import Workspace

from .loopback_datasets import check, external, load_input, load_output, need
from .loopback_fields import FIELDS, described
from .loopback_files import FileCalls
from .loopback_world import EMAIL, Reject, now

OPEN = ("building", "running", "waiting")


class Calls(FileCalls):
    """Everything about users, workspaces and jobs."""

    def login(self, username: str, password: str, **_: Any) -> Token:
        if username != EMAIL or password != self.world.password:
            raise Reject(401, "Incorrect email or password")
        token = secrets.token_hex(16)
        self.world.tokens.add(token)
        return Token(access_token=token, token_type="bearer")

    def users_me(self) -> User:
        return self.world.user

    def config_get_version(self) -> str:
        return self.world.version

    def workspaces_find_one(self, project: str, workspace: str) -> Workspace:
        self.world.project(project)
        if (project, workspace) not in self.world.workspaces:
            raise Reject(404, f"workspace {project}-{workspace} not found")
        return self.world.workspaces[project, workspace]

    def jobs_find_one(self, project: str, job: str) -> Job:
        return self.world.job(project, job)

    def jobs_get_directory(self, project: str, job: str) -> str:
        return str(self.world.told_folder(project) / self.world.job(project, job).job_dir)

    def jobs_create(
        self, project: str, workspace: str, type: str = "", title: str = "", description: str = "",
        **_: Any,
    ) -> Job:  # fmt: skip
        self.workspaces_find_one(project, workspace)
        if type != "snowflake":
            raise Reject(501, f"only external jobs can be made here, not {type}")
        # ASSUMED: the job directory is there as soon as the job is.
        return self.world.add_job(project, workspace, type, title, description)

    def jobs_add_external_input(self, project: str, uid: str, name: str, body: Any) -> Job:
        job = self.world.job(project, uid)
        external(job)
        need(job, OPEN, "add an input")
        spec = InputSpec.model_validate(body)
        if not re.fullmatch(r"[A-Za-z][0-9A-Za-z_]*", name):
            raise Reject(422, f"invalid input name {name}")
        slots = [s for s in spec.slots if isinstance(s, InputSlot)]
        job.spec.inputs.root[name] = Input(
            type=spec.type,
            title=spec.title,
            description=spec.description,
            slots=slots,
            count_min=spec.count_min,
            count_max=spec.count_max,
            connections=[],
        )
        check(job)
        return job

    def jobs_add_external_output(self, project: str, uid: str, name: str, body: Any) -> Job:
        job = self.world.job(project, uid)
        external(job)
        need(job, OPEN, "add an output")
        spec = OutputSpec.model_validate(body)
        passed = job.spec.inputs.root.get(spec.passthrough or "")
        if spec.passthrough and (passed is None or passed.type != spec.type):
            raise Reject(422, f"{spec.passthrough} is no input that {name} can pass through")
        slots = [s for s in spec.slots if isinstance(s, OutputSlot)]
        unknown = [s.dtype for s in slots if (spec.type, s.dtype) not in FIELDS]
        if unknown:
            raise Reject(422, f"slot types {unknown} of {spec.type} are not known here")
        job.spec.outputs.root[name] = Output(
            type=spec.type,
            title=spec.title,
            description=spec.description,
            slots=slots,
            passthrough=spec.passthrough,
            results=[OutputResult(name=s.name, dtype=s.dtype) for s in slots],
        )
        check(job)
        return job

    def jobs_connect(
        self, project: str, uid: str, name: str, source_output_name: str, source_job_uid: str
    ) -> Job:
        job, source = self.world.job(project, uid), self.world.job(project, source_job_uid)
        need(job, OPEN, "connect")
        target = job.spec.inputs.root.get(name)
        output = source.spec.outputs.root.get(source_output_name)
        if target is None or output is None:
            raise Reject(404, f"no input {name} or no output {source_output_name}")
        if output.type != target.type:
            raise Reject(422, f"cannot connect {output.type} output to {target.type} input")
        if target.count_max != "inf" and len(target.connections) >= int(target.count_max):
            raise Reject(422, f"input {name} is full")
        wanted = {slot.name: slot.dtype for slot in target.slots}
        results = [
            InputResult(
                name=result.name if wanted.get(result.name) == result.dtype else None,
                dtype=result.dtype,
                job_uid=source_job_uid,
                output=source_output_name,
                result=result.name,
            )
            for result in output.results
        ]
        target.connections.append(
            Connection(job_uid=source_job_uid, output=source_output_name, results=results)
        )
        job.parents = sorted({*job.parents, source_job_uid})
        source.children = sorted({*source.children, uid})
        check(job)
        self.world.dump(source)
        return job

    def jobs_get_output_fields(
        self, project: str, uid: str, name: str, dtype_params: Any = None
    ) -> list[list[str]]:
        output = self.world.job(project, uid).spec.outputs.root[name]
        return [field for s in output.slots for field in described(output.type, s.dtype, s.name)]

    def jobs_load_input(
        self, project: str, uid: str, name: str, slots: Any = "default", force_join: Any = "auto"
    ) -> Dataset[Any]:
        return load_input(self.world, self.world.job(project, uid), name, slots)

    def jobs_load_output(
        self, project: str, uid: str, name: str, slots: Any = "default", version: Any = "F"
    ) -> Dataset[Any]:
        return load_output(self.world, self.world.job(project, uid), name, slots)

    def jobs_mark_running(self, project: str, uid: str, status: str = "running") -> Job:
        job = self.world.job(project, uid)
        external(job)
        need(job, ("building",), "start")
        if job.build_errors:
            raise Reject(422, f"job has build errors: {[e.ctx for e in job.build_errors]}")
        job.status, job.running_at, job.version = status, now(), self.world.version
        return job

    def jobs_mark_completed(self, project: str, uid: str) -> Job:
        job = self.world.job(project, uid)
        need(job, ("running", "waiting", "failed", "killed"), "complete")
        job.status, job.completed_at = "completed", now()
        job.completed_count += 1
        return job

    def jobs_mark_failed(self, project: str, uid: str, error: str | None = None) -> Job:
        job = self.world.job(project, uid)
        # ASSUMED: a job in any status can be marked as failed, and the error goes into its log.
        job.status, job.failed_at, job.has_error = "failed", now(), True
        if error:
            job.errors_run.append(RunError(message=error))
            self.jobs_add_event_log(project, uid, error, "error")
        return job
