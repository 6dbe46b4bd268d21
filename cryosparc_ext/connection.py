"""The way to a CryoSPARC server: log in by token, wait while it is away, explain what it refuses.

The client repeats a call three times at once when the line breaks, and an upload then continues
with what is left of the file. Here a server that is away is waited for, and uploads are begun anew.
"""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from core.errors import IceblockError

if TYPE_CHECKING:
    from cryosparc.tools import CryoSPARC

CLIENT = "5"
INSTALL = "pip install 'cryosparc-tools~=5.0' (for CryoSPARC v5)"
PATIENCE = 600.0
"""Seconds for which a server that does not answer is waited for."""
PAUSE = 5.0
"""Seconds between two tries."""
REACH, ANSWER = 15.0, 300.0
"""Seconds to reach the server, and for it to begin an answer."""
_AWAY = (502, 503, 504)

T = TypeVar("T")


class ServerAway(IceblockError):
    """The server does not answer; the same call may work later."""


class Connection:
    """A server and the user who is logged in there.

    Parameters
    ----------
    url
        The address in the browser, `http://host:39000`.
    email
        Whose login to use where several are stored; by default the first.

    Attributes
    ----------
    client
        Of cryosparc-tools.
    remarks
        What the client found odd about the server's version, for the log.

    Raises
    ------
    IceblockError
        If cryosparc-tools is missing or of another version, nobody is logged in, or the server
        cannot be reached.
    """

    def __init__(self, url: str, email: str | None = None) -> None:
        make_client = _tools()
        import httpx

        self.url = _with_scheme(url).rstrip("/")
        self.email = email
        self.remarks: list[str] = []
        stored = _stored_url(self.url, email)
        if stored is None:
            whose = f" of {email}" if email else ""
            raise IceblockError(
                f"No valid login{whose} for {self.url} is stored: give the command",
                [
                    f"  python -m cryosparc.tools login --url {self.url}",
                    "and start again (logins expire, after two weeks if not told otherwise).",
                ],
            )
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                # Given as None, so that CRYOSPARC_MASTER_HOSTNAME and its like in the environment
                # do not count: with a URL the client takes them for a contradiction.
                self.client: CryoSPARC = make_client(
                    stored,
                    host=None,
                    base_port=None,
                    email=email,
                    password=None,
                    timeout=httpx.Timeout(ANSWER, connect=REACH),
                )
            except RuntimeError as error:
                away = isinstance(error.__cause__, httpx.TransportError)
                kind = ServerAway if away else IceblockError
                raise kind(_no_connection(self.url, error)) from error
        self.remarks = [str(w.message) for w in heard if "compatible" in str(w.message)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(AttributeError):
            self.client.api._client.close()

    def ask(
        self,
        what: str,
        call: Callable[[], T],
        patience: float | None = None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> T:
        """Make a call to the server; while it does not answer, wait and try again.

        Parameters
        ----------
        what
            What the call is for, for messages: "saving the output".
        call
            Has no effect beyond the server, where it may be repeated.
        patience
            Seconds after which to give up; 0 for a call that must not be repeated, by default
            `PATIENCE`.
        give_up
            Asked between two tries whether to wait no longer.

        Raises
        ------
        ServerAway
            If the server did not answer for that long.
        IceblockError
            If it refused.
        """
        import httpx

        limit = time.monotonic() + (PATIENCE if patience is None else patience)
        told = False
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return call()
            except httpx.TransportError as error:
                reason: Exception = error
            except ValueError as error:
                if getattr(error, "code", None) not in _AWAY:
                    raise IceblockError(self._refusal(what, error)) from error
                reason = error
            if time.monotonic() + PAUSE > limit or give_up():
                raise ServerAway(
                    f"CryoSPARC at {self.url} did not answer ({what}: {_brief(reason)}); check "
                    "that it runs and can be reached from this machine, then start again."
                ) from reason
            if not told:
                told = True
                print(f"{self.url} does not answer ({what}); waiting", file=sys.stderr, flush=True)
            time.sleep(PAUSE)

    def _refusal(self, what: str, error: ValueError) -> str:
        data = getattr(error, "data", None)
        detail = data.get("detail", data) if isinstance(data, dict) else data
        return f"CryoSPARC at {self.url} refused ({what}): {detail or _brief(error)}"


@contextlib.contextmanager
def no_second_try() -> Iterator[None]:
    """Keep the client from repeating an upload, whose second try would begin in mid-file.

    Raises
    ------
    httpx.TransportError
        When the line breaks.
    """
    import httpx

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"\*\*\* API client")
        try:
            yield
        except UserWarning as warning:
            raise httpx.TransportError(str(warning)) from warning


def _tools() -> Callable[..., Any]:
    """Give the class of the client, or say which version is needed."""
    try:
        import cryosparc
        from cryosparc.tools import CryoSPARC
    except ImportError as error:
        raise IceblockError(f"The package cryosparc-tools is not installed: {INSTALL}.") from error
    version = str(cryosparc.__version__)
    if version.split(".")[0] != CLIENT:
        raise IceblockError(
            f"cryosparc-tools {version} is installed and version {CLIENT} is needed: {INSTALL}; "
            "older versions of CryoSPARC are not supported."
        )
    client: Callable[..., Any] = CryoSPARC
    return client


def _with_scheme(url: str) -> str:
    return url if url.startswith(("http://", "https://")) else f"http://{url}"


def _stored_url(url: str, email: str | None) -> str | None:
    """Find the spelling of the URL under which a login is stored."""
    from cryosparc.auth import InstanceAuthSessions

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sessions = InstanceAuthSessions.load()
    for spelling in (url, f"{url}/"):
        if sessions.find(spelling, email):
            return spelling
    return None


def _no_connection(url: str, error: Exception) -> str:
    cause = error.__cause__
    if getattr(cause, "code", None) == 401:
        return (
            f"CryoSPARC at {url} does not accept the stored login: log in again with\n"
            f"  python -m cryosparc.tools login --url {url}"
        )
    return (
        f"CryoSPARC cannot be reached at {url} ({_brief(cause or error)}); check the address (the "
        "one in the browser), that this machine can reach it, and that it is CryoSPARC v5."
    )


def _brief(error: BaseException) -> str:
    """Give the first line of a message, without the URL of the call."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
