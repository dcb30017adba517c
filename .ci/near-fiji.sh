#!/usr/bin/env bash
# Lay out near-FIJI for the tests (tests/nearfiji.py): FIJI's real launchers over the real imagej-legacy, from
# ../shared/near-fiji and Maven Central (110 MB, once), outside the checkout. Prints the folder, for NEAR_FIJI.
# Needs maven, a Java with its windows (not a headless one), and Xvfb; installs Debian's where they are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts=$(cd .. && pwd)/shared/near-fiji
out=${NEAR_FIJI:-${TMPDIR:-/tmp}/near-fiji}

has_windows() { # whether the Java on the PATH can open windows
  local java
  java=$(readlink -f "$(command -v java)") && [ -f "${java%/bin/java}/lib/libawt_xawt.so" ]
}

missing=()
command -v mvn >/dev/null || missing+=(maven)
has_windows || missing+=(openjdk-17-jre)
command -v xvfb-run >/dev/null || missing+=(xvfb xauth)
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]} …" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ ! -x "$out/Fiji.app/ImageJ-linux64" ]; then
  if [ ! -x "$parts/assemble" ]; then
    echo "$parts is not there: the tests on near-FIJI will fail." >&2
    exit 0
  fi
  echo "Laying out near-FIJI in $out …" >&2
  "$parts/assemble" "$out" >&2
fi
echo "$out"
