#!/bin/sh
# Print the Debian image to build on, as base.sh DOCKER: the usual one where it is there or can be pulled, else one made
# here by debootstrap.
set -eu
docker=$1
usual=debian:trixie-slim
made=distributed-fiji/debian:trixie-slim

for image in "$usual" "$made"; do
	if "$docker" image inspect "$image" >/dev/null 2>&1; then
		echo "$image"
		exit 0
	fi
done
if "$docker" pull --quiet "$usual" >/dev/null 2>&1; then
	echo "$usual"
else
	"$(dirname "$0")/debian-base.sh" "$made" >&2
	echo "$made"
fi
