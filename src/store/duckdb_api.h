/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of libduckdb that weir calls. Private to the duckdb*.c files: nothing else
 * includes DuckDB's header.
 *
 * The library is one for the whole process, as the loader has it, and so is this table: filled
 * once, by the first caller, and constant after that. DuckDB calls SQL functions back with nothing
 * in hand that they could find it by.
 */
#ifndef WEIR_STORE_DUCKDB_API_H
#define WEIR_STORE_DUCKDB_API_H

#include <duckdb.h>

#include "base/error.h"

#define WEIR_DUCKDB_SYMBOLS(X)          \
    X(create_config)                    \
    X(set_config)                       \
    X(destroy_config)                   \
    X(open_ext)                         \
    X(close)                            \
    X(connect)                          \
    X(disconnect)                       \
    X(free)                             \
    X(query)                            \
    X(extract_statements)               \
    X(extract_statements_error)         \
    X(destroy_extracted)                \
    X(prepare_extracted_statement)      \
    X(prepare)                          \
    X(prepare_error)                    \
    X(destroy_prepare)                  \
    X(prepared_statement_type)          \
    X(prepared_statement_column_count)  \
    X(prepared_statement_column_name)   \
    X(prepared_statement_column_type)   \
    X(pending_prepared_streaming)       \
    X(pending_error)                    \
    X(pending_execute_task)             \
    X(pending_execution_is_finished)    \
    X(destroy_pending)                  \
    X(execute_pending)                  \
    X(result_error)                     \
    X(result_error_type)                \
    X(destroy_result)                   \
    X(column_count)                     \
    X(column_name)                      \
    X(column_type)                      \
    X(column_logical_type)              \
    X(fetch_chunk)                      \
    X(data_chunk_get_size)              \
    X(data_chunk_get_column_count)      \
    X(data_chunk_get_vector)            \
    X(destroy_data_chunk)               \
    X(vector_get_data)                  \
    X(vector_get_validity)              \
    X(vector_ensure_validity_writable)  \
    X(vector_assign_string_element_len) \
    X(create_logical_type)              \
    X(destroy_logical_type)             \
    X(decimal_scale)                    \
    X(decimal_internal_type)            \
    X(create_scalar_function)           \
    X(destroy_scalar_function)          \
    X(scalar_function_set_name)         \
    X(scalar_function_add_parameter)    \
    X(scalar_function_set_return_type)  \
    X(scalar_function_set_function)     \
    X(register_scalar_function)

struct weir_duckdb_api {
#define X(name) __typeof__(duckdb_##name) *(name);
    WEIR_DUCKDB_SYMBOLS(X)
#undef X
};

/* The table, loaded when needed; NULL with WEIR_E_UNSUPPORTED in diag. Any thread. */
const struct weir_duckdb_api *weir_duckdb_api(struct weir_diag *diag);

/* Adds the SQL functions weir_address, weir_mac and weir_flags to a connection's database. */
WEIR_CHECKED int weir_duckdb_add_functions(duckdb_connection connection, struct weir_diag *diag);

#endif
