/* CommunicationAuxiliary: what its two sides say to each other.
 *
 * The process (auxiliary_communication.c) keeps the frames of its channel and knows which of them
 * are stale; callers (auxiliary_communication_call.c) send these as the message of run_command,
 * with the payload as its data.
 */
#ifndef CANRING_AUXILIARY_COMMUNICATION_H
#define CANRING_AUXILIARY_COMMUNICATION_H

#include <stdint.h>

#define CR_COMMUNICATION_MAGIC 0x4d4d4f43u /* "COMM" */

enum cr_communication_operation {
    CR_COMMUNICATION_SEND = 1,
    CR_COMMUNICATION_RECEIVE,      /* begins a receive: what is older than the last call is stale */
    CR_COMMUNICATION_RECEIVE_MORE, /* the same receive, after something has arrived */
    CR_COMMUNICATION_CLEAR,
    CR_COMMUNICATION_COLLECT_BEGIN,
    CR_COMMUNICATION_COLLECT_END
};

struct cr_communication_request {
    uint32_t magic;
    uint32_t operation;
    uint64_t began_ns; /* CLOCK_MONOTONIC, of the call */
    uint32_t has_id;
    uint32_t remote_id;
    int64_t caller;    /* process */
    uint64_t until_ns; /* of a receive: how long it will wait should there be nothing */
};

/* Frames that are kept for the next call; older ones give way and are counted. */
#define CR_COMMUNICATION_KEEP 65536u

#endif
