/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An 802.1Q port for kernels built without the 8021q driver, as two eBPF
 * classifiers for tc. `tag` runs where frames leave the port: it adds the tag
 * and sends them out of the trunk. `untag` runs where frames come in from the
 * trunk: it takes this port's tag off and hands them to the port; every other
 * frame goes on unchanged. VLAN, TRUNK and PORT (interface indices) are given
 * on the compiler's command line.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#define SECTION(name) __attribute__((section(name), used))
#define VLAN_ID_MASK  0x0fff

static long (*vlan_push)(struct __sk_buff *skb, __be16 protocol,
                         __u16 tci) = (void *)BPF_FUNC_skb_vlan_push;
static long (*vlan_pop)(struct __sk_buff *skb) = (void *)BPF_FUNC_skb_vlan_pop;
static long (*redirect)(__u32 interface, __u64 flags) = (void *)BPF_FUNC_redirect;

SECTION("tc/tag") int tag(struct __sk_buff *skb)
{
    if (vlan_push(skb, __builtin_bswap16(ETH_P_8021Q), VLAN) != 0)
        return TC_ACT_SHOT;
    return (int)redirect(TRUNK, 0);
}

SECTION("tc/untag") int untag(struct __sk_buff *skb)
{
    if (!skb->vlan_present || (skb->vlan_tci & VLAN_ID_MASK) != VLAN)
        return TC_ACT_UNSPEC;
    if (vlan_pop(skb) != 0)
        return TC_ACT_SHOT;
    return (int)redirect(PORT, 0);
}
