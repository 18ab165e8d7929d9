"""``scripts/need.sh``: what is missing is installed through apt, or named clearly where that cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
