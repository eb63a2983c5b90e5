/* The subcommands of canring: one file each, called by main() with its name as argv[0].
 *
 * Each returns the exit status. They use the public API alone.
 */
#ifndef CANRING_COMMANDS_H
#define CANRING_COMMANDS_H

int cmd_check(int argc, char **argv);

#endif
