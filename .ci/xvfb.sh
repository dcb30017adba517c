#!/usr/bin/env bash
# Install Debian's Xvfb where there is none, for the tests that need a display. Needs root and apt for that.
set -euo pipefail

if command -v xvfb-run >/dev/null; then exit 0; fi
echo "Installing Xvfb …" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends xvfb xauth libxrender1 libxtst6 libxi6 >/dev/null
