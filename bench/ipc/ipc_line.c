/* The limit of a round trip: one cache line each way, nothing else. --mode N: so many pauses
 * between two looks. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "ipc.h"

static const char peer_name[] = "bare cache line";

struct line {
    _Alignas(256) struct message message;
    _Atomic uint32_t sequence;
};

struct link {
    struct line *line;
    uint32_t at;
    unsigned pauses;
};

static void link_create(struct link *links, const char *mode)
{
    struct line *lines =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ipc_check(lines != MAP_FAILED, "mmap");
    for (int i = 0; i < 2; i++)
        links[i] = (struct link){.line = &lines[2 * i], .pauses = (unsigned)atoi(mode)};
}

static void link_writer(struct link *link)
{
    link->at = 0;
}

static void link_reader(struct link *link)
{
    link->at = 0;
}

static void look_again(const struct link *link)
{
    for (unsigned i = 0; i < link->pauses; i++)
        __builtin_ia32_pause();
}

/* The line holds one message: a flood waits until the one before was taken. */
static void link_send(struct link *link, const struct message *message)
{
    while (atomic_load_explicit(&link->line->sequence, memory_order_acquire) != link->at)
        look_again(link);
    memcpy(&link->line->message, message, sizeof(*message));
    atomic_store_explicit(&link->line->sequence, link->at + 1, memory_order_release);
    link->at += 2;
}

static void link_receive(struct link *link, struct message *message)
{
    while (atomic_load_explicit(&link->line->sequence, memory_order_acquire) != link->at + 1)
        look_again(link);
    memcpy(message, &link->line->message, sizeof(*message));
    atomic_store_explicit(&link->line->sequence, link->at + 2, memory_order_release);
    link->at += 2;
}

static void link_destroy(struct link *links)
{
    munmap(links[0].line, 4096);
}

#include "main.h"
