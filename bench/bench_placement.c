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

int main(void)
{
    double ns = bench_ping_pong_ns();

    if (bench_cpus() < 2)
        bench_die("two processors are needed");
    printf("{\"bench\": \"placement\", \"round_trip_ns\": %.0f, \"cores\": \"%s\"}\n", ns,
           ns < 90    ? "shared"
           : ns < 250 ? "near"
                      : "far");
    return 0;
}
