#!/usr/bin/env bash
# Why this file exists: a harness that finds nothing may be blind. Each bug here is a mistake that somebody could make, seeded
# where they would make it: `seeded_bug!("NAME")` is true in a program that was compiled with `--cfg seeded_bug="any"` and finds
# the name in its environment. The tests must find every one of them, and nothing without one.
#
#     monitor-cli/tests/seeded_bugs.sh            all of them
#     monitor-cli/tests/seeded_bugs.sh NAME…      some
set -euo pipefail
cd "$(dirname "$0")/../.."
seeded=$(realpath -m "${CARGO_TARGET_DIR:-target}")/seeded
export RUST_BACKTRACE=0 MONITOR_CHAOS_KILLS=60 MONITOR_CHAOS_RELOADS=40
mkdir -p "$seeded"

# The bug, and the test that is to find it.
bugs="
acknowledged_uncommitted    chaos calls_that_fail
cursor_ahead_of_sink        chaos a_kill_before_any_call_that_changes
delivered_unflushed         chaos whenever_it_is_killed
delivered_counted_twice     chaos whenever_it_is_killed
dropped_uncounted           chaos whenever_it_is_killed
retry_skips_one             chaos calls_that_fail
own_cursor_ignored          chaos whenever_it_is_killed
cursor_not_in_transaction   chaos whenever_it_is_killed
tail_not_cut                chaos whenever_it_is_killed
turn_before_noted           chaos whenever_it_is_killed
opening_unnoted             chaos whenever_it_is_killed
position_behind_half_a_line chaos whenever_it_is_killed
rotation_missed             chaos whenever_it_is_killed
lock_by_existence           chaos whenever_it_is_killed
reload_drops_in_flight      reload what_waits_for_a_batch
l2_unsynced                 chaos nothing_is_seen
ticket_early                chaos whatever_a_ticket
checksum_unchecked          lib spool::tests
account_of_another          lib spool::tests
dead_letter_unwritten       durability what_can_never
gap_uncounted               lib spool::tests
truncation_missed           file_source rotation_and_truncation
reload_touches_all          reload is_not_touched
"

# Only the crates of this workspace are compiled with the flag.
export RUSTC_WORKSPACE_WRAPPER=$seeded/with-bugs
printf '#!/bin/sh\nexec "$@" --cfg '"'"'seeded_bug="any"'"'"'\n' > "$RUSTC_WORKSPACE_WRAPPER"
chmod +x "$RUSTC_WORKSPACE_WRAPPER"

# tests TARGET [FILTER]: `lib` or the name of a file of tests.
tests() {
    local target=(--test "$1")
    [ "$1" != lib ] || target=(--lib -p monitor-core)
    timeout 5m cargo test --quiet --locked --workspace --features monitor-cli/real-components "${target[@]}" -- "${@:2}"
}

failed=0
report() { printf '%-28s %-10s %4d s   %s\n' "$@"; }
while read -r bug target filter; do
    [ -n "$bug" ] && { [ $# = 0 ] || [[ " $* " = *" $bug "* ]]; } || continue
    log=$seeded/$bug.log begun=$SECONDS
    if SEEDED_BUG=$bug tests "$target" "$filter" > "$log" 2>&1; then
        verdict="NOT FOUND" failed=1
    elif grep -q "^test result: FAILED" "$log"; then
        verdict=found
    else
        verdict="NOT RUN" failed=1
        tail -30 "$log"
    fi
    report "$bug" "$verdict" $((SECONDS - begun)) "$filter"
done <<< "$bugs"
# Whatever finds them finds nothing where there is none.
begun=$SECONDS verdict=passes
for filter in "chaos whenever_it_is_killed reloads_and_ends nothing_is_seen calls_that_fail" "chaos whatever_a_ticket" \
    "lib spool::tests" durability file_source reload; do
    # shellcheck disable=SC2086 # words are meant to be split
    tests $filter > "$seeded/none.log" 2>&1 || { verdict=FAILS failed=1; tail -30 "$seeded/none.log"; }
done
report "(none)" "$verdict" $((SECONDS - begun)) "all of these tests"
exit "$failed"
