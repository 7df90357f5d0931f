#!/bin/sh
# Sweeps a mailbox through a proxy that cuts the connection at a random moment of a random command, until N faults have
# happened, while mail comes in and a second client drags, flags and deletes. Both ladders in turn. After every 50 faults all
# mail is counted. Prints the seed and one line of figures.
#   tests/soak/faults.sh 2000
set -eu
cd "$(dirname "$0")/../.."
POSTROOM_SOAK_FAULTS=${1:-2000}
export POSTROOM_SOAK_FAULTS
exec cargo test --locked --test soak --quiet -- --nocapture random_faults
