#include "can/netdev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/nearest.h"

static long read_number(int folder, const char *name, const char *file)
{
    char path[IFNAMSIZ + 16], text[32] = "";
    snprintf(path, sizeof(path), "%s/%s", name, file);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    return length > 0 ? strtol(text, NULL, 10) : -1;
}

/* The driver is the last component of the link device/driver. */
static void read_driver(int folder, struct cr_netdev *netdev)
{
    char path[IFNAMSIZ + 16], target[PATH_MAX];
    snprintf(path, sizeof(path), "%s/device/driver", netdev->name);
    ssize_t length = readlinkat(folder, path, target, sizeof(target) - 1);
    if (length <= 0)
        return;
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(netdev->driver, sizeof(netdev->driver), "%.31s", slash ? slash + 1 : target);
}

static bool read_netdev(int folder, const char *name, struct cr_netdev *netdev)
{
    if (name[0] == '.' || strlen(name) >= sizeof(netdev->name) ||
        read_number(folder, name, "type") != ARPHRD_CAN)
        return false;
    memset(netdev, 0, sizeof(*netdev));
    memcpy(netdev->name, name, strlen(name));
    netdev->index = (int)read_number(folder, name, "ifindex");
    read_driver(folder, netdev);
    return true;
}

static int by_index(const void *a, const void *b)
{
    const struct cr_netdev *one = a, *two = b;
    return (one->index > two->index) - (one->index < two->index);
}

size_t cr_netdevs(const char *sysfs, struct cr_netdev list[CR_NETDEVS_MAX])
{
    char path[PATH_MAX];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/class/net", sysfs);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    for (struct dirent *entry; count < CR_NETDEVS_MAX && (entry = readdir(folder));)
        if (read_netdev(dirfd(folder), entry->d_name, &list[count]))
            count++;
    closedir(folder);
    qsort(list, count, sizeof(*list), by_index);
    return count;
}

static void name_them(const struct cr_netdev *list, size_t count, char *text, size_t space)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < space; i++)
        used += (size_t)snprintf(text + used, space - used, "%s%s", i ? ", " : "", list[i].name);
}

int cr_netdev_missing(const char *sysfs, const char *name, struct canring_error *err)
{
    struct cr_netdev list[CR_NETDEVS_MAX];
    const char *names[CR_NETDEVS_MAX];
    char text[256];
    size_t count = cr_netdevs(sysfs, list);

    if (count == 0)
        return canring_error_set(err, -ENODEV,
                                 "no CAN interface \"%s\": this host has none (a virtual one: ip "
                                 "link add vcan0 type vcan)",
                                 name);
    for (size_t i = 0; i < count; i++)
        names[i] = list[i].name;
    name_them(list, count, text, sizeof(text));
    const char *nearest = cr_nearest(name, names, count);
    if (!nearest)
        return canring_error_set(err, -ENODEV, "no CAN interface \"%s\": there are %s", name, text);
    return canring_error_set(err, -ENODEV,
                             "no CAN interface \"%s\": there are %s; did you mean \"%s\"?", name,
                             text, nearest);
}
