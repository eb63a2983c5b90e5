/* Cyclone DDS, reliable, on this host only. --mode loopback | iceoryx.
 *
 * loopback: UDP on the loopback interface, every message kept until it is read. Messages are
 * batched as long as they are written without a pause and nothing is received in between.
 *
 * iceoryx: shared memory, through a daemon (iox-roudi) that is started and ended here. Cyclone DDS
 * keeps only the last messages on this way and drops older ones, so a flood is held back here, by
 * the number of messages read; what that costs is in the figure.
 */
#include <dds/dds.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cyclonedds_message.h"
#include "ipc.h"
#include "rig.h"

static const char peer_name[] = "Cyclone DDS";

#define DOMAIN         77      /* its UDP ports are below those that the kernel hands out */
#define TAKE           64      /* messages taken at once */
#define DEPTH          256     /* the most that a queue of iceoryx holds */
#define ON_THE_WAY     192     /* below DEPTH */
#define BATCH_PAUSE_NS 100000u /* after such a pause a message goes out at once */
#define SKIPPED        77

#define LOOPBACK                                                                                   \
    "<General><Interfaces><NetworkInterface name='lo' multicast='false'/></Interfaces>"            \
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto"            \
    "</ParticipantIndex><Peers><Peer address='127.0.0.1'/></Peers></Discovery>"
#define ICEORYX "<SharedMemory><Enable>true</Enable><LogLevel>error</LogLevel></SharedMemory>"

_Static_assert(sizeof(struct message) == sizeof(bench_message), "ipc.h and the IDL are one layout");

struct link {
    char topic[32];
    dds_entity_t entity, waitset; /* its writer or its reader in this process */
    uint64_t written_ns;          /* when the message before went; 0 after one was received */
    uint64_t written;
    _Atomic uint64_t *read; /* with iceoryx: how many messages were read, for both processes */
    bench_message taken[TAKE];
    int at, count;
};

static bool in_shared_memory;
static dds_entity_t participant;
static struct link *own_writer; /* of this process */

static void check(dds_return_t result, const char *what)
{
    if (result < 0)
        bench_die("%s: %s", what, dds_strretcode(-result));
}

/* Start iox-roudi with the memory that this bench needs; returns when it says that it is ready. */
static pid_t start_daemon(void)
{
    static const char settings[] = "[general]\nversion = 1\n[[segment]]\n[[segment.mempool]]\n"
                                   "size = 1024\ncount = 4096\n";
    char file[] = "/tmp/canring-roudi.XXXXXX", said[4096] = "";
    int out[2], config = mkstemp(file);
    size_t length = 0;
    ssize_t got = 1;
    ipc_check(config >= 0 && pipe(out) == 0, "iox-roudi");
    ipc_check(write(config, settings, sizeof(settings) - 1) == sizeof(settings) - 1, file);
    close(config);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        execlp("iox-roudi", "iox-roudi", "-c", file, "-m", "off", "-l", "error", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    while (got > 0 && !strstr(said, "ready") && length < sizeof(said) - 1) {
        got = read(out[0], said + length, sizeof(said) - 1 - length);
        length += got > 0 ? (size_t)got : 0;
        said[length] = 0;
    }
    unlink(file);
    if (!strstr(said, "ready")) {
        fprintf(stderr, "iox-roudi is not installed or runs already\n%s", said);
        exit(SKIPPED);
    }
    return pid;
}

/* The daemon sends SIGTERM to whoever is still attached when it ends: this process stays out of it
 * and ends it last; the bench goes on in a child. */
static void go_on_beside_daemon(void)
{
    int status;
    pid_t daemon_pid = start_daemon(), bench = fork();
    if (bench == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        return;
    }
    waitpid(bench, &status, 0);
    kill(daemon_pid, SIGTERM);
    waitpid(daemon_pid, NULL, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void link_create(struct link *links, const char *mode)
{
    _Atomic uint64_t *counters =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ipc_check(counters != MAP_FAILED, "mmap");
    in_shared_memory = strcmp(mode, "iceoryx") == 0;
    for (int i = 0; i < 2; i++) {
        snprintf(links[i].topic, sizeof(links[i].topic), "canring_%d_%d", (int)getpid(), i);
        links[i].read = in_shared_memory ? counters + 256 * i : NULL;
    }
    if (in_shared_memory)
        go_on_beside_daemon();
}

static void leave(void)
{
    dds_delete(DDS_CYCLONEDDS_HANDLE);
}

/* Once for each process. What CYCLONEDDS_URI says does not matter: nothing leaves this host. */
static void join(void)
{
    if (participant)
        return;
    check(dds_create_domain(DOMAIN, in_shared_memory ? LOOPBACK ICEORYX : LOOPBACK), "domain");
    atexit(leave); /* before the destructors of what the domain has brought along */
    dds_write_set_batch(!in_shared_memory);
    participant = dds_create_participant(DOMAIN, NULL, NULL);
    check(participant, "participant");
}

static dds_qos_t *quality(void)
{
    dds_qos_t *qos = dds_create_qos();
    dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_SECS(60));
    dds_qset_durability(qos, DDS_DURABILITY_VOLATILE);
    if (in_shared_memory)
        dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, DEPTH);
    else
        dds_qset_history(qos, DDS_HISTORY_KEEP_ALL, 0);
    return qos;
}

static void open_end(struct link *link, bool writes)
{
    dds_entity_t topic;
    dds_qos_t *qos = quality();
    dds_attach_t ignored;
    join();
    topic = dds_create_topic(participant, &bench_message_desc, link->topic, qos, NULL);
    check(topic, "topic");
    link->entity = writes ? dds_create_writer(participant, topic, qos, NULL)
                          : dds_create_reader(participant, topic, qos, NULL);
    check(link->entity, "writer or reader");
    dds_delete_qos(qos);
    link->waitset = dds_create_waitset(participant);
    check(link->waitset, "waitset");
    check(dds_waitset_attach(link->waitset, link->entity, 0), "waitset");
    /* A reader first waits for its writer, and a writer for its reader: none comes too early. */
    check(dds_set_status_mask(link->entity, writes ? DDS_PUBLICATION_MATCHED_STATUS
                                                   : DDS_SUBSCRIPTION_MATCHED_STATUS),
          "status");
    if (dds_waitset_wait(link->waitset, &ignored, 1, DDS_SECS(30)) < 1)
        bench_die("the other process was not found");
}

static void link_writer(struct link *link)
{
    open_end(link, true);
    own_writer = link;
    if (in_shared_memory)
        sleep(1); /* until the daemon has connected queues, which happens in the background */
}

static void link_reader(struct link *link)
{
    open_end(link, false);
    check(dds_set_status_mask(link->entity, DDS_DATA_AVAILABLE_STATUS), "status");
}

static void link_send(struct link *link, const struct message *message)
{
    uint64_t now = bench_ns();
    if (link->read)
        while (link->written - atomic_load_explicit(link->read, memory_order_acquire) >= ON_THE_WAY)
            usleep(1);
    link->written++;
    check(dds_write(link->entity, message), "dds_write");
    if (!link->read && now - link->written_ns > BATCH_PAUSE_NS)
        dds_write_flush(link->entity);
    link->written_ns = now;
}

static void take(struct link *link)
{
    void *slots[TAKE];
    dds_sample_info_t about[TAKE];
    dds_attach_t ignored;
    for (int i = 0; i < TAKE; i++)
        slots[i] = &link->taken[i];
    link->at = 0;
    while ((link->count = dds_take(link->entity, slots, about, TAKE, TAKE)) == 0)
        if (dds_waitset_wait(link->waitset, &ignored, 1, DDS_SECS(60)) < 1)
            bench_die("nothing came for a minute");
    check(link->count, "dds_take");
    if (link->read)
        atomic_fetch_add_explicit(link->read, (uint64_t)link->count, memory_order_release);
}

static void link_receive(struct link *link, struct message *message)
{
    if (own_writer && own_writer->written_ns) {
        if (!link->read)
            dds_write_flush(own_writer->entity);
        own_writer->written_ns = 0;
    }
    if (link->at == link->count)
        take(link);
    memcpy(message, &link->taken[link->at++], sizeof(*message));
}

static void link_destroy(struct link *links)
{
    (void)links; /* leave() does it, in both processes */
}

#include "main.h"
