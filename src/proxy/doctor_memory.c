/* Memory: what may be locked, buffers of sockets, huge pages, shared memory, swap. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "proxy/doctor.h"

#define MIB             (UINT64_C(1) << 20)
#define MEMLOCK_WANTED  (256 * MIB)
#define RECEIVE_WANTED  (INT64_C(32) << 20)
#define RECEIVE_LEAST   (INT64_C(1) << 20)
#define BYTES_PER_FRAME 959 /* what the kernel charges a socket for a frame of either kind */
#define SHM_WANTED      (256 * MIB)
#define SHM_LEAST       (8 * MIB)
#define SWAPPINESS_MAX  10
#define THP             "sys/kernel/mm/transparent_hugepage"

static void check_memlock(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "memlock", "CAP_IPC_LOCK, or RLIMIT_MEMLOCK of 256 MiB and more",
        "without it mlock is refused, and a page that was taken away costs the next frame a fault",
        "setcap cap_ipc_lock+ep /usr/bin/canring, LimitMEMLOCK=infinity in the unit, or 'USER - "
        "memlock unlimited' in /etc/security/limits.conf"};
    uint64_t limit = cr_machine_limit(m, "Max locked memory");
    if (cr_machine_capable(m, CAP_IPC_LOCK))
        cr_finding(f, CANRING_FINDING_OK, &advice, "CAP_IPC_LOCK");
    else if (!cr_machine_there(m, "proc/self/status") || !cr_machine_there(m, "proc/self/limits"))
        cr_finding_unknown(f, &advice);
    else if (limit == UINT64_MAX)
        cr_finding(f, CANRING_FINDING_OK, &advice, "no CAP_IPC_LOCK, RLIMIT_MEMLOCK unlimited");
    else
        cr_finding(f, limit >= MEMLOCK_WANTED ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice,
                   "no CAP_IPC_LOCK, RLIMIT_MEMLOCK is %llu KiB",
                   (unsigned long long)(limit >> 10));
}

static void check_receive_buffer(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "rmem_max", "33554432 bytes, or CAP_NET_ADMIN, which may go beyond",
        "the socket's buffer is all that holds frames while the proxy is held up; what does not "
        "fit is lost, and counted as rx_lost_kernel",
        "sysctl -w net.core.rmem_max=33554432 (and into /etc/sysctl.d/canring.conf)"};
    int64_t bytes;
    if (!cr_machine_number(m, "proc/sys/net/core/rmem_max", &bytes)) {
        cr_finding_unknown(f, &advice);
        return;
    }
    long long frames = (long long)(2 * bytes / BYTES_PER_FRAME); /* the kernel doubles it */
    bool force = cr_machine_capable(m, CAP_NET_ADMIN);
    enum canring_finding_level level = force || bytes >= RECEIVE_WANTED ? CANRING_FINDING_OK
                                       : bytes >= RECEIVE_LEAST         ? CANRING_FINDING_WARN
                                                                        : CANRING_FINDING_BAD;
    cr_finding(f, level, &advice, "%lld bytes, which is %lld frames%s", (long long)bytes, frames,
               force ? "; CAP_NET_ADMIN" : "");
}

static void check_backlog(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "backlog", "no packet dropped before it came to a socket",
        "the queue between driver and sockets of one processor was full: such frames are counted "
        "nowhere else",
        "sysctl -w net.core.netdev_max_backlog=10000"};
    char path[600], queue[32];
    unsigned long long dropped = 0;
    unsigned processors = 0;
    snprintf(path, sizeof(path), "%s/proc/net/softnet_stat", m->root);
    FILE *file = fopen(path, "re");
    for (unsigned all, some; file && fscanf(file, "%x %x%*[^\n]", &all, &some) == 2; processors++)
        dropped += some;
    if (file)
        fclose(file);
    /* Hidden in a network namespace, and nothing that a finding depends on. */
    if (!cr_machine_line(m, "proc/sys/net/core/netdev_max_backlog", queue, sizeof(queue)))
        snprintf(queue, sizeof(queue), "unknown length");
    if (!processors)
        cr_finding_unknown(f, &advice);
    else
        cr_finding(f, dropped ? CANRING_FINDING_WARN : CANRING_FINDING_OK, &advice,
                   "%llu dropped since boot, queue of %s", dropped, queue);
}

/* The choice in brackets; "none" of a kernel without huge pages. */
static void chosen(const struct cr_machine *m, const char *path, char *text, size_t space)
{
    char line[128];
    cr_machine_line(m, path, line, sizeof(line));
    const char *open = strchr(line, '[');
    bool without = !cr_machine_there(m, THP) && cr_machine_there(m, "sys/kernel/mm");
    if (open)
        snprintf(text, space, "%.*s", (int)strcspn(open + 1, "]"), open + 1);
    else
        snprintf(text, space, "%s", without ? "none" : "unknown");
}

static void check_huge(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice shared = {"huge_pages", "possible on /dev/shm",
                                            "rings in huge pages miss the address cache less; "
                                            "huge_pages is refused where they cannot "
                                            "be had",
                                            "a kernel of 6.1 or newer; echo advise > "
                                            "/sys/kernel/mm/transparent_hugepage/shmem_enabled; "
                                            "echo 1 > /proc/sys/vm/compact_memory"},
                                  moving = {
                                      "khugepaged", "madvise or never",
                                      "the kernel collects small pages into huge ones behind the "
                                      "back of running processes, which stand still meanwhile",
                                      "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"};
    char how[32];
    chosen(m, THP "/shmem_enabled", how, sizeof(how));
    cr_finding(f, m->huge_error < 0 ? CANRING_FINDING_WARN : CANRING_FINDING_OK, &shared,
               "%s%s (shmem_enabled is %s)", m->huge_error < 0 ? "not possible: " : "possible",
               m->huge_error < 0 ? strerror(-m->huge_error) : "", how);
    chosen(m, THP "/enabled", how, sizeof(how));
    bool ill = strcmp(how, "always") == 0 || strcmp(how, "unknown") == 0;
    cr_finding(f, ill ? CANRING_FINDING_WARN : CANRING_FINDING_OK, &moving, "%s", how);
}

static void check_shm(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "/dev/shm", "a tmpfs that can be written to, with 256 MiB free",
        "all rings lie there; a proxy whose rings do not fit does not start, an auxiliary that "
        "attaches again is refused",
        "mount -o remount,size=1G,rw /dev/shm; in a container: --shm-size=1g"};
    static const struct cr_advice other = {
        "/dev/shm", "a tmpfs",
        "rings on a file system of another kind are written to its disk, and wait for it",
        "mount -t tmpfs -o mode=1777,size=1G tmpfs /dev/shm"};
    if (!m->shm_mounted || m->shm_error < 0) {
        cr_finding(f, CANRING_FINDING_BAD, &advice, "%s",
                   m->shm_mounted ? strerror(-m->shm_error) : "not there");
        return;
    }
    enum canring_finding_level level = m->shm_free >= SHM_WANTED  ? CANRING_FINDING_OK
                                       : m->shm_free >= SHM_LEAST ? CANRING_FINDING_WARN
                                                                  : CANRING_FINDING_BAD;
    bool warn = !m->shm_tmpfs && level != CANRING_FINDING_BAD;
    cr_finding(f, warn ? CANRING_FINDING_WARN : level, warn ? &other : &advice,
               "%s%llu MiB, %llu MiB free", m->shm_tmpfs ? "" : "no tmpfs, ",
               (unsigned long long)(m->shm_bytes / MIB), (unsigned long long)(m->shm_free / MIB));
}

static void check_swap(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "swappiness", "10 or less, or no swap",
        "memory of a proxy that waits for a while is written to disk, rings included, and the next "
        "frame waits for it to come back",
        "sysctl -w vm.swappiness=1, or latency: {mlock: true} in the configuration"};
    char total[64];
    int64_t swappiness;
    bool known = cr_machine_field(m, "proc/meminfo", "SwapTotal", total, sizeof(total));
    if (known && total[0] == '0')
        cr_finding(f, CANRING_FINDING_OK, &advice, "no swap");
    else if (!known || !cr_machine_number(m, "proc/sys/vm/swappiness", &swappiness))
        cr_finding_unknown(f, &advice);
    else
        cr_finding(f, swappiness <= SWAPPINESS_MAX ? CANRING_FINDING_OK : CANRING_FINDING_WARN,
                   &advice, "%lld", (long long)swappiness);
}

void cr_doctor_memory(const struct cr_machine *machine, struct canring_findings *findings)
{
    check_memlock(machine, findings);
    check_receive_buffer(machine, findings);
    check_backlog(machine, findings);
    check_huge(machine, findings);
    check_shm(machine, findings);
    check_swap(machine, findings);
}
