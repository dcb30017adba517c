#!/bin/sh
# Runs in FIJI's image: puts its Java beside FIJI, as /opt/fiji/java, so that both leave the image as one folder.
# The Java is the one in FIJI's own folder, in JAVA_HOME, or on the PATH; of a JDK, only what is needed to run.
set -eu
home=/opt/fiji/Fiji.app
[ -d "$home" ] || [ ! -d /opt/fiji/Fiji/jars ] || mv /opt/fiji/Fiji "$home"
if [ ! -d "$home/jars" ]; then
	echo "FIJI_IMAGE holds no FIJI: it has neither /opt/fiji/Fiji.app nor /opt/fiji/Fiji with jars in it" >&2
	exit 1
fi
[ -e /opt/fiji/java ] && exit 0

slim() { # slim JAVA_HOME: only what compiling or linking needs goes
	rm -rf "$1/jmods" "$1/lib/src.zip" "$1/src.zip" "$1/bin/javac"
}

own=$(find "$home/java" -path '*/bin/java' ! -path '*/jre/*' 2>/dev/null | head -n 1)
if [ -n "$own" ]; then
	"$own" -version >/dev/null 2>&1 || { echo "FIJI's own Java does not run: $own" >&2; exit 1; }
	ln -s "${own%/bin/java}" /opt/fiji/java
	slim "${own%/bin/java}"
	exit 0
fi

java=${JAVA_HOME:+$JAVA_HOME/bin/java}
[ -x "${java:-}" ] || java=$(command -v java) || {
	echo "There is no Java, neither in FIJI's folder nor beside it: take one of FIJI's downloads with a JDK in it" >&2
	exit 1
}
java=$(readlink -f "$java")
jdk=${java%/bin/java}
[ -d "$jdk/jre" ] && jdk=$jdk/jre
# A package's dangling links (sources, manuals) are left out. Java itself shows whether the copy is complete.
cp -RLp "$jdk" /opt/fiji/java 2>/dev/null || true
/opt/fiji/java/bin/java -version >/dev/null 2>&1 || { echo "The Java in $jdk cannot be moved" >&2; exit 1; }
slim /opt/fiji/java
