#include "proxy/report_steps.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/log_text.h"

static void free_step(struct cr_step *step)
{
    free(step->table);
    free(step->message);
    free(step->expression);
    free(step->expected);
    free(step->found);
    free(step);
}

static char *copy(const char *text, bool *failed)
{
    char *own = text ? strndup(text, cr_utf8_cut(text, strlen(text), CR_STEP_TEXT_MAX)) : NULL;
    *failed = *failed || (text && !own);
    return own;
}

static struct cr_step *copy_step(const struct canring_suite_step *step)
{
    bool failed = false;
    struct cr_step *own = calloc(1, sizeof(*own));
    if (!own)
        return NULL;
    own->note = step->note;
    own->passed = step->passed;
    own->at_ns = step->at_ns;
    own->table = copy(step->table, &failed);
    own->message = copy(step->message, &failed);
    own->expression = copy(step->expression, &failed);
    own->expected = copy(step->expected, &failed);
    own->found = copy(step->found, &failed);
    if (!failed)
        return own;
    free_step(own);
    return NULL;
}

static bool have_room(const struct cr_steps *steps, const struct canring_suite_step *step)
{
    if (step->note)
        return steps->notes < CR_STEPS_MAX;
    return step->passed ? steps->count < CR_STEPS_MAX : steps->failed < CR_STEPS_MAX;
}

void cr_steps_add(struct cr_steps *steps, const struct canring_suite_step *step)
{
    struct cr_step *own = have_room(steps, step) ? copy_step(step) : NULL;
    if (!own) {
        steps->left_out++;
        return;
    }
    if (steps->last)
        steps->last->next = own;
    else
        steps->first = own;
    steps->last = own;
    steps->notes += own->note;
    steps->count += !own->note;
    steps->failed += !own->note && !own->passed;
}

void cr_steps_free(struct cr_steps *steps)
{
    for (struct cr_step *step = steps->first, *next; step; step = next) {
        next = step->next;
        free_step(step);
    }
    *steps = (struct cr_steps){0};
}
