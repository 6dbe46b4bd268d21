"""What the loopback server knows: projects, workspaces, jobs, their logs and their files.

`World.seed_output` puts finished jobs of other programs there, as an import or an extraction makes
them; all else changes through the calls of the client.
"""

import hashlib
import os
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cryosparc
from cryosparc.dataset import Dataset
from cryosparc.models.job import Job
from cryosparc.models.job_spec import JobSpec, Output, OutputResult, OutputSlot, Params
from cryosparc.models.project import Project
from cryosparc.models.resource import ResourceSpec
from cryosparc.models.user import Email, User
from cryosparc.models.workspace import Workspace

if TYPE_CHECKING:
    from cryosparc.models.asset import GridFSFile

EMAIL, PASSWORD = "ali@example.com", "a password"


class Reject(Exception):
    """A call that the server refuses, with its HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return secrets.token_hex(12)


class World:
    """All that a CryoSPARC instance keeps, in memory and in project directories.

    Attributes
    ----------
    calls
        (name of the call, HTTP status) of all calls so far.
    hidden
        Whether project directories are named as the server's machine sees them, which is not how
        this one does.
    keep
        How many bytes of an upload are written; None for all.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.password = hashlib.sha256(PASSWORD.encode()).hexdigest()
        self.version = f"v{cryosparc.__version__}"
        self.tokens: set[str] = set()
        self.projects: dict[str, Project] = {}
        self.workspaces: dict[tuple[str, str], Workspace] = {}
        self.jobs: dict[tuple[str, str], Job] = {}
        self.events: dict[tuple[str, str], list[Any]] = {}
        self.assets: dict[str, tuple[GridFSFile, bytes]] = {}
        self.calls: list[tuple[str, int]] = []
        self.hidden = False
        self.keep: int | None = None
        self.user = User(
            _id=new_id(), name="ali", first_name="A", last_name="Li", emails=[Email(address=EMAIL)]
        )

    def add_project(self, uid: str) -> Path:
        """Make a project with the workspace W1; returns its directory."""
        folder = self.root / f"CS-{uid.lower()}"
        folder.mkdir(exist_ok=True)
        self.projects[uid] = Project(
            _id=new_id(),
            uid=uid,
            uid_num=int(uid[1:]),
            title="loopback project",
            project_dir=str(folder),
            owner_user_id=self.user.id,
            size_last_updated=now(),
        )
        self.workspaces[uid, "W1"] = Workspace(
            _id=new_id(),
            uid="W1",
            project_uid=uid,
            workspace_type="base",
            title="W",
            uid_num=1,
            project_uid_num=int(uid[1:]),
        )
        return folder

    def add_job(
        self, project: str, workspace: str, kind: str, title: str = "", description: str = ""
    ) -> Job:
        """Make a job that is being built, with its directory."""
        number = 1 + max((j.uid_num for (p, _), j in self.jobs.items() if p == project), default=0)
        spec = JobSpec(
            type=kind,
            params=Params(),
            ui_tile_width=1,
            ui_tile_height=1,
            resource_spec=ResourceSpec(),
        )
        job = Job(
            _id=new_id(),
            uid=f"J{number}",
            uid_num=number,
            project_uid=project,
            project_uid_num=int(project[1:]),
            workspace_uids=[workspace],
            job_dir=f"J{number}",
            title=title,
            description=description,
            status="building",
            status_num=0,
            created_by_user_id=self.user.id,
            build_errors=[],
            job_dir_size_last_updated=now(),
            version_created=self.version,
            spec=spec,
        ).model_copy(deep=True)  # the defaults of the models are shared and mutable
        job.spec.inputs.root, job.spec.outputs.root = {}, {}
        self.jobs[project, job.uid] = job
        self.events[project, job.uid] = []
        (self.folder(project) / job.uid).mkdir(exist_ok=True)
        self.dump(job)
        return job

    def seed_output(
        self,
        project: str,
        output: str,
        data: Dataset[Any],
        kind: str = "particle",
        dtypes: Mapping[str, str] | None = None,
    ) -> Job:
        """Add a completed job whose `output` is `data`, in one file.

        Parameters
        ----------
        dtypes
            Data type of a slot where it is not the slot's name.
        """
        job = self.add_job(project, "W1", "import_particles", f"{output} made elsewhere")
        metafile = f"{job.uid}/{output}.cs"
        data.save(self.folder(project) / metafile)
        types = {slot: (dtypes or {}).get(slot, slot) for slot in data.prefixes()}
        job.spec.outputs.root[output] = Output(
            type=kind,
            title=output,
            num_items=len(data),
            slots=[OutputSlot(name=slot, dtype=dtype) for slot, dtype in types.items()],
            results=[
                OutputResult(
                    name=slot,
                    dtype=dtype,
                    versions=[0],
                    metafiles=[metafile],
                    num_items=[len(data)],
                )
                for slot, dtype in types.items()
            ],
        )
        job.status, job.completed_at = "completed", now()
        self.dump(job)
        return job

    def dump(self, job: Job) -> None:
        """Write job.json, as the server does at every change."""
        text = job.model_dump_json(indent=1, by_alias=True)
        (self.folder(job.project_uid) / job.job_dir / "job.json").write_text(text)

    def project(self, uid: str) -> Project:
        if uid not in self.projects:
            raise Reject(404, f"project {uid} not found")
        return self.projects[uid]

    def folder(self, project: str) -> Path:
        """Give the directory of a project."""
        return Path(self.project(project).project_dir)

    def told_folder(self, project: str) -> Path:
        """Give the directory of a project as the client is told."""
        folder = self.folder(project)
        return Path("/on/the/server") / folder.name if self.hidden else folder

    def job(self, project: str, uid: str) -> Job:
        self.project(project)
        if (project, uid) not in self.jobs:
            raise Reject(404, f"job {project}-{uid} not found")
        return self.jobs[project, uid]

    def inside(self, project: str, path: str) -> Path:
        """Give a path of the project, which must not leave its directory."""
        base = self.folder(project)
        target = Path(os.path.normpath(base / path))
        if target != base and base not in target.parents:
            raise Reject(422, f"path {path} is outside the project directory {base}")
        return target

    def log(self, project: str, job: str) -> str:
        """Give the texts of a job's log, one a line, with the level of what is not ordinary."""
        lines = []
        for event in self.events[project, job]:
            level = getattr(event, "type", "")
            mark = f"{level}: " if level not in ("text", "image") else ""
            lines.append(mark + getattr(event, "text", ""))
        return "\n".join(lines)
