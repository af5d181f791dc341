#!/usr/bin/env bash
# The weekly run: plan, publish for review, and tell people what happened. For cron on Monday, 06:00:
#   0 6 * * 1  /srv/pricing/weekly.sh /srv/pricing/spring 20000 >> /var/log/bundleopt.log 2>&1
set -u
workspace=${1:?workspace} budget=${2:?budget}
tell() { echo "$(date '+%F %T') $*"; }

bundleopt solve -w "$workspace" --budget "$budget" --max-bundles 4 --wait --quiet
code=$?
case $code in
  0)   tell "planned; for review: $workspace/plan-to-review.xlsx" ;;
  3)   tell "the data was refused, see $workspace/rejects.csv" ;;
  4)   tell "the rules contradict each other, see $workspace/conflict.json" ;;
  5)   tell "no plan in time: give it more with --time-limit" ;;
  9)   tell "the model does not fit the data any more: bundleopt train -w $workspace" ;;
  10)  tell "another run holds the workspace" ;;
  11)  tell "the disk is full, or a folder cannot be written" ;;
  130) tell "stopped; the best plan so far is kept" ;;
  *)   tell "failed with exit code $code" ;;
esac
[ "$code" -eq 0 ] || exit "$code"
bundleopt export -w "$workspace" --xlsx "$workspace/plan-to-review.xlsx" --quiet
