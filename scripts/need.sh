#!/bin/sh
# Make sure that programs are there, through apt where that is possible; elsewhere say what to install.
# usage: need.sh NAME...      NAME: python (3.11 or newer), venv, tshark, chromium, node (18.18 or newer), npm
set -eu

python=${PYTHON:-python3}

have() {
    case $1 in
        python) "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ;;
        venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
        node) node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 18 || (a == 18 && b >= 18) ? 0 : 1)' ;;
        chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
        *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

packages_of() {
    case $1 in
        venv) echo python3-venv ;;
        chromium) echo chromium fonts-dejavu-core ;; # headless Chromium draws nothing legible without a font
        node) echo nodejs ;;
        *) echo "$1" ;;
    esac
}

missing=
packages=
for name in "$@"; do
    if ! have "$name"; then
        if [ "$name" = python ]; then
            echo "Python 3.11 or newer is needed; '$python' is not. Name another one: make PYTHON=python3.12 ..." >&2
            exit 1
        fi
        missing="$missing $name"
        packages="$packages $(packages_of "$name")"
    fi
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing:$missing. Please install them with your system's package manager" >&2
    echo "(tshark comes with Wireshark; venv is part of Python, sometimes a package of its own), then try again." >&2
    exit 1
fi

root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing:$missing. Please run as root: apt-get install$packages" >&2
        exit 1
    fi
    root=sudo
    [ -t 0 ] || root='sudo -n' # nobody is there to type a password
fi

echo "Installing with apt:$packages"
export DEBIAN_FRONTEND=noninteractive
# Wireshark asks whether users other than root may record packets; reading files needs no such right.
echo 'wireshark-common wireshark-common/install-setuid boolean false' | $root debconf-set-selections || true
# shellcheck disable=SC2086 # lists of words
{
    $root apt-get -q -o Acquire::Retries=3 update </dev/null
    $root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends $packages </dev/null
}
for name in $missing; do
    if ! have "$name"; then
        echo "'$name' is still missing after apt installed:$packages" >&2
        exit 1
    fi
done
