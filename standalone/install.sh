#!/bin/sh
# Puts the locked packages into .venv:  sh standalone/install.sh standalone|dev|fallback
# Does nothing, and needs no network, when the lock file is the one of the last time.
set -eu
cd "$(dirname "$0")/.."
wanted=$1
lock=requirements/$wanted.lock
sdk=clients/python
stamp=.venv/installed-$wanted
log=.venv/install.log

fail() {
	echo "error: $*" >&2
	exit 1
}

is_new_enough() {
	"$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# A copy of what went in, rather than a time: a fresh checkout has new times and the same content.
up_to_date() {
	[ -x .venv/bin/python ] && cmp -s "$lock" "$stamp" && .venv/bin/python -c '' 2>/dev/null
}

make_environment() {
	if [ -x .venv/bin/python ] && is_new_enough .venv/bin/python; then
		return
	fi
	for python in python3.11 python3; do
		if is_new_enough "$python"; then
			echo "· making the environment .venv with $python"
			"$python" -m venv --clear .venv >.venv.log 2>&1 || {
				rm -rf .venv
				fail "$python cannot make an environment; install its venv package" \
					"(Debian: apt install python3-venv). See .venv.log"
			}
			rm -f .venv.log
			return
		fi
	done
	fail "Python 3.11 or newer is needed: install it so that python3.11 or python3 starts it"
}

quietly() {
	"$@" >>"$log" 2>&1 || {
		grep '^ERROR' "$log" | tail -n 2 >&2 || :
		fail "installing failed, see $log; with the network up, run the same command again"
	}
}

if ! up_to_date; then
	make_environment
	: >"$log"
	echo "· installing $(grep -c '^[a-z0-9]' "$lock") packages ($lock)"
	quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input \
		--require-hashes --requirement "$lock"
	cp "$lock" "$stamp"
fi

# The command `agileim`, from the sources in place: changes there need no new install.
if [ -f $sdk/pyproject.toml ] && [ "$wanted" != fallback ] &&
	! cmp -s $sdk/pyproject.toml .venv/installed-sdk; then
	echo "· installing the command agileim"
	quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable $sdk
	cp $sdk/pyproject.toml .venv/installed-sdk
fi
