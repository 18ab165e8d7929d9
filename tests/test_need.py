"""``scripts/need.sh``: what is missing is installed through apt, or named clearly where that cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from shutil import copy2

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "need.sh"


class Machine:
    """A machine whose only programs are the ones put there; apt and sudo write down what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()

    def program(self, name: str, body: str = "") -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{body}\n')
        path.chmod(0o755)

    def user(self, number: int) -> None:
        self.program("id", f"echo {number}")

    def apt(self, *, brings: str = "") -> None:
        made = "".join(f'printf "#!/bin/sh\\n" > "{self.folder}/{name}"; ' for name in brings.split())
        made += "".join(f'/bin/chmod 755 "{self.folder}/{name}"; ' for name in brings.split())
        self.program("apt-get", f'case "$*" in *install*) {made or ":"} ;; esac')
        self.program("debconf-set-selections", "/bin/cat > /dev/null")
        self.program("env", 'while case $1 in *=*) true ;; *) false ;; esac; do shift; done; "$@"')

    def need(self, *names: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.folder), "PYTHON": sys.executable}
        return subprocess.run(
            ["/bin/sh", str(SCRIPT), *names],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def asked(self) -> str:
        return self.log.read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_to_do(machine: Machine) -> None:
    machine.program("tshark")
    machine.program("chromium-browser")
    done = machine.need("python", "venv", "tshark", "chromium")
    assert (done.returncode, done.stdout, done.stderr, machine.asked) == (0, "", "", "")


def test_root_installs_what_is_missing_without_questions(machine: Machine) -> None:
    machine.user(0)
    machine.program("tshark")
    machine.apt(brings="chromium")
    done = machine.need("tshark", "chromium")
    assert done.returncode == 0, done.stderr
    assert "sudo" not in machine.asked
    (installation,) = (line for line in machine.asked.splitlines() if "install " in line and "apt-get" in line[:8])
    assert " -y " in installation
    assert installation.endswith("--no-install-recommends chromium fonts-dejavu-core")
    assert "update" in machine.asked


def test_others_use_sudo(machine: Machine) -> None:
    machine.user(1000)
    machine.apt(brings="tshark")
    machine.program("sudo", '[ "$1" = -n ] && shift; "$@"')
    done = machine.need("tshark")
    assert done.returncode == 0, done.stderr
    assert "sudo -n apt-get" in machine.asked  # nobody can type a password here


def test_without_sudo_it_says_what_root_must_do(machine: Machine) -> None:
    machine.user(1000)
    machine.apt()
    done = machine.need("tshark", "chromium")
    assert done.returncode == 1
    assert "Please run as root: apt-get install tshark chromium" in done.stderr
    assert "apt-get" not in machine.asked


def test_without_apt_it_says_what_to_install(machine: Machine) -> None:
    done = machine.need("tshark")
    assert done.returncode == 1
    assert done.stderr.startswith("Missing: tshark. Please install")


def test_an_installation_that_brings_nothing_is_a_failure(machine: Machine) -> None:
    machine.user(0)
    machine.apt(brings="")
    done = machine.need("tshark")
    assert done.returncode == 1
    assert "still missing" in done.stderr


def test_an_old_python_is_named(machine: Machine) -> None:
    machine.program("old", "exit 1")
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), "python"],
        env={"PATH": str(machine.folder), "PYTHON": "old"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_an_old_node_is_replaced_through_apt(machine: Machine) -> None:
    machine.user(0)
    machine.program("node", f"[ -e {machine.folder}/new ]")
    machine.apt(brings="npm new")
    done = machine.need("node", "npm")
    assert done.returncode == 0, done.stderr
    assert "--no-install-recommends nodejs npm" in machine.asked


class Tools:
    """A copy of ``scripts/npm.sh`` with a list of programs, and an npm that only writes down what it is asked."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.target = machine, machine.folder / "tools"
        for place in ("scripts", "tests/web"):
            (machine.folder / "project" / place).mkdir(parents=True)
        for name in ("scripts/npm.sh", "scripts/need.sh", "tests/web/package.json"):
            copy2(ROOT / name, machine.folder / "project" / name)
        machine.program("node")

    def npm(self, body: str = "") -> None:
        self.machine.program("npm", body)

    def install(self) -> subprocess.CompletedProcess[str]:
        path = f"{self.machine.folder}:/usr/bin:/bin"
        return subprocess.run(
            ["/bin/sh", str(self.machine.folder / "project/scripts/npm.sh"), str(self.target)],
            env={"PATH": path, "PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        return [line for line in self.machine.asked.splitlines() if line.startswith("npm install")]


def test_checking_programs_are_installed_once_and_again_when_their_list_changes(machine: Machine) -> None:
    tools = Tools(machine)
    tools.npm()
    assert [tools.install().returncode, tools.install().returncode] == [0, 0]
    assert len(tools.asked) == 1
    assert "--ignore-scripts" in tools.asked[0]
    listed = machine.folder / "project" / "tests/web/package.json"
    listed.write_text(listed.read_text().replace("4.14.1", "4.14.2"))
    assert tools.install().returncode == 0
    assert len(tools.asked) == 2
    assert "4.14.2" in (tools.target / "package.json").read_text()


def test_checking_programs_that_cannot_be_installed_are_tried_again(machine: Machine) -> None:
    tools = Tools(machine)
    tools.npm("exit 1")
    done = tools.install()
    assert done.returncode == 1
    assert "npm could not install" in done.stderr
    tools.npm()
    assert tools.install().returncode == 0
    assert len(tools.asked) == 2


def test_versions_of_checking_programs_are_exact_and_come_from_no_named_place() -> None:
    folder = ROOT / "tests" / "web"
    listed = json.loads((folder / "package.json").read_text())
    assert listed["private"] is True
    assert "dependencies" not in listed
    assert all(version.replace(".", "").isdigit() for version in listed["devDependencies"].values())
    assert not list(folder.glob("*lock*"))
    assert not [path.name for path in folder.iterdir() if "://" in path.read_text()]
