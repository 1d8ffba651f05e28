# Stages with a budget of time, for .ci/run and its test.
#
# A long stage begins only if it will end in time at today's pace, since machines
# differ by more than a factor of two; what still runs at the end of the budget is
# stopped. What is left out is said at the end: NOT VERIFIED.

end=${END:-4800}           # when every stage is expected to have ended, in seconds
stop=${STOP:-$((end + 300))} # when what still runs is stopped
short=${SHORT:-1500}       # when a stage that can be spared has to have ended, in seconds
pace=100                   # hundredths of its recorded time that a stage takes today

outputs=$(mktemp -d)
summary="" unverified=""
declare -A group=() began=() trials=()
set -m # each stage is a process group of its own, as in a terminal

# begin NAME COMMAND… starts a stage. Its output goes to a file.
begin() {
	local name=$1
	shift
	began[$name]=$SECONDS
	: >"$outputs/$name"
	(
		result=0
		"$@" >"$outputs/$name" 2>&1 || result=1
		exit $result
	) &
	group[$name]=$!
	echo $! >"$outputs/$name.group"
}

# finish NAME… waits for stages that have begun, and shows what each printed.
finish() {
	local name took failed=""
	for name in "$@"; do
		[ -n "${group[$name]:-}" ] || continue
		printf '\n=== %s\n' "$name"
		tail -n +1 -s 0.2 -f --pid="${group[$name]}" "$outputs/$name"
		if wait "${group[$name]}"; then
			took=$((SECONDS - ${began[$name]}))
			printf '=== %s: %d s\n' "$name" "$took"
			summary+=$(printf '%-12s %4d s' "$name" "$took")$'\n'
		elif [ -e "$outputs/stopped" ]; then
			leave "$name" "stopped, since the time was over"
		elif [ -n "${trials[$name]:-}" ]; then
			leave "$name" "it FAILED after $((SECONDS - ${began[$name]})) s; it was never seen to pass on this code"
			telling "$name"
		else
			took=$((SECONDS - ${began[$name]}))
			printf '=== %s: FAILED after %d s\n' "$name" "$took"
			summary+=$(printf '%-12s %4d s FAILED' "$name" "$took")$'\n'
			failed+=" $name"
		fi
		rm -f "$outputs/$name.group"
		unset "group[$name]"
	done
	if [ -n "$failed" ]; then
		printf '\n%s\n=== FAILED:%s\n' "$summary" "$failed"
		for name in $failed; do
			telling "$name"
		done
		exit 1
	fi
}

# stage NAME COMMAND… runs a stage.
stage() {
	begin "$@"
	finish "$1"
}

# fits NAME SECONDS says whether a long stage that was recorded to take so many
# seconds will end in time at today's pace.
fits() {
	local expected=$((SECONDS + $2 * pace / 100))
	[ $expected -le $end ] && [ ! -e "$outputs/stopped" ] || {
		leave "$1" "it would have ended after $((expected / 60)) minutes"
		return 1
	}
}

# long NAME SECONDS COMMAND… is a stage that begins only if it fits; side does not
# wait for it.
long() {
	side "$@"
	finish "$1"
}

side() {
	local name=$1
	! fits "$name" "$2" || begin "$name" "${@:3}"
}

# spare NAME SECONDS COMMAND… is long for a stage that begins only where the whole stays
# short: what it tests changes seldom, and has a make target.
spare() {
	local expected=$((SECONDS + $2 * pace / 100))
	if [ $expected -gt "$short" ]; then
		leave "$1" "it would have ended after $((expected / 60)) minutes"
	else
		long "$@"
	fi
}

# trial NAME SECONDS COMMAND… is spare for a stage that has not been seen to pass since
# the code changed much: it runs, and what it finds is said, but it decides nothing.
trial() {
	trials[$1]=yes
	spare "$@"
}

# leave NAME WHY notes what is left out.
leave() {
	unverified+="NOT VERIFIED: $1 ($2)"$'\n'
	printf '\n=== NOT VERIFIED: %s (%s)\n' "$1" "$2"
}

# telling shows again what says why a stage failed, below what its servers logged.
telling() {
	grep -E '^ *--- FAIL|^ *(panic|fatal error):|DATA RACE|^ *[a-z_]+\.go:[0-9]+: |^FAIL' "$outputs/$1" | grep -v 'testing.go' | head -60 || true
}

# signal SIGNAL sends a signal to what runs.
signal() {
	local file
	for file in "$outputs"/*.group; do
		[ ! -e "$file" ] || kill "-$1" -- "-$(cat "$file")" 2>/dev/null || true
	done
}

# The watch stops what still runs when the time is over.
(
	trap 'kill "$sleeping" 2>/dev/null; exit' TERM
	sleep "$stop" &
	sleeping=$!
	wait "$sleeping"
	touch "$outputs/stopped"
	signal INT
	sleep 60
	signal KILL
) &
watch=$!

# ends stops what still runs: as ctrl-C does, and what does not heed that, by force.
ends() {
	kill -TERM "$watch" 2>/dev/null || true
	local name force
	signal INT
	(sleep "${GRACE:-30}" && signal KILL) &
	force=$!
	for name in "${!group[@]}"; do
		wait "${group[$name]}" || true
	done
	{ kill -- "-$force" && wait "$force"; } 2>/dev/null || true
	rm -rf "$outputs"
}
trap ends EXIT

# closing says what ran and what did not.
closing() {
	printf '\n%s\n' "$summary"
	[ -z "$unverified" ] || printf '%s\n' "$unverified"
	printf 'What ran is well, after %d s.\n' "$SECONDS"
}

# measured NAME SECONDS takes the pace of the day from a stage that has ended, and how
# many seconds it was recorded to take. A fast day is no reason to risk anything.
measured() {
	local took
	took=$(sed -n "s/^$1  *\([0-9]*\) s$/\1/p" <<<"$summary")
	pace=$((took * 100 / $2))
	[ $pace -ge 100 ] || pace=100
	printf 'Today everything takes %d %% of its recorded time.\n' $pace
}
