#!/bin/sh
# Make the Python environments of a build; the lock file's versions and hashes, and of them what the role needs.
#
#   environment.sh tools ROLE LOCK       into /build: what builds
#   environment.sh libraries ROLE LOCK   into /opt/web-viewer: what an image carries
#   environment.sh product ROLE          our own wheel into /opt/web-viewer, with the role's executables
set -eu
step=$1
role=$2
here=$(dirname "$0")

# A library without a wheel is built with the locked setuptools, not with whatever pip would fetch for it.
install_locked() { # PYTHON ROLE LOCK
	python3 "$here/lock_of_role.py" "$3" "$here/roles/$2.txt" >"/tmp/$2.lock"
	/build/bin/pip wheel --quiet --no-deps --require-hashes --no-build-isolation --wheel-dir "/tmp/$2" -r "/tmp/$2.lock"
	/build/bin/pip --python "$1" install --quiet --no-deps --no-compile --no-index "/tmp/$2"/*.whl
	rm -rf "/tmp/$2"
}

# Tests of libraries, their headers and sources are for developers. What Python compiles is bound to contents, not times.
finish() { # FOLDER…
	find "$@" -type d \( -name tests -o -name testing_data \) -prune -exec rm -rf {} +
	find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.pyi' \) -delete
	python3 -m compileall -q --invalidation-mode unchecked-hash "$@"
}

# Of imagecodecs the codecs that a role names, with the libraries that these load: the others are three quarters of it.
keep_codecs() { # SITE-PACKAGES ROLE
	codecs=$(sed -n 's/^# codecs: //p' "$here/roles/$2.txt")
	[ -n "$codecs" ] || return 0
	for file in "$1"/imagecodecs/_*.so; do
		name=$(basename "$file" .abi3.so)
		case " $codecs shared shared_cython " in *" ${name#_} "*) ;; *) rm "$file" ;; esac
	done
	for name in $codecs; do
		[ -f "$1/imagecodecs/_$name.abi3.so" ] || { echo "imagecodecs has no codec $name, which the image needs." >&2; exit 1; }
	done
	loaded=$(ldd "$1"/imagecodecs/_*.so)
	for file in "$1"/imagecodecs.libs/*; do
		case $loaded in *"/$(basename "$file") "*) ;; *) rm "$file" ;; esac
	done
}

case $step in
tools)
	install_locked /build/bin/python "$role" "$3"
	;;
libraries)
	python3 -m venv --without-pip /opt/web-viewer
	install_locked /opt/web-viewer/bin/python "$role" "$3"
	rm -rf /opt/web-viewer/include
	keep_codecs /opt/web-viewer/lib/python3*/site-packages "$role"
	finish /opt/web-viewer/lib/python3*/site-packages
	;;
product)
	/build/bin/pip --python /opt/web-viewer/bin/python install --quiet --no-deps --no-compile --no-index /wheels/*.whl
	executables=" $(sed -n 's/^# executables: //p' "$here/roles/$role.txt") "
	for file in /opt/web-viewer/bin/*; do
		name=$(basename "$file")
		case $name in
		python*) ;;
		*) case $executables in *" $name "*) ;; *) rm "$file" ;; esac ;;
		esac
	done
	for name in $executables; do
		[ -x "/opt/web-viewer/bin/$name" ] || { echo "pyproject.toml has no script $name, which the image needs." >&2; exit 1; }
	done
	rm -f /opt/web-viewer/bin/[Aa]ctivate*
	for package in webviewer functions dicom_gateway renderpool; do
		finish /opt/web-viewer/lib/python3*/site-packages/$package
	done
	;;
*)
	echo "unknown step $step" >&2
	exit 2
	;;
esac
