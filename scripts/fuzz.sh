#!/usr/bin/env bash
# Fuzzes every target of this module, each for the given time; without one,
# all together for little more than a minute, beside what starting them takes.
set -u
cd "$(dirname "$0")/.."
targets=() # "package target"
pending=()
list=$(go test -list '^Fuzz' ./...) || { printf '%s\n' "$list"; exit 1; }
while read -r first second _; do
	case $first in
	Fuzz*) pending+=("$first") ;;
	ok)
		for target in ${pending[@]+"${pending[@]}"}; do targets+=("$second $target"); done
		pending=()
		;;
	esac
done <<<"$list"
if [ ${#targets[@]} -eq 0 ]; then
	echo "There are no fuzz targets."
	exit 0
fi
seconds=$((75 / ${#targets[@]}))
each=${1:-$((seconds < 1 ? 1 : seconds > 5 ? 5 : seconds))s}
status=0
executions=0
for entry in "${targets[@]}"; do
	read -r package target <<<"$entry"
	echo "$target of $package for $each"
	output=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 5x -parallel 2 "$package" 2>&1) || {
		printf '%s\n' "$output"
		# Go before 1.27 now and then reports the end of the given time as a
		# failure of the target (golang/go#75804); a real one says more.
		if [[ $output =~ ---\ FAIL:\ $target\ \([0-9.]+s\)$'\n'\ +context\ deadline\ exceeded$'\n'FAIL ]]; then
			echo "The time was over, and nothing was found."
		else
			status=1
		fi
	}
	count=$(grep -o 'execs: [0-9]*' <<<"$output" | tail -n 1)
	count=${count#execs: }
	executions=$((executions + ${count:-0}))
done
echo "${#targets[@]} targets, $each each, $executions executions"
exit $status
