"""The calls about a job's log and its pictures."""

from typing import Any

from cryosparc.models.asset import GridFSAsset, GridFSFile
from cryosparc.models.event import ImageEvent, TextEvent
from cryosparc.models.job import Job, UiTileImage
from cryosparc.spec import ASSET_CONTENT_TYPES

from .loopback_world import Reject, World, new_id, now


class LogCalls:
    """Texts, pictures, the job's tile."""

    def __init__(self, world: World) -> None:
        self.world = world

    def jobs_add_event_log(self, project: str, uid: str, text: str, type: str = "text") -> Any:
        event = TextEvent(
            _id=new_id(), created_at=now(), project_uid=project, job_uid=uid, type=type, text=text
        )
        return self._event(project, uid, event)

    def jobs_update_event_log(
        self, project: str, uid: str, event_id: str, text: str, type: str = "text"
    ) -> Any:
        for event in self.world.events[project, uid]:
            if event.id == event_id:
                event.text, event.type = text, type
                return event
        raise Reject(404, f"event {event_id} not found")

    def jobs_add_image_log(
        self, project: str, uid: str, images: Any, text: str, flags: Any = ("plots",)
    ) -> Any:
        event = ImageEvent(
            _id=new_id(),
            created_at=now(),
            project_uid=project,
            job_uid=uid,
            type="image",
            text=text,
            imgfiles=[GridFSAsset.model_validate(image) for image in images],
            flags=[flags] if isinstance(flags, str) else list(flags),
        )
        return self._event(project, uid, event)

    def jobs_set_output_image(self, project: str, uid: str, name: str, body: Any) -> Job:
        job = self.world.job(project, uid)
        job.spec.outputs.root[name].image = GridFSAsset.model_validate(body).fileid
        return job

    def jobs_set_tile_image(self, project: str, uid: str, body: Any) -> Job:
        job = self.world.job(project, uid)
        picture = GridFSAsset.model_validate(body).fileid
        job.ui_tile_images = [UiTileImage(name="tile0", fileid=picture, num_rows=1, num_cols=1)]
        return job

    def assets_upload(
        self, project: str, uid: str, stream: bytes, filename: str = "", format: str = ""
    ) -> GridFSAsset:
        kind = format or filename.rpartition(".")[2]
        if kind not in ASSET_CONTENT_TYPES:
            raise Reject(422, f"bad asset format {kind}")
        asset = GridFSFile(
            _id=new_id(),
            filename=filename,
            contentType=ASSET_CONTENT_TYPES[kind],
            uploadDate=now(),
            length=len(stream),
            chunkSize=261120,
            project_uid=project,
            job_uid=uid,
        )
        self.world.assets[asset.id] = (asset, stream)
        return GridFSAsset(fileid=asset.id, filename=filename, filetype=kind)

    def _event(self, project: str, uid: str, event: Any) -> Any:
        self.world.job(project, uid)
        self.world.events[project, uid].append(event)
        return event
