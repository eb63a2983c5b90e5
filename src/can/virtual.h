/* A bus in memory, shared by name between the processes of one user.
 *
 * Opened through cr_driver_virtual; for rigs without hardware and without a kernel that has
 * vcan. Every participant receives every frame of all others, all in the same order, with
 * bus-wide numbers; its own only with receive_own. No system call is made while everyone is
 * awake. It must never wait for another participant:
 *
 * - A full ring (64 Ki slots, the slowest reader's fault) is "no room now" to writers. A
 *   reader that has not moved for 250 ms while it is in a writer's way is left behind: at its next
 *   receive it learns how many frames it lost (rx_lost_kernel, a gap in `number`). So is, at once,
 * a writer that has never received and is in its own way.
 * - A participant may be killed at any instruction. What it had not published never happened;
 *   its place, its lock and its memory are taken over. If it is killed between publishing a frame
 *   and waking a sleeper, the sleeper finds the frame within SAFETY_NS. One that is *stopped*
 *   (SIGSTOP) within the microseconds of a write keeps others from writing until it goes on.
 * - Up to 64 participants. The first makes /dev/shm/canring-<mark>.bus.<name>, the last one removes
 *   it; if that was killed, the next one starts afresh.
 *
 * See virtual_object.h for what is shared, virtual_ring.h for who may touch what and when.
 */
#ifndef CANRING_VIRTUAL_H
#define CANRING_VIRTUAL_H

#include "can/driver.h"

#define CR_VIRTUAL_NAME_MAX 48u

/* 1 to CR_VIRTUAL_NAME_MAX letters, digits, '_', '-', '.'. */
bool cr_virtual_name_legal(const char *name);

/* Remove a bus whose participants were all killed; one that is alive goes on undisturbed. */
void cr_virtual_tidy(const char *channel);

/* For tests: without it, a wake that gets lost is a hang and not a delay. */
void cr_virtual_cut_safety_net(struct cr_bus *bus);

#endif
