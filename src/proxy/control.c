#include "proxy/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/clock.h"
#include "shm/runtime_dir.h"

#define LOCK_NAME      ".lock" /* sockets end in .sock */
#define TIMEOUT_S      1
#define TIMEOUT_NS     (TIMEOUT_S * UINT64_C(1000000000))
#define NO_ANSWER      "stopped, or overrun"
#define DYING_TRIES    50u
#define DYING_PAUSE_MS 10

static int path_in(const char *directory, char *path, size_t size, const char *proxy,
                   struct canring_error *err)
{
    int length = snprintf(path, size, "%s/%s.sock", directory, proxy);
    if (length < 0 || (size_t)length >= size)
        return canring_error_set(err, -ENAMETOOLONG, "the name '%s' is too long for a socket in %s",
                                 proxy, directory);
    return 0;
}

int cr_control_path(char *path, size_t size, const char *proxy, struct canring_error *err)
{
    char directory[128];
    int result = cr_runtime_dir(directory, sizeof(directory), err);
    return result < 0 ? result : path_in(directory, path, size, proxy, err);
}

static int address_of(const char *proxy, struct sockaddr_un *address, struct canring_error *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return cr_control_path(address->sun_path, sizeof(address->sun_path), proxy, err);
}

/* Nobody listens there. Anything less certain (no descriptor left for us, a proxy that is stopped
 * and whose queue is full) is no reason to take a socket away. Never blocks: the directory is
 * locked meanwhile. */
static bool is_leftover(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    bool dead = connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
                (errno == ECONNREFUSED || errno == ENOENT);
    close(probe);
    return dead;
}

/* Linux gives the name the socket's mode, less the umask's: for nobody else, from the first moment.
 */
static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
    if (fchmod(fd, 0600) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return -errno;
    return listen(fd, 64) < 0 ? -errno : 0;
}

static int lock_path_of(const struct sockaddr_un *address, char *path, size_t size)
{
    int directory = (int)(strrchr(address->sun_path, '/') - address->sun_path);
    int length = snprintf(path, size, "%.*s/%s", directory, address->sun_path, LOCK_NAME);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* Held around every look at a socket that may lead to its removal: it keeps two processes from
 * taking each other's fresh socket for a leftover. Not the directory itself: whoever may read that
 * could lock it for ever. */
static int lock_directory(const struct sockaddr_un *address)
{
    char path[sizeof(address->sun_path)];
    int result = lock_path_of(address, path, sizeof(path));
    while (result == 0) {
        struct stat st = {0};
        int lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (lock < 0)
            return -errno;
        if (flock(lock, LOCK_EX) < 0 || fstat(lock, &st) < 0)
            result = -errno;
        else if (st.st_nlink > 0)
            return lock;
        close(lock); /* whoever held it before us has removed it: another one may be there */
    }
    return result;
}

static void unlock_directory(const struct sockaddr_un *address, int lock)
{
    char path[sizeof(address->sun_path)];
    if (lock_path_of(address, path, sizeof(path)) == 0)
        unlink(path);
    close(lock);
}

/* The socket of a proxy that was killed, and its channels. */
static void remove_dead(const char *proxy, const struct sockaddr_un *address)
{
    char prefix[CR_REGION_NAME];
    unlink(address->sun_path);
    if (cr_shm_name(prefix, sizeof(prefix), "channel", proxy, "", NULL) == 0)
        cr_region_sweep(prefix);
}

static int claim_name(const char *proxy, int fd, const struct sockaddr_un *address)
{
    int lock = lock_directory(address);
    if (lock < 0)
        return lock;
    int result = bind_and_listen(fd, address);
    if (result == -EADDRINUSE && is_leftover(address)) {
        remove_dead(proxy, address);
        result = bind_and_listen(fd, address);
    } else if (result == -EADDRINUSE) {
        result = -EEXIST;
    }
    unlock_directory(address, lock);
    return result;
}

void cr_control_remove_leftover(const char *proxy)
{
    struct sockaddr_un address;
    if (address_of(proxy, &address, NULL) < 0)
        return;
    int lock = lock_directory(&address);
    if (lock < 0)
        return;
    if (is_leftover(&address))
        remove_dead(proxy, &address);
    unlock_directory(&address, lock);
}

/* Whether whoever made the socket has ended: the kernel goes on accepting for a killed process
 * while it takes down what an io_uring of its held, some milliseconds. Not enough to take it away:
 * the owner may have left it to a child. */
static bool owner_has_ended(const struct sockaddr_un *address)
{
    struct ucred owner = {0};
    socklen_t size = sizeof(owner);
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    bool known = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                 getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &owner, &size) == 0;
    close(probe);
    return known && owner.pid > 0 && kill(owner.pid, 0) < 0 && errno == ESRCH;
}

static int claim_name_of_the_dead(const char *proxy, int fd, const struct sockaddr_un *address)
{
    int result = claim_name(proxy, fd, address);
    for (unsigned i = 0; i < DYING_TRIES && result == -EEXIST && owner_has_ended(address); i++) {
        poll(NULL, 0, DYING_PAUSE_MS);
        result = claim_name(proxy, fd, address);
    }
    return result;
}

int cr_control_listen(const char *proxy, struct canring_error *err)
{
    struct sockaddr_un address;
    int result = address_of(proxy, &address, err);
    if (result < 0)
        return result;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return canring_error_set(err, -errno, "control socket: %s", strerror(errno));
    result = claim_name_of_the_dead(proxy, fd, &address);
    if (result == 0)
        return fd;
    close(fd);
    if (result == -EEXIST)
        return canring_error_set(err, result, "a proxy named '%s' is running already (%s)", proxy,
                                 address.sun_path);
    return canring_error_set(err, result, "cannot listen on %s: %s", address.sun_path,
                             strerror(-result));
}

int cr_control_share(const char *proxy, struct canring_error *err)
{
    char directory[128], path[128];
    int result = cr_runtime_dir(directory, sizeof(directory), err);
    if (result == 0)
        result = path_in(directory, path, sizeof(path), proxy, err);
    if (result < 0)
        return result;
    struct stat st;
    if (stat(directory, &st) < 0 ||
        (!(st.st_mode & 0011) && chmod(directory, (st.st_mode & 07777) | 0011) < 0) ||
        chmod(path, 0666) < 0)
        return canring_error_set(err, -errno, "cannot let a channel's group reach %s: %s", path,
                                 strerror(errno));
    return 0;
}

int cr_control_connect(const char *proxy, struct canring_error *err)
{
    char directory[128];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int result = cr_runtime_dir_of_others(directory, sizeof(directory), err);
    if (result == -ENOENT)
        return canring_error_set(err, result, "no proxy named '%s' is running (%s: %s)", proxy,
                                 directory, strerror(ENOENT));
    if (result == 0)
        result = path_in(directory, address.sun_path, sizeof(address.sun_path), proxy, err);
    if (result < 0)
        return result;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return canring_error_set(err, -errno, "control socket: %s", strerror(errno));
    const struct timeval patience = {.tv_sec = TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    uint64_t deadline = cr_monotonic_ns() + TIMEOUT_NS;
    int connected;
    do
        connected = connect(fd, (struct sockaddr *)&address, sizeof(address));
    while (connected < 0 && errno == EINTR && cr_monotonic_ns() < deadline);
    if (connected < 0) {
        result = errno == ECONNREFUSED ? -ENOENT : -errno;
        close(fd);
        if (result == -EAGAIN || result == -EINTR)
            return canring_error_set(err, -ETIMEDOUT, "proxy '%s' does not answer (%s): " NO_ANSWER,
                                     proxy, address.sun_path);
        if (result == -EACCES)
            return canring_error_set(err, result, "proxy '%s' is not for your user (%s: %s)", proxy,
                                     address.sun_path, strerror(-result));
        return canring_error_set(err, result, "no proxy named '%s' is running (%s: %s)", proxy,
                                 address.sun_path, strerror(-result));
    }
    return fd;
}

static const char *asking_failed(void)
{
    return errno == EAGAIN ? NO_ANSWER : strerror(errno);
}

/* Signals, io_uring's own among them, interrupt a receive that has a timeout, which then begins
 * anew: a deadline bounds that. An answer given before the
 * question was read stands behind the error that the unread question makes of the end. */
static ssize_t receive_answer(int socket, struct cr_reply *reply)
{
    ssize_t got;
    bool reset = false;
    uint64_t deadline = cr_monotonic_ns() + TIMEOUT_NS;
    for (;;) {
        got = recv(socket, reply, sizeof(*reply), 0);
        if (got >= 0 || (errno != EINTR && (errno != ECONNRESET || reset)))
            return got;
        if (errno == EINTR && cr_monotonic_ns() > deadline) {
            errno = EAGAIN;
            return -1;
        }
        reset = reset || errno == ECONNRESET;
    }
}

int cr_control_ask(int socket, const struct cr_request *request, struct cr_reply *reply,
                   struct canring_error *err)
{
    /* A proxy that turns a visitor away has answered before it was asked. */
    if (send(socket, request, sizeof(*request), MSG_NOSIGNAL) != (ssize_t)sizeof(*request) &&
        errno != EPIPE)
        return canring_error_set(err, errno == EAGAIN ? -ETIMEDOUT : -errno,
                                 "the proxy does not answer: %s", asking_failed());
    ssize_t got = receive_answer(socket, reply);
    if (got < 0)
        return canring_error_set(err, errno == EAGAIN ? -ETIMEDOUT : -errno,
                                 "the proxy does not answer: %s", asking_failed());
    if (got == 0)
        return canring_error_set(err, -ECONNRESET, "the proxy ended the connection");
    if (got != (ssize_t)sizeof(*reply) || reply->magic != CR_CONTROL_MAGIC)
        return canring_error_set(err, -EPROTO,
                                 "the proxy's answer has %zd bytes instead of %zu, or another "
                                 "protocol: not the same version?",
                                 got, sizeof(*reply));
    reply->text[sizeof(reply->text) - 1] = '\0';
    reply->segment[sizeof(reply->segment) - 1] = '\0';
    reply->channel[sizeof(reply->channel) - 1] = '\0';
    reply->bus[sizeof(reply->bus) - 1] = '\0';
    reply->attributes[sizeof(reply->attributes) - 1] = '\0';
    return reply->result < 0 ? canring_error_set(err, reply->result, "%s", reply->text) : 0;
}

int cr_control_answer(int socket, const struct cr_reply *reply)
{
    ssize_t sent = send(socket, reply, sizeof(*reply), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : 0;
}

int cr_control_each(void (*visit)(void *arg, const char *proxy), void *arg,
                    struct canring_error *err)
{
    char directory[128];
    int result = cr_runtime_dir_of_others(directory, sizeof(directory), err);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    DIR *dir = opendir(directory);
    if (!dir)
        return canring_error_set(err, -errno, "%s: %s", directory, strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char *ending = strrchr(entry->d_name, '.');
        if (!ending || strcmp(ending, ".sock") != 0)
            continue;
        *ending = '\0';
        visit(arg, entry->d_name);
    }
    closedir(dir);
    return 0;
}
