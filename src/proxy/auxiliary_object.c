#include "proxy/auxiliary_object.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

int cr_auxiliary_object(const char *path, const char *symbol,
                        const struct canring_auxiliary_ops **ops, struct canring_error *err)
{
    *ops = NULL;
    if (access(path, R_OK) < 0)
        return canring_error_set(err, -errno, "%s: %s", path, strerror(errno));
    if (!symbol || !*symbol)
        return canring_error_set(err, -EINVAL,
                                 "%s: say which ops: '%s:NAME' of a const struct "
                                 "canring_auxiliary_ops",
                                 path, path);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return canring_error_set(err, -ELIBBAD, "cannot load: %s", dlerror());
    *ops = dlsym(object, symbol);
    int result = *ops ? canring_auxiliary_check(*ops, err)
                      : canring_error_set(err, -ENOSYS, "%s has no symbol '%s'", path, symbol);
    if (result < 0) {
        *ops = NULL;
        dlclose(object);
    }
    return result;
}
