/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/filter.h"

#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "packet/parse.h"

#define LINK_TYPES_MAX 32

/* The expression for one link type. */
struct program {
    struct bpf_program bpf;
    uint16_t link_type;
    uint8_t skipped; /* octets at the start of the frame that the program does not see */
    bool passes_all;
};

struct weir_filter {
    char *expression;
    struct program programs[LINK_TYPES_MAX];
    size_t program_count;
};

/*
 * libpcap's numbers (DLT_) are those of the file formats (LINKTYPE_) with some exceptions. A NULL
 * header is in the byte order of the host that captured, which a compiled program cannot know:
 * the address family is skipped and what follows is raw IP.
 */
static const struct {
    uint16_t link_type;
    uint8_t dlt;
    uint8_t skipped;
} exceptions[] = {
    {WEIR_LINK_RAW, DLT_RAW, 0},
    {WEIR_LINK_OPENBSD_RAW, DLT_RAW, 0},
    {WEIR_LINK_NULL, DLT_RAW, 4},
};

/* `snaplen` is what the program answers for a frame that passes. */
static int compile(const char *expression, uint16_t link_type, uint32_t snaplen,
                   struct program *ret_program, struct weir_diag *diag)
{
    int dlt = link_type;
    uint8_t skipped = 0;
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (exceptions[i].link_type == link_type) {
            dlt = exceptions[i].dlt;
            skipped = exceptions[i].skipped;
        }
    }
    pcap_t *pcap = pcap_open_dead(dlt, (int)snaplen);
    if (!pcap)
        return weir_diag_set(diag, WEIR_E_NOMEM, "filter: no memory to compile it");
    struct bpf_program bpf;
    int result = 0;
    if (pcap_compile(pcap, &bpf, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
        result =
            weir_diag_set(diag, WEIR_E_USAGE, "filter: '%s': %s", expression, pcap_geterr(pcap));
    pcap_close(pcap);
    if (result == 0)
        *ret_program = (struct program){.bpf = bpf, .link_type = link_type, .skipped = skipped};
    return result;
}

int weir_filter_new(const char *expression, struct weir_filter **ret_filter, struct weir_diag *diag)
{
    struct weir_filter *filter = calloc(1, sizeof(*filter));
    if (filter)
        filter->expression = strdup(expression);
    if (!filter || !filter->expression) {
        weir_filter_free(filter);
        return weir_diag_set(diag, WEIR_E_NOMEM, "filter: no memory to compile it");
    }
    int result =
        compile(expression, WEIR_LINK_ETHERNET, WEIR_FRAME_OCTETS_MAX, &filter->programs[0], diag);
    if (result < 0) {
        weir_filter_free(filter);
        return result;
    }
    filter->program_count = 1;
    *ret_filter = filter;
    return 0;
}

void weir_filter_free(struct weir_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->program_count; i++)
        if (!filter->programs[i].passes_all)
            pcap_freecode(&filter->programs[i].bpf);
    free(filter->expression);
    free(filter);
}

/* The program of a link type that is not the last frame's, compiled where it is the first's. */
static int find_program(struct weir_filter *filter, uint16_t link_type,
                        const struct program **ret_program, struct weir_diag *diag)
{
    size_t i = 0;
    while (i < filter->program_count && filter->programs[i].link_type != link_type)
        i++;
    if (i == LINK_TYPES_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "filter: more than %d link types", LINK_TYPES_MAX);
    if (i == filter->program_count) {
        struct program *program = &filter->programs[i];
        if (!weir_parser_knows_link(link_type)) {
            *program = (struct program){.link_type = link_type, .passes_all = true};
        } else {
            int result =
                compile(filter->expression, link_type, WEIR_FRAME_OCTETS_MAX, program, diag);
            if (result < 0)
                return result;
        }
        filter->program_count++;
    }
    *ret_program = &filter->programs[i];
    return 0;
}

static int run(struct weir_filter *filter, const struct weir_frame *frame,
               const struct program **program, bool *ret_pass, struct weir_diag *diag)
{
    if (__builtin_expect(frame->link_type != (*program)->link_type, 0)) {
        int result = find_program(filter, frame->link_type, program, diag);
        if (result < 0)
            return result;
    }
    uint32_t skipped = (*program)->skipped;
    *ret_pass = (*program)->passes_all ||
                (frame->captured >= skipped && frame->wire_octets >= skipped &&
                 bpf_filter((*program)->bpf.bf_insns, frame->octets + skipped,
                            frame->wire_octets - skipped, frame->captured - skipped) != 0);
    return 0;
}

int weir_filter_run(struct weir_filter *filter, const struct weir_frame *frames, size_t count,
                    bool *ret_pass, struct weir_diag *diag)
{
    const struct program *program = &filter->programs[0];
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = run(filter, &frames[i], &program, &ret_pass[i], diag);
    return result;
}

int weir_filter_select(struct weir_filter *filter, const struct weir_frame *frames,
                       const uint16_t *frame_of, uint16_t *kept, size_t *count,
                       struct weir_diag *diag)
{
    const struct program *program = &filter->programs[0];
    size_t selected = 0;
    for (size_t i = 0; i < *count; i++) {
        bool pass = false;
        const struct weir_frame *frame = &frames[frame_of ? frame_of[kept[i]] : kept[i]];
        int result = run(filter, frame, &program, &pass, diag);
        if (result < 0)
            return result;
        if (pass)
            kept[selected++] = kept[i];
    }
    *count = selected;
    return 0;
}

/*
 * Before the expression's steps: frames up to SHORT_OCTETS, in which it might look for what is not
 * there and so end them uncounted, and those whose VLAN tag is kept beside them, pass.
 */
#define SHORT_OCTETS 128u
#define PROLOGUE     5u

int weir_filter_compile_kernel(const char *expression, uint16_t link_type, uint32_t snaplen,
                               struct weir_filter_steps *ret_steps, struct weir_diag *diag)
{
    struct program program;
    int result = compile(expression ? expression : "", link_type, snaplen, &program, diag);
    if (result < 0)
        return result;
    unsigned count = program.bpf.bf_len;
    struct sock_filter *steps = calloc(count + PROLOGUE, sizeof(*steps));
    if (!steps || count + PROLOGUE > BPF_MAXINSNS) {
        free(steps);
        pcap_freecode(&program.bpf);
        return weir_diag_set(diag, WEIR_E_NOMEM, "filter: no memory to compile it");
    }
    const struct sock_filter prologue[PROLOGUE] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SHORT_OCTETS, 0, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, snaplen),
    };
    memcpy(steps, prologue, sizeof(prologue));
    for (unsigned i = 0; i < count; i++) {
        const struct bpf_insn *step = &program.bpf.bf_insns[i];
        bool rejects = step->code == (BPF_RET | BPF_K) && step->k == 0;
        steps[PROLOGUE + i] = (struct sock_filter){
            .code = step->code, .jt = step->jt, .jf = step->jf, .k = rejects ? 1 : step->k};
    }
    pcap_freecode(&program.bpf);
    *ret_steps = (struct weir_filter_steps){.steps = steps, .count = (uint16_t)(count + PROLOGUE)};
    return 0;
}

void weir_filter_steps_done(struct weir_filter_steps *steps)
{
    free(steps->steps);
}
