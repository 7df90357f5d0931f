#!/bin/sh
# Sweeps a mailbox through a proxy that cuts the connection at a random moment of a random command, until N faults have
# happened, while mail comes in and a second client drags, flags and deletes. Both ladders in turn. After every 50 faults all
# mail is counted. Prints the seed and one line of figures. With a second number it lasts at least so many seconds; what
# happened before a failure is written to a file in /tmp.
#   tests/soak/faults.sh 2000          at least 2,000 faults
#   tests/soak/faults.sh 2000 3600     and at least one hour
#   POSTROOM_SOAK_SEED=7 ...           the same choices again (not the same instants)
set -eu
cd "$(dirname "$0")/../.."
POSTROOM_SOAK_FAULTS=${1:-2000}
POSTROOM_SOAK_SECONDS=${2:-0}
export POSTROOM_SOAK_FAULTS POSTROOM_SOAK_SECONDS
exec cargo test --locked --test soak --quiet -- --nocapture random_faults
