#!/bin/sh
# Print the Debian image to build on, as base.sh DOCKER [ARCHITECTURE]: the usual one where it is there or can be pulled,
# else one made here by debootstrap. Without an architecture it is the machine's.
set -eu
docker=$1
architecture=${2:-$("$docker" version --format '{{.Server.Arch}}')}
usual=debian:trixie-slim
made=distributed-fiji/debian:trixie-slim-$architecture

is_here() {
	[ "$("$docker" image inspect --format '{{.Architecture}}' "$1" 2>/dev/null)" = "$architecture" ]
}

if is_here "$made" && ! is_here "$usual"; then
	echo "$made"
elif is_here "$usual" || "$docker" pull --quiet --platform "linux/$architecture" "$usual" >/dev/null 2>&1; then
	echo "$usual"
else
	"$(dirname "$0")/debian-base.sh" "$docker" "$made" "$architecture" >&2
	echo "$made"
fi
