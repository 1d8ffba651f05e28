# Tests of stages.sh: what fits in the budget runs, what does not is named, what
# fails ends the run, and what takes too long is stopped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# try NAME END STOP SCRIPT… runs stages in a shell of their own.
try() {
	name=$1 result=0
	END=$2 STOP=$3 bash -euo pipefail -c ". '$here/stages.sh'; $4" >"$said" 2>&1 </dev/null || result=$?
}

# expect TEXT… has to be among what was said; unexpected must not.
expect() {
	local text
	for text in "$@"; do
		grep -qF -- "$text" "$said" || fail "it did not say: $text"
	done
}
unexpected() { ! grep -qF -- "$1" "$said" || fail "it said: $1"; }
ended() { [ "$result" = "$1" ] || fail "it ended with $result, not $1"; }
fail() {
	printf '%s: %s\n' "$name" "$1"
	cat "$said"
	exit 1
}

try 'what fits runs' 100 200 'stage a echo first; long b 50 echo second; side c 60 echo third; finish c; closing'
ended 0
expect first second third 'What ran is well'
unexpected 'NOT VERIFIED'

try 'what does not fit is named' 100 200 'long a 150 echo never; long b 50 echo second; closing'
ended 0
unexpected never
expect second 'NOT VERIFIED: a (it would have ended after'

try 'a slow day is counted in' 100 200 'pace=300; long a 50 echo never; side b 40 echo never; finish b; closing'
ended 0
unexpected never
expect 'NOT VERIFIED: a' 'NOT VERIFIED: b'

try 'the pace is measured' 1000 2000 'summary="pace    60 s"; measured pace 30; long a 600 echo never; closing'
ended 0
expect 'Today everything takes 200 %' 'NOT VERIFIED: a'

try 'what fails ends the run' 100 200 'side b 50 sleep 1000; stage a false; echo never; closing'
ended 1
expect '=== FAILED: a'
unexpected never

try 'what does not heed an interrupt is ended all the same' 100 200 'GRACE=1; trap "" INT; side b 50 sleep 1000; stage a false; echo never'
ended 1
expect '=== FAILED: a'

try 'what takes too long is stopped' 100 1 'long a 10 sleep 1000; long b 10 sleep 1000; closing'
ended 0
expect 'NOT VERIFIED: a (stopped' 'NOT VERIFIED: b'

try 'a trial that fails decides nothing' 100 200 'trial a 10 false; trial b 10 echo second; finish a b; closing'
ended 0
expect second 'NOT VERIFIED: a (it FAILED' 'What ran is well'
unexpected 'NOT VERIFIED: b'

try 'what can be spared runs only where the whole stays short' 1000 2000 'short=100; spare a 150 echo never; spare b 50 echo second; closing'
ended 0
unexpected never
expect second 'NOT VERIFIED: a (it would have ended after'
unexpected 'NOT VERIFIED: b'
