/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions of tests: the text of an answer, and its CSV taken apart.
 *
 *     char *csv = ask(folder, &(struct weir_question){.by = "protocol"}, WEIR_FORMAT_CSV);
 */
#ifndef WEIR_TESTS_QUERY_ANSWERS_H
#define WEIR_TESTS_QUERY_ANSWERS_H

#include <stdbool.h>

#include "flows.h"
#include "query/run.h"

/* True where this build can answer; a message says why it cannot. */
bool can_ask(void);

/* A question about all times. */
struct weir_question question_of_all(void);

/* The answer to a plan, by SQL alone or by whatever answers. As try_ask. */
int run_plan(const char *folder, const struct weir_query_plan *plan, bool sql_only,
             enum weir_format format, char **ret_text, struct weir_diag *diag);

/* 0 and the text, which the caller frees; or the error, with *ret_text NULL and diag filled. */
int try_ask(const char *folder, const struct weir_question *question, enum weir_format format,
            char **ret_text, struct weir_diag *diag);

/* The same, where it has to work. */
char *ask(const char *folder, const struct weir_question *question, enum weir_format format);

/* SQL of a person's. */
int try_ask_sql(const char *folder, const char *sql, enum weir_format format, char **ret_text,
                struct weir_diag *diag);

/* The fields of the next line of CSV without line ends in them, which is taken apart in place;
 * 0 at the end. Quotes are undone. */
#define FIELDS_MAX 64
unsigned next_line(char **csv, char *fields[FIELDS_MAX]);

uint64_t number_of(const char *text);

/* Stores for the tests of a group, which makes and removes them; NULL where nothing can be asked.
 */
#define STORED_ROWS 900
extern struct flows *stored_plain, *stored_sampled; /* without and with sampling intervals */
int make_stores(void **state);
int remove_stores(void **state);

/* The same store; or the test is skipped. */
struct flows *flows_or_skip(struct flows *flows);

/* A counter of a row times its sampling interval. */
uint64_t scaled_counter(const struct flow *flow, enum weir_column column);

#endif
