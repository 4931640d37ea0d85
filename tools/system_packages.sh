#!/bin/sh
# Install the Debian packages that are missing for a purpose, and start none of their services:
#   python       to make the virtual environment and to build the pages
#   run          to run the server
#   distributed  to run the distributed build on one machine
#   test         to test both
#   deb          to make the Debian packages
#   images       to make the container images
#   prove        to prove the packages, the images and the install in Kubernetes
#   bare         to make a bare Debian in a folder
# Without root the exact command is printed and the script fails.
set -eu
purpose=${1:?python, run, distributed, test, deb, images, prove or bare}
python=${2:-python3}

needed=""
need() { needed="$needed $1"; }
has_library() { ldconfig -p 2>/dev/null | grep -q "$1" || ls /usr/lib/*/"$1"* /usr/lib/"$1"* >/dev/null 2>&1; }

is() { case " $* " in *" $purpose "*) ;; *) return 1 ;; esac; }

if is python run distributed test; then
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || need python3
	"$python" -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
	[ -d /etc/ssl/certs ] || need ca-certificates
fi
if is run distributed test; then
	has_library libEGL.so.1 || need libegl1
	has_library libEGL_mesa.so.0 || need libegl-mesa0
	has_library libGLESv2.so.2 || need libgles2
	has_library libGL.so.1 || need libgl1
	has_library libgallium || ls /usr/lib/*/dri/swrast_dri.so >/dev/null 2>&1 || need libgl1-mesa-dri
fi

if is distributed test; then
	[ -x /usr/lib/postgresql/15/bin/initdb ] || need postgresql-15
	command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || need nginx-light
	command -v openssl >/dev/null || need openssl
fi
if is test; then
	command -v dcmsend >/dev/null || need dcmtk
	command -v Orthanc >/dev/null || [ -x /usr/sbin/Orthanc ] || need orthanc
	command -v chromium >/dev/null || need chromium
	has_library libatomic.so.1 || need libatomic1 # Node of Playwright
	command -v dciodvfy >/dev/null || need dicom3tools
	command -v Xvfb >/dev/null || need xvfb
	has_library libGLX_mesa.so.0 || need libglx-mesa0
fi

if is bare images prove; then
	command -v mmdebstrap >/dev/null || need mmdebstrap
fi
if is deb prove; then
	command -v dh >/dev/null || need debhelper
	command -v dpkg-buildpackage >/dev/null || need dpkg-dev
	command -v fakeroot >/dev/null || need fakeroot
fi
if is images prove; then
	command -v buildah >/dev/null || need buildah
fi
if is prove; then
	command -v lintian >/dev/null || need lintian
	command -v systemd-analyze >/dev/null || need systemd
	command -v gpg >/dev/null || need gpg
	command -v podman >/dev/null || need podman
	command -v runc >/dev/null || need runc
	command -v ip >/dev/null || [ -x /usr/sbin/ip ] || need iproute2
	command -v etcd >/dev/null || need etcd-server
	command -v openssl >/dev/null || need openssl
	# Kubernetes 1.34 wants Go 1.24; Debian 12's own is older, and whatever is installed by hand is taken
	command -v go >/dev/null || echo "make prove-k8s needs Go 1.24 or newer on the PATH (Debian 12 has 1.19)." >&2
fi

[ -n "$needed" ] || exit 0
install="apt-get update && apt-get install -y --no-install-recommends$needed"
if ! command -v apt-get >/dev/null; then
	echo "These are missing, by their Debian names:$needed. Install them with this system's own means." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "System packages are missing. As root, run:" >&2
	echo "    $install" >&2
	echo "(for example: sudo sh -c '$install')" >&2
	exit 1
fi
echo "== system packages:$needed"

# Debian starts the services of a package that is installed, unless this file forbids it. The machine's own file is put
# back afterwards. The file of a run that was killed is known by its second line.
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
mark="# for the time that tools/system_packages.sh installs packages"
give_back() {
	rm -f "$policy"
	[ ! -e "$policy.machine" ] || mv "$policy.machine" "$policy"
}
if [ -e "$policy" ] && ! grep -qxF "$mark" "$policy"; then
	mv "$policy" "$policy.machine"
fi
trap give_back EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
apt-get update
# shellcheck disable=SC2086  # a list of words
apt-get install -y --no-install-recommends $needed
