"""Getting to the server, and what is said when that fails."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import cryosparc
import httpx
import pytest
from cryosparc import tools

from core.errors import IceblockError
from cryosparc_ext import connection
from cryosparc_ext.connection import Connection, ServerAway
from cryosparc_ext.main import COMMANDS

from .lab import Lab, Run
from .loopback_world import EMAIL, PASSWORD


def refused(url: str, email: str | None = None) -> str:
    with pytest.raises(IceblockError) as caught:
        Connection(url, email)
    return str(caught.value)


@pytest.mark.parametrize("spelling", ["{}", "{}/", "127.0.0.1:{port}"])
def test_spellings_of_the_address(lab: Lab, spelling: str) -> None:
    url = spelling.format(lab.server.url, port=lab.server.url.rpartition(":")[2])
    with Connection(url) as line:
        assert line.url == lab.server.url
        assert line.ask("finding a project", lambda: line.client.find_project("P1")).uid == "P1"


def test_the_clients_own_login_is_used(lab: Lab) -> None:
    """As a user gives it, with the environment that breaks the client's default."""
    sessions = lab.home / "cryosparc-tools/auth.json"
    sessions.unlink()
    environment = os.environ | {"XDG_CONFIG_HOME": str(lab.home)}
    login = [sys.executable, "-m", "cryosparc.tools", "login", "--url", lab.server.url]
    subprocess.run(
        [*login, "--email", EMAIL, "--password", PASSWORD],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    assert lab.server.url in json.loads(sessions.read_text())
    program = Path(sys.executable).with_name("iceblock-cryosparc")
    done = subprocess.run(
        [program, *lab.arguments("denoise", "--particles", "J1")],
        env=environment | {"CRYOSPARC_MASTER_HOSTNAME": "elsewhere", "CRYOSPARC_BASE_PORT": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.startswith("iceblock-cryosparc: CryoSPARC at http://127.0.0.1")
    assert "refused (finding job J1 of project P1): job P1-J1 not found" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


def test_nobody_is_logged_in(lab: Lab) -> None:
    url = "http://localhost:1"
    assert f"python -m cryosparc.tools login --url {url}" in refused(url)
    assert "login of bob@example.com" in refused(lab.server.url, "bob@example.com")
    (lab.home / "cryosparc-tools/auth.json").write_text("nonsense")
    assert "No valid login" in refused(lab.server.url)


def test_a_login_that_the_server_forgot(lab: Lab) -> None:
    lab.server.world.tokens.clear()
    assert "does not accept the stored login: log in again" in refused(lab.server.url)


def test_no_server(lab: Lab) -> None:
    lab.server.stop()
    assert "cannot be reached at http://127.0.0.1" in refused(lab.server.url)


def test_another_server(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as CryoSPARC v4, which has no such interface."""
    monkeypatch.setattr(tools, "API_SUFFIX", "/v4")
    assert "that it is CryoSPARC v5" in refused(lab.server.url)


@pytest.mark.parametrize("version", ["4.7.1", "6.0.0"])
def test_another_version_of_the_client(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(cryosparc, "__version__", version)
    told = refused(lab.server.url)
    assert f"cryosparc-tools {version} is installed and version 5 is needed" in told
    assert "pip install 'cryosparc-tools~=5.0'" in told


def test_no_client(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryosparc.tools", None)
    assert "cryosparc-tools is not installed" in refused(lab.server.url)


def test_a_newer_server_is_remarked_upon(
    two_stacks: Lab, denoise: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_stacks.server.world.version = "v5.9.0"
    with Connection(two_stacks.server.url) as line:
        assert len(line.remarks) == 1
        assert "may not be compatible" in line.remarks[0]


def test_a_server_that_is_away_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def call() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise httpx.ConnectError("no route")
        return "here"

    with Connection(lab.server.url) as line:
        monkeypatch.setattr(connection, "PATIENCE", 5.0)
        assert line.ask("calling", call) == "here"
        tries.clear()
        with pytest.raises(ServerAway, match=r"did not answer \(calling: no route\)"):
            line.ask("calling", call, patience=0)
        assert len(tries) == 1
        with pytest.raises(ServerAway):
            line.ask("calling", call, give_up=lambda: True)


def test_the_client_is_not_heard(lab: Lab) -> None:
    """Its warnings of failed tries would fill the terminal of a waiting job."""
    with Connection(lab.server.url) as line, warnings.catch_warnings():
        warnings.simplefilter("error")
        lab.server.stop()
        with pytest.raises(ServerAway):
            line.ask("looking", lambda: line.client.find_project("P1"))


def test_calls_that_are_not_implemented(lab: Lab) -> None:
    with (
        Connection(lab.server.url) as line,
        pytest.raises(IceblockError, match=r"resources.find_lanes is not implemented here"),
    ):
        line.ask("asking for lanes", lambda: line.client.get_lanes())


def test_no_other_module_imports_the_client() -> None:
    importers = {
        path.stem
        for path in Path(connection.__file__).parent.glob("*.py")
        for line in runtime_lines(path)
        if line.strip().startswith(("import cryosparc", "from cryosparc", "import httpx"))
        and "cryosparc_ext" not in line
    }
    assert importers == {"connection"}


def runtime_lines(path: Path) -> list[str]:
    """Give the lines of a module without its block of imports for type checks."""
    head, _, rest = path.read_text().partition("if TYPE_CHECKING:\n")
    return [*head.splitlines(), *rest.partition("\n\n\n")[2].splitlines()]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cryosparc_ext.main import run; from cryosparc_ext.guard import OpenJob; "
        "sys.argv[1:] = ['--help']; assert run(OpenJob()) == 0; "
        "print([m for m in ('torch', 'numpy', 'pandas', 'httpx', 'cryosparc') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(connection.__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in COMMANDS)
