#!/usr/bin/env bash
# Runs the demo several times in a row while every core is busy, and counts the runs that fail:
#   scripts/demo_under_load.sh 20
# What each run said is kept beside the demo's logs. Exits with the number of failures, at most 100.
set -uo pipefail
cd "$(dirname "$0")/.."
runs=${1:-20}
cores=$(getconf _NPROCESSORS_ONLN)
kept=.airflow-demo/under-load
mkdir -p "$kept"

busy=()
end_load() { kill "${busy[@]}" 2>/dev/null; }
trap end_load EXIT
trap 'exit 130' INT TERM HUP
for ((core = 0; core < cores; core++)); do
	(while :; do :; done) &
	busy+=($!)
done

failed=0
for ((run = 1; run <= runs; run++)); do
	SECONDS=0
	if make demo >"$kept/$run.txt" 2>&1; then
		echo "run $run of $runs: went through in ${SECONDS} s"
	else
		failed=$((failed + 1))
		echo "run $run of $runs: FAILED after ${SECONDS} s, see $kept/$run.txt"
	fi
done
echo "$runs runs with $cores busy cores: $failed failed"
exit $((failed > 100 ? 100 : failed))
