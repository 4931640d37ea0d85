#!/bin/sh
# Install Debian packages into an image and leave nothing that ages: no lists, no caches, no logs.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
pythons() { dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' '*python3*' 2>/dev/null | grep ^ii || true; }
before=$(pythons)
apt-get update -q
apt-get upgrade -y -q
apt-get install -y -q --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/lib/dpkg/*-old \
	/var/log/* /usr/share/doc/*/changelog* /usr/share/man /usr/share/info /usr/share/lintian
# A builder that sets all times to one would make Python take its compiled files for outdated: bind them to contents. Only
# where Python came or changed: else a layer would carry them once more.
if [ "$(pythons)" != "$before" ]; then
	find /usr/lib/python3 /usr/lib/python3.* -name __pycache__ -prune -exec rm -rf {} +
	rm -rf /usr/lib/python3.*/test /usr/lib/python3.*/idlelib /usr/lib/python3.*/lib2to3
	PYTHONHASHSEED=0 python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.*
fi
# Nobody in here becomes anybody else.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
if ! grep -q ^webviewer: /etc/passwd; then
	echo 'webviewer:x:10001:' >>/etc/group
	echo 'webviewer:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd
fi
