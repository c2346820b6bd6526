#!/bin/sh
# Builds the web client into clients/web/dist, if what it is made of has changed since:
#   sh standalone/build-web.sh [build|tools]
# Needs Node: the one from PATH if it is recent enough, else the one of requirements/web.in. Without
# either, everything else still starts: this says so and ends well. `tools` only installs packages,
# and fails when it cannot.
set -u
cd "$(dirname "$0")/.."
what=${1:-build}
web=clients/web
log=$web/node_modules/build.log
stamp=$web/dist/.made-of
installed=$web/node_modules/.made-of

give_up() {
	shown="the start page is shown instead"
	[ -f $web/dist/index.html ] && shown="the one built before is shown"
	echo "· web client: $* ($shown; everything else works)" >&2
	[ "$what" = build ] && exit 0
	exit 1
}

fingerprint() {
	find "$@" -type f -exec cksum {} + | LC_ALL=C sort | cksum
}

# 20.19 or newer of 20, 22.12 or newer: what Vite asks for.
recent_node() {
	command -v "$1" >/dev/null 2>&1 && "$1" -e '
		const [major, minor] = process.versions.node.split(".").map(Number)
		const recent = major === 20 ? minor >= 19 : major === 22 ? minor >= 12 : major > 22
		process.exit(recent ? 0 : 1)' 2>/dev/null
}

find_node() {
	if recent_node node && command -v npm >/dev/null 2>&1; then
		return
	fi
	if ! recent_node .venv/bin/node; then
		sh standalone/install.sh web 2>/dev/null || give_up "no Node 20.19 or newer, see .venv/install.log"
	fi
	PATH="$PWD/.venv/bin:$PATH"
	export PATH
	recent_node node || give_up "no Node 20.19 or newer"
}

# A build environment's own settings of the package manager are its user's business.
run() {
	(cd $web && "$@") >>"$log" 2>&1
}

install_packages() {
	wanted=$(fingerprint $web/scripts $web/package.json $web/package-lock.json)
	if [ -f $installed ] && [ "$(cat $installed)" = "$wanted" ]; then
		return
	fi
	echo "· installing the packages of the web client"
	mkdir -p $web/node_modules && : >"$log"
	# It empties node_modules, the log included.
	problems=$( (cd $web && npm ci --no-audit --no-fund --fetch-retries 1) 2>&1 >/dev/null) || {
		mkdir -p $web/node_modules
		echo "$problems" >"$log"
		give_up "its packages could not be installed, see $log"
	}
	echo "$wanted" >$installed
}

[ -f $web/package.json ] || exit 0
if [ "$what" = tools ]; then
	find_node
	install_packages
	exit 0
fi

made_of=$(fingerprint $web/src $web/public $web/index.html $web/vite.config.ts \
	$web/scripts $web/package.json $web/package-lock.json)
if [ -f $web/dist/index.html ] && [ -f $stamp ] && [ "$(cat $stamp)" = "$made_of" ]; then
	exit 0
fi
find_node
install_packages
echo "· building the web client"
: >"$log"
run npm run build || give_up "building failed, see $log"
echo "$made_of" >$stamp
