#!/bin/sh
# Print the Debian image to build on, as base.sh DOCKER [ARCHITECTURE]: the usual one if it exists or can be pulled,
# else one made here with debootstrap. Without an architecture, it is the machine's. The usual one is named by its digest
# if Docker knows it, as it does for a pulled image: all stages of a build, and what is made from it later, use the
# same bytes.
set -eu
docker=$1
architecture=${2:-$("$docker" version --format '{{.Server.Arch}}')}
usual=debian:trixie-slim
made=distributed-fiji/debian:trixie-slim-$architecture

is_here() {
	[ "$("$docker" image inspect --format '{{.Architecture}}' "$1" 2>/dev/null)" = "$architecture" ]
}

by_digest() {
	"$docker" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | grep -m 1 '^debian@sha256:' || echo "$1"
}

if is_here "$made" && ! is_here "$usual"; then
	echo "$made"
elif is_here "$usual" || "$docker" pull --quiet --platform "linux/$architecture" "$usual" >/dev/null 2>&1; then
	by_digest "$usual"
else
	"$(dirname "$0")/debian-base.sh" "$docker" "$made" "$architecture" >&2
	echo "$made"
fi
