"""The calls about files of a project, and the one that saves an output."""

from pathlib import Path
from typing import Any

from cryosparc.dataset import Dataset
from cryosparc.models.job import Job
from cryosparc.models.project import Project

from .loopback_datasets import external, load_input, need
from .loopback_fields import FIELDS
from .loopback_log import LogCalls
from .loopback_world import Reject


class FileCalls(LogCalls):
    """Project directories, seen through the server, and the outputs of external jobs."""

    def projects_find_one(self, project: str) -> Project:
        return self.world.project(project)

    def projects_get_directory(self, project: str) -> str:
        return str(self.world.told_folder(project))

    def projects_ls(self, project: str, path: str = "", recursive: Any = False) -> list[str]:
        base, folder = self.world.folder(project), self.world.inside(project, path)
        if not folder.exists():
            raise Reject(404, f"{path} does not exist")
        found = folder.rglob("*") if recursive else folder.iterdir()
        return sorted(str(item.relative_to(base)) for item in found)

    def projects_mkdir(
        self, project: str, path: str = "", parents: Any = False, exist_ok: Any = False
    ) -> str:
        folder = self.world.inside(project, path)
        try:
            folder.mkdir(parents=parents, exist_ok=exist_ok)
        except (FileExistsError, FileNotFoundError) as error:
            raise Reject(422, str(error)) from error
        return str(folder)

    def projects_upload_file(
        self, project: str, stream: bytes, path: str = "", overwrite: Any = False
    ) -> str:
        target = self.world.inside(project, path)
        if target.exists() and not overwrite:
            raise Reject(409, f"{path} already exists")
        if not target.parent.is_dir():
            raise Reject(422, f"directory {target.parent} does not exist")
        target.write_bytes(stream[: self.world.keep])
        return str(target)

    def projects_download_file(self, project: str, path: str = "") -> bytes:
        target = self.world.inside(project, path)
        # ASSUMED from a report of users: links that lead out of the project are refused.
        if not target.resolve().is_relative_to(self.world.folder(project).resolve()):
            raise Reject(422, f"Invalid file path {path}; must be in project directory")
        if not target.is_file():
            raise Reject(404, f"{path} not found")
        return target.read_bytes()

    def jobs_save_output(
        self, project: str, uid: str, name: str, dataset: Dataset[Any], filename: str = "",
        version: Any = 0,
    ) -> Job:  # fmt: skip
        job = self.world.job(project, uid)
        external(job)
        need(job, ("running", "waiting"), "save outputs")
        output = job.spec.outputs.root.get(name)
        if output is None:
            raise Reject(404, f"{uid} has no output {name}")
        # The text is that of a real server (v4.7), seen in a public report.
        required = {
            (f"{slot.name}/{field[0]}", *field[1:])
            for slot in output.slots
            for field in FIELDS[output.type, slot.dtype]
        }
        missing = {field for field in required if field[0] not in dataset.fields()}
        if missing:
            raise Reject(422, f"Invalid dataset; missing the following required fields: {missing}")
        if len(set(dataset["uid"].tolist())) != len(dataset):
            raise Reject(422, f"dataset for {name} has repeated uids")
        # ASSUMED: only the declared slots are kept, in a file named after the output.
        own = dataset.filter_prefixes([slot.name for slot in output.slots], copy=True)
        metafile = f"{uid}/{filename or name + '.cs'}"
        own.save(self.world.folder(project) / metafile)
        for result in output.results:
            if not result.passthrough:
                result.versions, result.metafiles = [int(version)], [metafile]
                result.num_items = [len(own)]
        output.num_items = len(own)
        self._pass_through(job, name, own)
        return job

    def _pass_through(self, job: Job, name: str, own: Dataset[Any]) -> None:
        # ASSUMED: the slots that pass through are written when the output is saved.
        output = job.spec.outputs.root[name]
        passed = [result for result in output.results if result.passthrough]
        if not passed:
            return
        full = load_input(self.world, job, str(output.passthrough), "all")
        full = full.filter_prefixes([result.name for result in passed])
        kept = set(own["uid"].tolist())
        full = full.mask([uid in kept for uid in full["uid"].tolist()])
        metafile = f"{job.uid}/passthrough_{name}.cs"
        full.save(Path(self.world.folder(job.project_uid)) / metafile)
        for result in passed:
            result.versions, result.metafiles, result.num_items = [0], [metafile], [len(full)]
        if len(full) != len(own):
            lost = len(own) - len(full)
            text = f"passthrough of {name}: {lost} uids are not in the input"
            self.jobs_add_event_log(job.project_uid, job.uid, text, "warning")
