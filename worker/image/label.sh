#!/bin/sh
# Write an image's contents into its labels, as label.sh DOCKER IMAGE NAME [FLAG…], and rename it to NAME. The
# contents are read from the image itself.
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
