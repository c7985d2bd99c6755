/* SPDX-License-Identifier: Apache-2.0 */
#include "net/file.h"

#include <stdlib.h>

#include "base/output.h"

#define MESSAGE_OCTETS_MAX 65535u /* RFC 7011 section 3.1: the length has 16 bits */

struct weir_file_sender {
    struct weir_output *output;
};

static int file_send(void *context, const struct weir_message_octets *messages, size_t count,
                     size_t *ret_sent, struct weir_diag *diag)
{
    struct weir_file_sender *sender = context;
    *ret_sent = 0;
    for (size_t i = 0; i < count; i++) {
        int result =
            weir_output_write(sender->output, messages[i].octets, messages[i].length, diag);
        if (result < 0)
            return result;
        (*ret_sent)++;
    }
    return 0;
}

int weir_file_sender_open(const char *path, struct weir_file_sender **ret_sender,
                          struct weir_transport *ret_transport, struct weir_diag *diag)
{
    struct weir_file_sender *sender = malloc(sizeof(*sender));
    if (!sender)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    int result = weir_output_open(path, &sender->output, diag);
    if (result < 0) {
        free(sender);
        return result;
    }
    *ret_transport = (struct weir_transport){
        .send = file_send, .context = sender, .message_max = MESSAGE_OCTETS_MAX, .reliable = true};
    *ret_sender = sender;
    return 0;
}

int weir_file_sender_close(struct weir_file_sender *sender, struct weir_diag *diag)
{
    int result = weir_output_close(sender->output, diag);
    free(sender);
    return result;
}

void weir_file_sender_abort(struct weir_file_sender *sender)
{
    if (!sender)
        return;
    weir_output_abort(sender->output);
    free(sender);
}
