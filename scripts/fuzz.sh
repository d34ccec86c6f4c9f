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
for entry in "${targets[@]}"; do
	read -r package target <<<"$entry"
	echo "$target of $package for $each"
	output=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 5x -parallel 2 "$package" 2>&1) || {
		printf '%s\n' "$output"
		status=1
	}
done
echo "${#targets[@]} targets, $each each"
exit $status
