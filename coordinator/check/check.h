/*
 * Looks at both sides before a migration, in the order of a start. A start runs check_open and, before a copy,
 * check_copy, or check_resume. `mongoferry check` runs the same and prints all findings. Changes nothing on either
 * side.
 */
#ifndef FERRY_COORDINATOR_CHECK_CHECK_H
#define FERRY_COORDINATOR_CHECK_CHECK_H

#include "coordinator/check/findings.h"
#include "coordinator/check/required_privileges.h"
#include "coordinator/check/servers.h"
#include "coordinator/options/options.h"
#include "coordinator/report/phase.h"

struct check {
  const struct options *options;
  const struct selection *selection;
  struct servers *servers; /* this and the catalog are the caller's */
  struct catalog *catalog;
  struct phases *phases; /* NULL: phases are not shown; set by the caller after check_init */
  struct findings findings;
  struct required_privileges source;
  struct required_privileges target;
};

/* Makes sure that this machine allows as many open files as the processes need at most; else false. */
bool check_files(const struct options *options, struct error *error);
/* So many workers may have their files open. */
int check_workers_most(void);

void check_init(struct check *check, const struct options *options, const struct selection *selection,
                struct servers *servers, struct catalog *catalog);
void check_close(struct check *check);

/*
 * Connects, and checks versions and topology. False if one side could not be asked: then nothing else can be checked.
 */
bool check_open(struct check *check, const char *source_uri, const char *target_uri);

/* Checks everything that a copy and the replay after it need. Fills the catalog. */
void check_copy(struct check *check);
/*
 * Checks what a run that goes on behind `step` needs: the target is the one that was written to, and the source's
 * oplog, or the spool, has what is to be replayed.
 */
void check_resume(struct check *check, struct checkpoint *checkpoint, enum resume_step step);

/* `mongoferry check`: prints the report on stdout, as JSON with --json. Returns the exit status. */
int check_run(const struct options *options);

#endif
