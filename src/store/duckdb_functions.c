/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"
#include "record/text.h"
#include "store/duckdb_api.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define TEXT_MAX 64

typedef size_t text_function(const void *const inputs[2], idx_t row, char text[TEXT_MAX]);

static size_t address_text(const void *const inputs[2], idx_t row, char text[TEXT_MAX])
{
    const uint64_t *high = inputs[0], *low = inputs[1];
    return weir_address_format((struct weir_address){high[row], low[row]}, text);
}

static size_t mac_text(const void *const inputs[2], idx_t row, char text[TEXT_MAX])
{
    return weir_mac_format(((const uint64_t *)inputs[0])[row], text);
}

static size_t flags_text(const void *const inputs[2], idx_t row, char text[TEXT_MAX])
{
    return weir_tcp_flags_format(((const uint16_t *)inputs[0])[row], text);
}

static bool is_valid(const uint64_t *validity, idx_t row)
{
    return !validity || (validity[row / 64] >> (row % 64) & 1) != 0;
}

/* Inputs are flat; a row with a null argument is null. */
static void each_row(duckdb_data_chunk chunk, duckdb_vector output, text_function *text_of)
{
    const struct weir_duckdb_api *api = weir_duckdb_api(NULL);
    const void *inputs[2] = {0};
    const uint64_t *validity[2] = {0};
    idx_t columns = api->data_chunk_get_column_count(chunk);
    for (idx_t i = 0; i < columns; i++) {
        duckdb_vector vector = api->data_chunk_get_vector(chunk, i);
        inputs[i] = api->vector_get_data(vector);
        validity[i] = api->vector_get_validity(vector);
    }
    assert(columns > 0 && columns <= 2);
    uint64_t *output_validity = NULL;
    idx_t rows = api->data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++) {
        char text[TEXT_MAX];
        if (is_valid(validity[0], row) && is_valid(validity[1], row)) {
            api->vector_assign_string_element_len(output, row, text, text_of(inputs, row, text));
            continue;
        }
        if (!output_validity) {
            api->vector_ensure_validity_writable(output);
            output_validity = api->vector_get_validity(output);
        }
        output_validity[row / 64] &= ~(UINT64_C(1) << (row % 64));
    }
}

#define DEFINE_CALLBACK(name)                                                   \
    static void call_##name(duckdb_function_info info, duckdb_data_chunk input, \
                            duckdb_vector output)                               \
    {                                                                           \
        (void)info;                                                             \
        each_row(input, output, name);                                          \
    }
DEFINE_CALLBACK(address_text)
DEFINE_CALLBACK(mac_text)
DEFINE_CALLBACK(flags_text)

static const struct {
    const char *name;
    duckdb_scalar_function_t call;
    duckdb_type parameter; /* of each */
    unsigned parameter_count;
} functions[] = {
    {"weir_address", call_address_text, DUCKDB_TYPE_UBIGINT, 2},
    {"weir_mac", call_mac_text, DUCKDB_TYPE_UBIGINT, 1},
    {"weir_flags", call_flags_text, DUCKDB_TYPE_USMALLINT, 1},
};

int weir_duckdb_add_functions(duckdb_connection connection, struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = weir_duckdb_api(diag);
    if (!api)
        return WEIR_E_UNSUPPORTED;
    duckdb_logical_type text = api->create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_state state = DuckDBSuccess;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]) && state == DuckDBSuccess;
         i++) {
        duckdb_scalar_function function = api->create_scalar_function();
        duckdb_logical_type parameter = api->create_logical_type(functions[i].parameter);
        api->scalar_function_set_name(function, functions[i].name);
        for (unsigned j = 0; j < functions[i].parameter_count; j++)
            api->scalar_function_add_parameter(function, parameter);
        api->scalar_function_set_return_type(function, text);
        api->scalar_function_set_function(function, functions[i].call);
        state = api->register_scalar_function(connection, function);
        api->destroy_logical_type(&parameter);
        api->destroy_scalar_function(&function);
    }
    api->destroy_logical_type(&text);
    if (state != DuckDBSuccess)
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED, "DuckDB does not take weir's functions");
    return 0;
}
