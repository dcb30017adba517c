#!/bin/sh
# Runs in FIJI's image: puts its Java beside FIJI, as /opt/fiji/java, so that both leave the image as one folder.
# It is the Java in FIJI's own folder, that of JAVA_HOME, or the one on the PATH; of a JDK, what running needs.
set -eu
home=/opt/fiji/Fiji.app
if [ ! -d "$home/jars" ]; then
	echo "FIJI_IMAGE holds no FIJI: there is no $home/jars in it" >&2
	exit 1
fi
[ -e /opt/fiji/java ] && exit 0

own=$(find "$home/java" -path '*/bin/java' ! -path '*/jre/*' 2>/dev/null | head -n 1)
if [ -n "$own" ]; then
	ln -s "${own%/bin/java}" /opt/fiji/java
	exit 0
fi

java=${JAVA_HOME:+$JAVA_HOME/bin/java}
[ -x "${java:-}" ] || java=$(command -v java) || { echo "FIJI_IMAGE holds no Java" >&2; exit 1; }
java=$(readlink -f "$java")
jdk=${java%/bin/java}
[ -d "$jdk/jre" ] && jdk=$jdk/jre
# Links of a package that lead nowhere (sources, manuals) are left out; whether the copy is whole, Java says itself.
cp -RLp "$jdk" /opt/fiji/java 2>/dev/null || true
/opt/fiji/java/bin/java -version >/dev/null 2>&1 || { echo "The Java in $jdk cannot be moved" >&2; exit 1; }
rm -rf /opt/fiji/java/jmods /opt/fiji/java/lib/src.zip /opt/fiji/java/bin/javac
