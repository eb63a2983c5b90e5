#include "damage.h"

#include <stdio.h>

#include "say.h"

void damage_add(struct damage *damage, const struct canring_error *err)
{
    damage->count++;
    if (damage->kept == DAMAGE_KEPT)
        return;
    snprintf(damage->texts[damage->kept++], CANRING_ERROR_TEXT, "%s", err->text);
}

void damage_say(struct damage *damage, const char *command, const struct canring_error *err)
{
    if (damage->count < DAMAGE_KEPT)
        say(command, "%s", err->text);
    damage_add(damage, err);
}

void damage_say_rest(const struct damage *damage, const char *command)
{
    if (damage->count > damage->kept)
        say(command, "and damage in %llu more places",
            (unsigned long long)(damage->count - damage->kept));
}
