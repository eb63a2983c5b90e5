/* How far apart the two processors of the benches are, as of now.
 *
 *     bench_placement
 *
 * A JSON line: the round trip of a bare cache line (median, ns), and what that means for `cores`:
 * "shared" (two threads of one core, below 90 ns), "near" (one last-level cache, below 250 ns) or
 * "far". A virtual machine may be moved while benches run: figures are compared within one
 * placement only.
 */
#include <stdio.h>

#include "rig.h"

int main(int argc, char **argv)
{
    bench_words(argc, argv, 0, "bench_placement");
    bench_two_processors();
    double ns = bench_ping_pong_ns();
    printf("{\"bench\": \"placement\", \"round_trip_ns\": %.0f, \"cores\": \"%s\"}\n", ns,
           ns < 90    ? "shared"
           : ns < 250 ? "near"
                      : "far");
    return 0;
}
