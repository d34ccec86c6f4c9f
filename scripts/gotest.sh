#!/usr/bin/env bash
# Runs go test with the given arguments, prints the packages' results and the
# output of what failed, and names every skipped test with its reason; these
# lines also go to the file $SKIPPED, where that is set. Exits as go test does.
set -u -o pipefail
go test -json "$@" | awk -v skipped="${SKIPPED:-}" '
function field(name,    s, i) { # a string field of the JSON object in $0
	i = index($0, "\"" name "\":\"")
	if (!i) return ""
	s = substr($0, i + length(name) + 4)
	match(s, /^([^"\\]|\\.)*/)
	s = substr(s, 1, RLENGTH)
	gsub(/\\n/, "\n", s); gsub(/\\t/, "\t", s); gsub(/\\u003c/, "<", s); gsub(/\\u003e/, ">", s)
	gsub(/\\u0026/, "\\&", s); gsub(/\\r/, "", s); gsub(/\\u001b/, "", s); gsub(/\\"/, "\"", s); gsub(/\\\\/, "\\", s)
	return s
}
{
	if (substr($0, 1, 1) != "{") { print; next }
	action = field("Action"); package = field("Package"); test = field("Test"); key = package SUBSEP test
	if (action == "build-output") printf "%s", field("Output")
	else if (action == "output") {
		text = field("Output")
		if (test != "") {
			all[key] = all[key] text
			if (text ~ /^    +[^ ]+\.go:[0-9]+: /) reason[key] = text
		} else if (text != "PASS\n" && text !~ /no test files/) printf "%s", text
	}
	else if (action == "skip" && test != "") {
		text = reason[key]
		sub(/^ +[^ ]+:[0-9]+: /, "", text); sub(/\n+$/, "", text)
		line = package " " test ": " (text == "" ? "no reason given" : text)
		print "SKIP " line
		if (skipped != "") print line >> skipped
		delete all[key]
	}
	else if (action == "fail" && test != "") { printf "%s", all[key]; delete all[key] }
	else if (action == "pass") delete all[key]
	fflush()
}'
