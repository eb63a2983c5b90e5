/* The subcommands of canring, one file each: cmd_<name>.c.
 *
 * main.c calls them with argv[0] = the name of the command and returns what they return:
 * 0 done, 1 it failed, 2 misuse, 3 done with a recording that is damaged, 128 + n ended by signal
 * n. Each understands --help.
 */
#ifndef CANRING_COMMANDS_H
#define CANRING_COMMANDS_H

#define EXIT_MISUSE  2
#define EXIT_DAMAGED 3

int cmd_capture(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_gen(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_play(int argc, char **argv);
int cmd_repair(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_suspend(int argc, char **argv);
int cmd_test(int argc, char **argv);

#endif
