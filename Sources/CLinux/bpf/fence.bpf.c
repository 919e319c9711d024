// The lease fence: from the deadline of its lease on, a guarded address neither hears nor speaks on its interface.
//
// Classifiers for tc (tcx, or cls_bpf with direct action). Compiled by `scripts/fence-bytes`, committed as FenceProgram.swift; no header, no
// libbpf, no global data, no call between programs, so that a loader of fifty lines can place it: it only fills in the descriptors of the maps.
// What is covered and what is not, for people: docs/fence.md.
//
// Ingress drops what is meant for a closed address: IP packets to it, ARP that asks for it, neighbour solicitations for it. It lets pass
// what comes *from* the address or announces it, or a backup could not talk to the holder.
// Egress drops what claims a closed address: IP packets from it, ARP and neighbour discovery in its name. It lets pass what goes to it.
//
// Everything here reads with bpf_skb_load_bytes, because a frame may lie in several pieces. A frame too short for the header it promises
// passes: no stack reads an address out of it.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define BIG_ENDIAN(x) ((u16)((((x) & 0xFF) << 8) | ((x) >> 8)))

// struct __sk_buff (linux/bpf.h), as far as it is read.
struct packet {
    u32 length, packet_type, mark, queue, protocol, vlan_present, vlan_tci, vlan_protocol, priority, ingress_interface, interface;
};

static void *(*const find)(void *map, const void *key) = (void *)1;                                   // bpf_map_lookup_elem
static long (*const load)(const struct packet *, u32 offset, void *to, u32 length) = (void *)26;      // bpf_skb_load_bytes
static u64 (*const boot_time)(void) = (void *)125;                                                    // bpf_ktime_get_boot_ns

// Placeholders: the loader makes the maps (FenceMaps.swift) and knows them by these names.
int deadlines SEC("maps");  // slot → CLOCK_BOOTTIME nanoseconds until which its lease serves; 0 is closed
int guards SEC("maps");     // struct key → slot
int drops SEC("maps");      // per CPU: what was dropped, by `enum drop`

enum kind { IPV4 = 4, IPV6 = 6 };  // 1 is kept for a MAC address
struct key {
    u32 interface;
    u32 kind;
    u8 address[16];  // IPv4 in the first four bytes, zeros behind
};

enum drop { DROP_INGRESS_IP, DROP_INGRESS_NEIGHBOUR, DROP_EGRESS_IP, DROP_EGRESS_NEIGHBOUR };

enum verdict { NEXT = -1 /* TC_ACT_UNSPEC, TCX_NEXT */, DROP = 2 /* TC_ACT_SHOT, TCX_DROP */ };

enum {
    ETHERTYPE_IPV4 = BIG_ENDIAN(0x0800),
    ETHERTYPE_ARP = BIG_ENDIAN(0x0806),
    ETHERTYPE_IPV6 = BIG_ENDIAN(0x86DD),
    ETHERTYPE_VLAN = BIG_ENDIAN(0x8100),          // 802.1Q
    ETHERTYPE_SERVICE_VLAN = BIG_ENDIAN(0x88A8),  // 802.1ad
    ETHERTYPE_OLD_QINQ = BIG_ENDIAN(0x9100),
    ICMPV6 = 58,
    SOLICITATION = 135,
    ADVERTISEMENT = 136,
};

// Whether the lease of a guarded address is over. The comparison decides everything here: at the deadline it is closed.
INLINE int is_closed(struct key *key) {
    u32 *slot = find(&guards, key);
    if (!slot) return 0;
    u64 *deadline = find(&deadlines, slot);
    return !deadline || boot_time() >= *(volatile u64 *)deadline;
}

INLINE int drop(u32 reason) {
    u64 *count = find(&drops, &reason);
    if (count) *count += 1;
    return DROP;
}

INLINE int is_closed_ipv4(const struct packet *packet, u32 address) {
    struct key key = {.interface = packet->interface, .kind = IPV4};
    *(u32 *)key.address = address;
    return is_closed(&key);
}

INLINE int is_closed_ipv6(const struct packet *packet, const u32 *address) {
    struct key key = {.interface = packet->interface, .kind = IPV6};
    for (int i = 0; i < 4; i++) ((u32 *)key.address)[i] = address[i];
    return is_closed(&key);
}

// Where the network header starts and of which kind it is. A tag that the card took off is not in the frame (vlan_present), and the type behind the
// addresses is then already the inner one. Tags in the frame are stepped over, four at most: an address stays guarded inside a VLAN,
// because a frame of VLAN 0 is one of the untagged network, and a claim in a VLAN is a claim.
INLINE int network_header(const struct packet *packet, u32 *offset, u16 *type) {
    if (load(packet, 12, type, 2) < 0) return 0;
    *offset = 14;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_SERVICE_VLAN && *type != ETHERTYPE_OLD_QINQ) return 1;
        if (load(packet, *offset + 2, type, 2) < 0) return 0;
        *offset += 4;
    }
    return 1;
}

// An interface without a link header (tunnels, ppp): the version field says what it is, and there is no ARP.
INLINE int bare_header(const struct packet *packet, u32 *offset, u16 *type) {
    u8 first;
    *offset = 0;
    if (load(packet, 0, &first, 1) < 0) return 0;
    *type = first >> 4 == 4 ? ETHERTYPE_IPV4 : first >> 4 == 6 ? ETHERTYPE_IPV6 : 0;
    return 1;
}

struct neighbour_message {
    u8 type;
    u32 target[4];
};

// The ICMPv6 message behind an IPv6 header, if it is about a neighbour. Steps over six extension headers at most (RFC 8200 §4 has five that may stand before it, one of them twice);
// what hides a solicitation behind more is answered by nobody, since the answer does not pass egress. Of fragments only the first holds
// the type; the kernel does not read neighbour discovery from fragments (RFC 6980).
INLINE int find_neighbour_message(const struct packet *packet, u32 offset, u8 next, struct neighbour_message *message) {
    u8 header[4];
    offset += 40;
#pragma unroll
    for (int i = 0; i < 6; i++) {
        if (next == ICMPV6) break;
        if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60) return 0;
        if (load(packet, offset, header, 4) < 0) return 0;
        if (next == 44) {
            if (header[2] | (header[3] & 0xF8)) return 0;  // not the first fragment
            offset += 8;
        } else if (next == 51) {
            offset += ((u32)header[1] + 2) * 4;
        } else {
            offset += ((u32)header[1] + 1) * 8;
        }
        next = header[0];
    }
    if (next != ICMPV6 || load(packet, offset, &message->type, 1) < 0) return 0;
    if (message->type != SOLICITATION && message->type != ADVERTISEMENT) return 0;
    return load(packet, offset + 8, message->target, 16) >= 0;
}

// ARP for IPv4 over Ethernet: sender at 14, target at 24 (RFC 826).
struct arp {
    u32 sender;
    u8 target_mac[6];
    u32 target;
} __attribute__((packed));

INLINE int ingress(const struct packet *packet, u32 offset, u16 type) {
    // The destination of IPv4 stands before the options, and in every fragment.
    if (type == ETHERTYPE_IPV4) {
        u32 destination;
        if (load(packet, offset + 16, &destination, 4) < 0) return NEXT;
        return is_closed_ipv4(packet, destination) ? drop(DROP_INGRESS_IP) : NEXT;
    }
    if (type == ETHERTYPE_ARP) {
        struct arp arp;
        if (load(packet, offset + 14, &arp, sizeof arp) < 0) return NEXT;
        // Who announces itself (gratuitous ARP) asks nothing: a backup learns from it where the address is now.
        if (arp.sender == arp.target) return NEXT;
        return is_closed_ipv4(packet, arp.target) ? drop(DROP_INGRESS_NEIGHBOUR) : NEXT;
    }
    if (type == ETHERTYPE_IPV6) {
        u32 header[10];
        if (load(packet, offset, header, sizeof header) < 0) return NEXT;
        if (is_closed_ipv6(packet, header + 6)) return drop(DROP_INGRESS_IP);
        struct neighbour_message message;
        if (!find_neighbour_message(packet, offset, ((u8 *)header)[6], &message)) return NEXT;
        // Of advertisements one to the closed address has been dropped; others say where the address is now.
        if (message.type != SOLICITATION) return NEXT;
        return is_closed_ipv6(packet, message.target) ? drop(DROP_INGRESS_NEIGHBOUR) : NEXT;
    }
    return NEXT;
}

INLINE int egress(const struct packet *packet, u32 offset, u16 type) {
    if (type == ETHERTYPE_IPV4) {
        u32 source;
        if (load(packet, offset + 12, &source, 4) < 0) return NEXT;
        return is_closed_ipv4(packet, source) ? drop(DROP_EGRESS_IP) : NEXT;
    }
    if (type == ETHERTYPE_ARP) {
        struct arp arp;
        if (load(packet, offset + 14, &arp, sizeof arp) < 0) return NEXT;
        // A probe (RFC 5227: no sender) is about to claim its target, and a holder that probes at the same time would give way to it.
        return is_closed_ipv4(packet, arp.sender ? arp.sender : arp.target) ? drop(DROP_EGRESS_NEIGHBOUR) : NEXT;
    }
    if (type == ETHERTYPE_IPV6) {
        u32 header[10];
        if (load(packet, offset, header, sizeof header) < 0) return NEXT;
        if (is_closed_ipv6(packet, header + 2)) return drop(DROP_EGRESS_IP);
        struct neighbour_message message;
        if (!find_neighbour_message(packet, offset, ((u8 *)header)[6], &message)) return NEXT;
        // A solicitation asks for someone else's address, unless it comes from nowhere: duplicate address detection, a probe like that of ARP.
        if (message.type == SOLICITATION && (header[2] | header[3] | header[4] | header[5])) return NEXT;
        return is_closed_ipv6(packet, message.target) ? drop(DROP_EGRESS_NEIGHBOUR) : NEXT;
    }
    return NEXT;
}

SEC("tc/ethernet_ingress") int ethernet_ingress(struct packet *packet) {
    u32 offset;
    u16 type;
    return network_header(packet, &offset, &type) ? ingress(packet, offset, type) : NEXT;
}

SEC("tc/ethernet_egress") int ethernet_egress(struct packet *packet) {
    u32 offset;
    u16 type;
    return network_header(packet, &offset, &type) ? egress(packet, offset, type) : NEXT;
}

SEC("tc/bare_ingress") int bare_ingress(struct packet *packet) {
    u32 offset;
    u16 type;
    return bare_header(packet, &offset, &type) ? ingress(packet, offset, type) : NEXT;
}

SEC("tc/bare_egress") int bare_egress(struct packet *packet) {
    u32 offset;
    u16 type;
    return bare_header(packet, &offset, &type) ? egress(packet, offset, type) : NEXT;
}
