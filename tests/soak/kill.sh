#!/bin/sh
# Kills the daemon N times at random instants, as kill -9 does, while mail comes in and a second client drags, flags and
# deletes. After every 50 kills all mail is counted. Prints the seed and one line of figures; fails on the first loss,
# unexplained double or lesson counted twice.
#   tests/soak/kill.sh 1000              ladder (a), MOVE
#   POSTROOM_SOAK_COPY=1 tests/soak/kill.sh 1000    ladder (b), COPY and UID EXPUNGE
#   POSTROOM_SOAK_SEED=7 ...             the same choices again (not the same instants)
set -eu
cd "$(dirname "$0")/../.."
POSTROOM_SOAK_KILLS=${1:-1000}
export POSTROOM_SOAK_KILLS
exec cargo test --locked --test soak --quiet -- --nocapture random_kills
