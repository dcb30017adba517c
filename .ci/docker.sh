#!/usr/bin/env bash
# Make Docker usable on a machine of CI: install Debian's docker.io where there is no daemon, and start it.
# Does nothing where one answers. Needs root and apt for the rest. The daemon listens on its unix socket alone;
# its process id stands in /run/docker.pid: `kill "$(cat /run/docker.pid)"` ends it.
set -euo pipefail

# udev gives everyone the right to mount by FUSE; a machine without udev lacks it.
if [ -c /dev/fuse ] && [ "$(id -u)" = 0 ]; then chmod 0666 /dev/fuse; fi

if docker info >/dev/null 2>&1; then
  echo "Docker answers." >&2
  exit 0
fi

if ! command -v dockerd >/dev/null; then
  echo "Installing Docker …" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
fi

start() { # start OPTION…: start the daemon and wait until it answers, or has ended
  echo "Starting Docker $* …" >&2
  setsid dockerd --host unix:///var/run/docker.sock --pidfile /run/docker.pid "$@" >/var/log/dockerd.log 2>&1 </dev/null &
  local daemon=$!
  for _ in $(seq 120); do
    docker info >/dev/null 2>&1 && return 0
    kill -0 "$daemon" 2>/dev/null || return 1
    sleep 0.25
  done
  kill "$daemon"
  return 1
}

# What a machine may lack: overlay file systems on its disk, or the right to change its packet filter.
start || start --storage-driver vfs || start --storage-driver vfs --iptables=false --bridge=none || {
  tail -n 20 /var/log/dockerd.log >&2
  echo "Docker does not start here." >&2
  exit 1
}
