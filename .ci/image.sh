#!/usr/bin/env bash
# Build the images that the tests in tests/docker run, so that their time and their failure are seen by themselves.
# Needs Docker (.ci/docker.sh), and root where no Debian image can be pulled: then debootstrap makes one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(id -u)" = 0 ] && ! command -v debootstrap >/dev/null; then
  echo "Installing debootstrap …" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
fi

make --silent .venv/.dev
.venv/bin/python -m tests.docker.build
