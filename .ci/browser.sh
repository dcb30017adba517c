#!/usr/bin/env bash
# Install Debian's Chromium where no browser is, for the tests that open a page in one. Needs root and apt for that.
set -euo pipefail

for browser in chromium-headless-shell chromium chromium-browser google-chrome; do
  if command -v "$browser" >/dev/null; then exit 0; fi
done
echo "Installing Chromium …" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium >/dev/null
