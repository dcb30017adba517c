#!/bin/sh
# Write into an image's labels what it holds, as label.sh DOCKER IMAGE [FLAG…]: the image itself is asked.
set -eu
docker=$1
image=$2
shift 2
versions=$("$docker" run --rm --network none "$@" "$image" --version)
labels=$(echo "$versions" | while read -r name version; do
	echo "org.distributed-fiji.$name=\"$version\" \\"
done)
worker=$(echo "$versions" | sed -n 's/^worker //p')

"$docker" build --quiet "$@" --tag "$image" - >/dev/null <<END
FROM $image
LABEL $labels
      org.opencontainers.image.title="distributed-fiji worker" \\
      org.opencontainers.image.version="$worker"
END
echo "$versions"
