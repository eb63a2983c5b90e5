/* A recording from one format into another, for scripts that let other tools read and write.
 * Usage: trace_convert INPUT OUTPUT FORMAT [BUSES]. Refused entries are counted on standard error.
 */
#include "trace_rig.h"

int main(int argc, char **argv)
{
    struct rig_list list;
    size_t refused;

    if (argc < 4)
        return 2;
    if (rig_read(argv[1], NULL, &list) < 0 || list.damage) {
        fprintf(stderr, "%s\n", list.error);
        return 1;
    }
    rig_write(argv[2], argv[3], &list, argc > 4 ? (unsigned)atoi(argv[4]) : 2, &refused);
    if (refused)
        fprintf(stderr, "%zu refused\n", refused);
    rig_free(&list);
    return 0;
}
