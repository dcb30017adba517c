#!/bin/sh
# Write into an image's labels what it holds, as label.sh DOCKER IMAGE NAME [FLAG…], and give it that name instead of
# its own: the image itself is asked.
set -eu
docker=$1
image=$2
name=$3
shift 3
versions=$("$docker" run --rm --network none "$@" "$image" --version)
labels=$(echo "$versions" | while read -r what version; do
	echo "org.distributed-fiji.$what=\"$version\" \\"
done)
worker=$(echo "$versions" | sed -n 's/^worker //p')

"$docker" build --quiet "$@" --tag "$name" - >/dev/null <<END
FROM $image
LABEL $labels
      org.opencontainers.image.title="distributed-fiji worker" \\
      org.opencontainers.image.version="$worker"
END
"$docker" rmi --no-prune "$image" >/dev/null
echo "$versions"
