#!/bin/sh
# Make a slim Debian base image if none can be pulled: debian-base.sh DOCKER IMAGE ARCHITECTURE. Needs root and
# debootstrap; for an architecture other than the machine's also qemu-user-static. DEBIAN_MIRROR names another mirror.
set -eu
docker=$1
image=$2
architecture=$3
suite=trixie
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

if [ "$(id -u)" != 0 ]; then
	echo "Making $image by debootstrap needs root: run it as root, or name a Debian image by BASE_IMAGE=…" >&2
	exit 1
fi
if ! command -v debootstrap >/dev/null; then
	echo "debootstrap is missing: apt-get install debootstrap, or name a Debian image by BASE_IMAGE=…" >&2
	exit 1
fi

work=$(mktemp -d)
# debootstrap mounts /proc in it, and unmounts it unless it is killed.
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
echo "Making the base image $image from $mirror …" >&2
if ! debootstrap --variant=minbase --arch="$architecture" "$suite" "$root" "$mirror" >"$work/log" 2>&1; then
	tail -n 20 "$work/log" >&2
	exit 1
fi

# Like Debian's own slim images: no documentation, no translations, neither now nor with later packages.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/info" "$root/usr/share/locale" "$root/usr/share/man" -type f -delete
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/* "$root"/var/log/*

cat >"$root/etc/apt/sources.list" <<END
deb $mirror $suite main
deb $mirror $suite-updates main
deb ${DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security} $suite-security main
END
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"

# A build and not an import, which ignores the architecture.
mkdir "$work/context"
tar -C "$root" -cf "$work/context/root.tar" .
printf 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n' >"$work/context/Dockerfile"
"$docker" build --quiet --platform "linux/$architecture" --tag "$image" "$work/context" >/dev/null
echo "Made $image." >&2
