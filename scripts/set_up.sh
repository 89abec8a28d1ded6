#!/bin/sh
# Makes all that leafscan's targets need: system packages, the environment .venv, and leafscan in it.
# It changes nothing that is there already. PYTHON names an interpreter other than the first fit one.
set -eu
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '==> %s\n' "$*"; }

stop() {
    printf 'leafscan: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if recent "$name"; then
            command -v "$name"
            return
        fi
    done
    stop "no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python3 ..."
}

header() {
    printf '#include <%s>\n' "$1" |
        "${CXX:-c++}" -std=c++20 -E -x c++ -I/usr/local/include -I/opt/homebrew/include - >/dev/null 2>&1
}

# Debian's names of what is missing. Each thing is tried, not looked up, so that one from elsewhere counts too.
missing() {
    has "${CXX:-c++}" || echo g++
    has cmake || echo cmake
    has ninja || echo ninja-build
    header hwy/highway.h || echo libhwy-dev
    header gtest/gtest.h || echo libgtest-dev
    version=$("$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    "$1" -c 'import ensurepip, venv' 2>/dev/null || echo "$version-venv"
    "$1" -c 'import os, sysconfig as s; os.stat(os.path.join(s.get_path("include"), "Python.h"))' 2>/dev/null ||
        echo "$version-dev"
}

install_system_packages() {
    if ! has apt-get; then
        stop "missing here, by their Debian names: $*. Install them and run make again; on macOS:" \
            "xcode-select --install; brew install cmake ninja highway googletest"
    fi
    root=
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || stop "missing here: $*. As root, run: apt-get install $*"
        root=sudo
    fi
    say "Installing with ${root:+$root }apt-get: $*"
    $root apt-get update -qq || say "apt-get update failed; going on with the package lists that are here"
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null ||
        stop "apt-get could not install $*; what it said is above."
}

# Without build isolation, so that the next build is incremental; hence the build's own needs come first.
install_build_requirements() {
    .venv/bin/python -c '
import subprocess, sys, tomllib
with open("pyproject.toml", "rb") as file:
    needed = tomllib.load(file)["build-system"]["requires"]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-qq", *needed]))'
}

python=$(find_python)
packages=$(missing "$python")
# shellcheck disable=SC2086 # one word a package
[ -z "$packages" ] || install_system_packages $packages
if ! recent .venv/bin/python; then
    say "Making the environment .venv with $python"
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install -qq --upgrade pip
fi
say "Building the engine and installing leafscan[bench,demo,dev] into .venv; the first time takes minutes"
install_build_requirements
.venv/bin/python -m pip install -qq --no-build-isolation --editable '.[bench,demo,dev]'
