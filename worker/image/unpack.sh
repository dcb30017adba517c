#!/bin/sh
# Runs while an image is built, as unpack.sh ARCHIVE: puts the FIJI in a zip into /opt/fiji/Fiji.app. In the zip, its
# folder is `Fiji.app`, or `Fiji` since 2025.
set -eu
archive=$1
parts=/opt/fiji/.unpacked
mkdir -p "$parts"
unzip -q -o "$archive" -d "$parts" || { echo "FIJI_ARCHIVE cannot be unpacked" >&2; exit 1; }
rm "$archive"

for jars in "$parts"/Fiji.app/jars "$parts"/Fiji/jars "$parts"/*/jars "$parts"/jars; do
	if [ -d "$jars" ]; then
		mv "${jars%/jars}" /opt/fiji/Fiji.app
		rm -rf "$parts"
		break
	fi
done
if [ ! -d /opt/fiji/Fiji.app ]; then
	echo "FIJI_ARCHIVE holds no FIJI: it has no folder Fiji.app or Fiji with jars in it" >&2
	exit 1
fi

# A zip that was not made on Linux does not say which files are executable.
cd /opt/fiji/Fiji.app
for program in fiji-linux-* ImageJ-linux64 fiji config/jaunch/jaunch-linux-*; do
	[ ! -f "$program" ] || chmod a+x "$program"
done
find java -type f \( -path '*/bin/*' -o -name jspawnhelper -o -name jexec \) -exec chmod a+x {} + 2>/dev/null || true
