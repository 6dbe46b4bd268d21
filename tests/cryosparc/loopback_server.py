"""A CryoSPARC server for tests: the real cryosparc-tools client talks to it over loopback HTTP.

No source of the real server is public. What this one does follows from the client's stub, models
and documentation; what is assumed beyond them is marked ASSUMED where it is done and listed in
docs/cryosparc.md. Calls that are not implemented are answered with 501, so that no test passes
because nothing happened.
"""

import contextlib
import io
import json
import socket
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from cryosparc.constants import API_SUFFIX
from cryosparc.dataset import Dataset
from cryosparc.models.job import Job

from .loopback_api import Calls
from .loopback_openapi import DATASET, FORM, JSON, OCTETS, Endpoint, read_stub
from .loopback_world import Reject, World

DOCUMENT, TABLE = read_stub()


class Server:
    """The server, inside a `with` block; it can go away and come back under the same URL.

    Attributes
    ----------
    cut
        Number of uploads still to be cut: the connection is closed after their first bytes.
    """

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.calls = Calls(self.world)
        self.cut = 0
        self._http: _Http | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._http = _Http(("127.0.0.1", self._port), _Handler, self)
        self._port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Go away: close all connections and wait for their threads."""
        if self._http is not None:
            self._http.shutdown()
            self._http.close_connections()
            self._http.server_close()
            self._thread.join()
            self._http = None

    def answer(self, endpoint: Endpoint, parts: list[str], query: str, raw: bytes) -> Any:
        """Answer a call; returns what its method does."""
        method = getattr(self.calls, endpoint.name.replace(".", "_"), None)
        if method is None:
            raise Reject(501, f"{endpoint.name} is not implemented here")
        texts = parse_qs(query, keep_blank_values=True)
        if endpoint.media == FORM:
            texts |= {k: v for k, v in parse_qs(raw.decode()).items() if k != "grant_type"}
        values: dict[str, Any] = {
            name: {"true": True, "false": False}.get(found[0], found[0])
            if len(found) == 1
            else found
            for name, found in texts.items()
        }
        if endpoint.media == JSON:
            values[endpoint.body] = json.loads(raw) if raw else None
        elif endpoint.media == DATASET:
            values[endpoint.body] = Dataset.load(io.BytesIO(raw))
        elif endpoint.media == OCTETS:
            values[endpoint.body] = raw
        result = method(*parts, **values)
        if isinstance(result, Job):
            self.world.dump(result)
        return result


class _Http(ThreadingHTTPServer):
    """Threads that are waited for, and connections that can be closed from outside."""

    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type, server: Server) -> None:
        super().__init__(address, handler)
        self.owner = server
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that a test cuts are no news."""

    def close_connections(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == f"{API_SUFFIX}/openapi.json":
            self._send(200, DOCUMENT)
        else:
            self._send(404, {"detail": "not found"})

    def do_POST(self) -> None:
        owner, url = self.server.owner, urlsplit(self.path)
        parts = [unquote(part) for part in url.path.removeprefix(API_SUFFIX).strip("/").split("/")]
        length = next((n for n in (3, 2) if tuple(parts[:n]) in TABLE), 0)
        endpoint = TABLE.get(tuple(parts[:length]), Endpoint(url.path, "", ""))
        if endpoint.name == "projects.upload_file" and owner.cut:
            owner.cut -= 1
            self.rfile.read(1)
            self.connection.close()
            self.close_connection = True
            return
        raw = self._body()
        world = owner.world
        with world.lock:
            code, result = 200, None
            try:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if endpoint.name not in ("login", "health") and token not in world.tokens:
                    raise Reject(401, "not authenticated")
                result = owner.answer(endpoint, parts[length:], url.query, raw)
            except Reject as error:
                code, result = error.code, {"detail": str(error)}
            except Exception as error:
                traceback.print_exc()
                code, result = 500, {"detail": f"{type(error).__name__}: {error}"}
            world.calls.append((endpoint.name, code))
            if code == 200 and isinstance(result, Dataset):
                self._send_bytes(200, b"".join(result.stream()), DATASET)
            elif code == 200 and isinstance(result, bytes):
                self._send_bytes(200, result, OCTETS)
            else:
                self._send(code, result)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, code: int, value: Any) -> None:
        self._send_bytes(code, json.dumps(value, default=_plain).encode(), JSON)

    def _send_bytes(self, code: int, data: bytes, media: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True)
