#!/bin/sh
# Make a FIJI_IMAGE from FIJI's own download, and print its name: archive.sh DOCKER PYTHON BASE ADDRESS SHA256 [FLAG…].
# The name contains the checksums of the archive and of how the image is made: an existing image is not made again.
set -eu
docker=$1
python=$2
base=$3
address=$4
sha256=$5
shift 5
here=$(cd "$(dirname "$0")" && pwd)

sha256=$("$python" "$here/archive.py" "$address" "$sha256")
recipe=$( (echo "$base" "$@"; cat "$here/../archive.Dockerfile" "$here/unpack.sh") | sha256sum)
image=distributed-fiji/fiji:$(echo "$sha256" | cut -c 1-16)-$(echo "$recipe" | cut -c 1-8)
if ! "$docker" image inspect "$image" >/dev/null 2>&1; then
	context=$(mktemp -d)
	trap 'rm -rf "$context"' EXIT
	"$python" "$here/archive.py" "$address" "$sha256" "$context/fiji.zip" >/dev/null
	cp "$here/unpack.sh" "$context"
	"$docker" build "$@" --build-arg "BASE_IMAGE=$base" --file "$here/../archive.Dockerfile" --tag "$image" \
		"$context" >&2
fi
echo "$image"
