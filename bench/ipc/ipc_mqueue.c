#include <fcntl.h>
#include <mqueue.h>

#include "ipc.h"

static const char peer_name[] = "POSIX message queue";

struct link {
    mqd_t queue;
};

static void link_create(struct link *links, const char *mode)
{
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = sizeof(struct message)};
    (void)mode;
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof(name), "/canring-bench-%d-%d", (int)getpid(), i);
        links[i].queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
        ipc_check(links[i].queue != (mqd_t)-1, "mq_open");
        mq_unlink(name);
    }
}

static void link_writer(struct link *link)
{
    (void)link;
}

static void link_reader(struct link *link)
{
    (void)link;
}

static void link_send(struct link *link, const struct message *message)
{
    ipc_check(mq_send(link->queue, (const char *)message, sizeof(*message), 0) == 0, "mq_send");
}

static void link_receive(struct link *link, struct message *message)
{
    ipc_check(mq_receive(link->queue, (char *)message, sizeof(*message), NULL) == sizeof(*message),
              "mq_receive");
}

static void link_destroy(struct link *links)
{
    mq_close(links[0].queue);
    mq_close(links[1].queue);
}

#include "main.h"
