/* Messages between two processes: the harness that canring's ring and other mechanisms share.
 *
 * A mechanism's program includes this header, defines `struct link` and the functions below, all
 * static, and includes main.h at its end. links[0] carries messages from the parent to the child,
 * links[1] back. Messages have IPC_SIZE bytes, each word made from the message's number.
 */
#ifndef CANRING_BENCH_IPC_H
#define CANRING_BENCH_IPC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IPC_SIZE  32
#define IPC_WORDS (IPC_SIZE / 8)

struct message {
    uint64_t words[IPC_WORDS];
};

struct link;

/* Before the fork. `mode` is what --mode said, "" without. */
static void link_create(struct link *links, const char *mode);
/* After the fork, in the process that will write or read, before any message. */
static void link_writer(struct link *link);
static void link_reader(struct link *link);
/* Both block until it is done. */
static void link_send(struct link *link, const struct message *message);
static void link_receive(struct link *link, struct message *message);
/* At the end, in the parent. */
static void link_destroy(struct link *links);

static inline void ipc_check(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

#endif
