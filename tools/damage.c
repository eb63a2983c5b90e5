#include "damage.h"

#include <errno.h>
#include <stdio.h>

#include "say.h"

bool damage_add(struct damage *damage, const struct canring_error *err)
{
    bool piece = err->code == -EBADMSG;
    uint64_t others = damage->count - damage->pieces;
    uint64_t before = piece ? damage->pieces : others;

    damage->count++;
    damage->pieces += piece;
    if (before >= DAMAGE_KEPT)
        return false;
    snprintf(damage->texts[damage->kept++], CANRING_ERROR_TEXT, "%s", err->text);
    return true;
}

void damage_say(struct damage *damage, const char *command, const struct canring_error *err)
{
    if (damage_add(damage, err))
        say(command, "%s", err->text);
}

void damage_say_rest(const struct damage *damage, const char *command)
{
    if (damage->count > damage->kept)
        say(command, "and damage in %llu more places",
            (unsigned long long)(damage->count - damage->kept));
}
