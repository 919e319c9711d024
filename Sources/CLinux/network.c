#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

#define BATCH 32
#define INTERNETWORK_CONTROL 0xc0  // RFC 791 precedence 6: what keepalived's adverts carry

static int set(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int fail(int descriptor, int error) {
    close(descriptor);
    return error;
}

#define REQUIRE(call)                                            \
    do {                                                         \
        int required_error = (call);                             \
        if (required_error < 0) return fail(descriptor, required_error); \
    } while (0)

/// SO_RCVBUFFORCE is not for user namespaces; the plain one is cut to net.core.rmem_max.
static void set_receive_buffer(int descriptor, int bytes) {
    if (bytes <= 0) return;
    if (set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, bytes) < 0) set(descriptor, SOL_SOCKET, SO_RCVBUF, bytes);
}

static int vrrp_socket(int32_t family, int32_t protocol, uint32_t interface) {
    int descriptor =
        socket(family == 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (descriptor < 0) return -errno;
    if (interface != 0) REQUIRE(set(descriptor, SOL_SOCKET, SO_BINDTOIFINDEX, (int)interface));
    return descriptor;
}

int32_t aloft_vrrp_send_socket(int32_t family, int32_t protocol, uint32_t interface, int32_t priority) {
    int descriptor = vrrp_socket(family, protocol, interface);
    if (descriptor < 0) return descriptor;
    // A raw socket gets a copy of all its protocol: this one takes none.
    struct sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
    struct sock_fprog filter = {1, nothing};
    if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
        return fail(descriptor, -errno);
    if (family == 4) {
        REQUIRE(set(descriptor, IPPROTO_IP, IP_HDRINCL, 1));
        REQUIRE(set(descriptor, IPPROTO_IP, IP_TOS, INTERNETWORK_CONTROL));
        REQUIRE(set(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, 0));
        REQUIRE(set(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, 255));
        if (interface != 0) {
            struct ip_mreqn out = {.imr_ifindex = (int)interface};
            if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) < 0)
                return fail(descriptor, -errno);
        }
    } else {
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_TCLASS, INTERNETWORK_CONTROL));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_CHECKSUM, 6));  // VRRP's checksum field
        if (interface != 0) REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)interface));
    }
    // After IP_TOS, which sets it as well. 7 needs CAP_NET_ADMIN, 6 nothing.
    if (set(descriptor, SOL_SOCKET, SO_PRIORITY, priority) < 0) set(descriptor, SOL_SOCKET, SO_PRIORITY, 6);
    return descriptor;
}

int32_t aloft_vrrp_receive_socket(int32_t family, int32_t protocol, uint32_t interface, int32_t buffer) {
    int descriptor = vrrp_socket(family, protocol, interface);
    if (descriptor < 0) return descriptor;
    if (family == 4) {
        REQUIRE(set(descriptor, IPPROTO_IP, IP_PKTINFO, 1));
        REQUIRE(set(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0));
    } else {
        // The kernel drops what has a wrong checksum (RFC 9568 section 7.1); it counts those in Ip6InCsumErrors.
        if (protocol == 112) REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_CHECKSUM, 6));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
        REQUIRE(set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0));
    }
    set_receive_buffer(descriptor, buffer);
    return descriptor;
}

static socklen_t socket_address(struct sockaddr_storage *storage, int32_t family, const uint8_t *address,
                                uint32_t interface) {
    memset(storage, 0, sizeof *storage);
    if (family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, address, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    v6->sin6_family = AF_INET6;
    memcpy(&v6->sin6_addr, address, 16);
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&v6->sin6_addr))
        v6->sin6_scope_id = interface;
    return sizeof *v6;
}

int32_t aloft_bind_address(int32_t descriptor, int32_t family, const uint8_t *address, uint32_t interface) {
    struct sockaddr_storage storage;
    socklen_t length = socket_address(&storage, family, address, interface);
    // The address may come later, or be there only while we are master.
    if (family == 4) set(descriptor, IPPROTO_IP, IP_FREEBIND, 1);
    else set(descriptor, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    return bind(descriptor, (struct sockaddr *)&storage, length) < 0 ? -errno : 0;
}

static int32_t membership(int32_t descriptor, int32_t family, const uint8_t *group, uint32_t interface, int join) {
    int result;
    if (family == 4) {
        struct ip_mreqn request = {.imr_ifindex = (int)interface};
        memcpy(&request.imr_multiaddr, group, 4);
        result = setsockopt(descriptor, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request,
                            sizeof request);
    } else {
        struct ipv6_mreq request = {.ipv6mr_interface = interface};
        memcpy(&request.ipv6mr_multiaddr, group, 16);
        result = setsockopt(descriptor, IPPROTO_IPV6, join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, &request,
                            sizeof request);
    }
    return result < 0 ? -errno : 0;
}

int32_t aloft_join_group(int32_t descriptor, int32_t family, const uint8_t *group, uint32_t interface) {
    return membership(descriptor, family, group, interface, 1);
}

int32_t aloft_leave_group(int32_t descriptor, int32_t family, const uint8_t *group, uint32_t interface) {
    return membership(descriptor, family, group, interface, 0);
}

int32_t aloft_receive_datagrams(int32_t descriptor, uint8_t *buffer, uint32_t slot,
                                struct aloft_received *received, int32_t count) {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_storage names[BATCH];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) + 64];
    } controls[BATCH];
    if (count > BATCH) count = BATCH;
    for (int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){buffer + (size_t)slot * i, slot};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &vectors[i], .msg_iovlen = 1,
            .msg_control = &controls[i], .msg_controllen = sizeof controls[i]};
        messages[i].msg_len = 0;
    }
    int got;
    do got = recvmmsg(descriptor, messages, (unsigned)count, MSG_DONTWAIT, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    for (int i = 0; i < got; i++) {
        struct aloft_received *one = &received[i];
        memset(one, 0, sizeof *one);
        one->hop_limit = -1;
        one->length = messages[i].msg_len > slot ? slot : messages[i].msg_len;
        one->truncated = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        if (names[i].ss_family == AF_INET) memcpy(one->source, &((struct sockaddr_in *)&names[i])->sin_addr, 4);
        else memcpy(one->source, &((struct sockaddr_in6 *)&names[i])->sin6_addr, 16);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c; c = CMSG_NXTHDR(&messages[i].msg_hdr, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                one->interface = (uint32_t)info.ipi_ifindex;
                memcpy(one->destination, &info.ipi_addr, 4);
            } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                struct in6_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                one->interface = (uint32_t)info.ipi6_ifindex;
                memcpy(one->destination, &info.ipi6_addr, 16);
            } else if ((c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
                       || (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)) {
                memcpy(&one->hop_limit, CMSG_DATA(c), sizeof one->hop_limit);
            }
        }
    }
    return got;
}

/// sendmmsg stops before the first failure and reports it only when it is the first: that one gets its
/// errno, the rest goes on. Each round settles at least one item.
static int32_t send_all(int32_t descriptor, struct mmsghdr *messages, struct aloft_outgoing *items, int count) {
    int next = 0;
    int sent = 0;
    while (next < count) {
        int done = sendmmsg(descriptor, messages + next, (unsigned)(count - next), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) {
            for (int i = 0; i < done; i++) items[next + i].result = 0;
            next += done;
            sent += done;
        } else if (done < 0 && errno == EINTR) {
            continue;
        } else {
            items[next].result = done < 0 ? errno : EIO;
            next += 1;
        }
    }
    return sent;
}

int32_t aloft_send_datagrams(int32_t descriptor, int32_t family, const uint8_t *buffer,
                             struct aloft_outgoing *items, int32_t count) {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_storage names[BATCH];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
    } controls[BATCH];
    int sent = 0;
    for (int start = 0; start < count; start += BATCH) {
        int part = count - start < BATCH ? count - start : BATCH;
        for (int i = 0; i < part; i++) {
            struct aloft_outgoing *item = &items[start + i];
            vectors[i] = (struct iovec){(void *)(buffer + item->offset), item->length};
            socklen_t length = socket_address(&names[i], family, item->destination, item->interface);
            messages[i].msg_len = 0;
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &names[i], .msg_namelen = length, .msg_iov = &vectors[i], .msg_iovlen = 1};
            if (family != 6 || (!item->has_source && item->hop_limit < 0)) continue;
            struct msghdr *header = &messages[i].msg_hdr;
            memset(&controls[i], 0, sizeof controls[i]);
            header->msg_control = &controls[i];
            header->msg_controllen = sizeof controls[i];
            size_t used = 0;
            struct cmsghdr *c = CMSG_FIRSTHDR(header);
            if (item->has_source) {
                struct in6_pktinfo info = {.ipi6_ifindex = item->interface};
                memcpy(&info.ipi6_addr, item->source, 16);
                c->cmsg_level = IPPROTO_IPV6;
                c->cmsg_type = IPV6_PKTINFO;
                c->cmsg_len = CMSG_LEN(sizeof info);
                memcpy(CMSG_DATA(c), &info, sizeof info);
                used += CMSG_SPACE(sizeof info);
                c = (struct cmsghdr *)(controls[i].bytes + used);
            }
            if (item->hop_limit >= 0) {
                c->cmsg_level = IPPROTO_IPV6;
                c->cmsg_type = IPV6_HOPLIMIT;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &item->hop_limit, sizeof(int));
                used += CMSG_SPACE(sizeof(int));
            }
            header->msg_controllen = used;
        }
        sent += send_all(descriptor, messages, items + start, part);
    }
    return sent;
}

int32_t aloft_packet_socket(int32_t priority) {
    // Protocol 0 receives nothing. No PACKET_QDISC_BYPASS: it would pass the lease fence on tc egress by.
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    if (set(descriptor, SOL_SOCKET, SO_PRIORITY, priority) < 0) set(descriptor, SOL_SOCKET, SO_PRIORITY, 6);
    return descriptor;
}

/// Instructions that accept a frame if the word at `offset` is one of the addresses (of IPv6 the last word), and else drop it.
static uint32_t match_addresses(struct sock_filter *next, uint32_t offset, const uint8_t *addresses, uint32_t length,
                                uint32_t count) {
    uint32_t used = 0;
    next[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *last = addresses + (size_t)i * length + length - 4;
        uint32_t word = (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3];
        // A jump reaches 255 instructions at most: each address has its own way out.
        next[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word, 0, 1);
        next[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
    }
    next[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, count == 0 ? 0xffff : 0);
    return used;
}

int32_t aloft_claim_filter(int32_t descriptor, uint16_t type, const uint8_t *addresses, uint32_t count) {
    enum { MOST = 1024 };
    if (count > MOST) count = 0;  // BPF has room for 4096 instructions: then all are heard, and looked at by the program
    struct sock_filter code[2 * MOST + 16];
    uint32_t used = 0;
    if (type == ETH_P_IPV6) {
        // Next header ICMPv6 (58) right behind the IPv6 header, and type 136, a neighbour advertisement (RFC 4861 section 4.4).
        code[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20);
        code[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 1, 0);
        code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        code[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54);
        code[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 1, 0);
        code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        used += match_addresses(code + used, 74, addresses, 16, count);
    } else {
        used += match_addresses(code + used, 28, addresses, 4, count);  // ARP's sender
    }
    struct sock_fprog filter = {(unsigned short)used, code};
    if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0) return 0;
    // A filter counts against net.core.optmem_max, 20 KiB before Linux 6.7: about 800 addresses, half of that beside an old one.
    return errno == ENOMEM && count > 0 ? aloft_claim_filter(descriptor, type, addresses, 0) : -errno;
}

int32_t aloft_claim_socket(uint16_t type, const uint8_t *addresses, uint32_t count, int32_t receive_buffer) {
    // Without a protocol it hears nothing until the filter stands and it is bound.
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    REQUIRE(aloft_claim_filter(descriptor, type, addresses, count));
    set(descriptor, SOL_SOCKET, SO_RCVBUF, receive_buffer);
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(type)};
    if (bind(descriptor, (struct sockaddr *)&name, sizeof name) < 0) return fail(descriptor, -errno);
    return descriptor;
}

int32_t aloft_receive_frames(int32_t descriptor, uint8_t *buffer, uint32_t slot, uint32_t *lengths, uint32_t *interfaces,
                             int32_t count) {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_ll names[BATCH];
    if (count > BATCH) count = BATCH;
    for (int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){buffer + (size_t)slot * i, slot};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &vectors[i], .msg_iovlen = 1}};
    }
    int got;
    do got = recvmmsg(descriptor, messages, (unsigned)count, MSG_DONTWAIT, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    for (int i = 0; i < got; i++) {
        uint32_t length = messages[i].msg_len > slot ? slot : messages[i].msg_len;
        lengths[i] = names[i].sll_pkttype == PACKET_OUTGOING ? 0 : length;
        interfaces[i] = (uint32_t)names[i].sll_ifindex;
    }
    return got;
}

int32_t aloft_send_frames(int32_t descriptor, const uint8_t *buffer, struct aloft_outgoing *items, int32_t count) {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_ll names[BATCH];
    int sent = 0;
    for (int start = 0; start < count; start += BATCH) {
        int part = count - start < BATCH ? count - start : BATCH;
        for (int i = 0; i < part; i++) {
            struct aloft_outgoing *item = &items[start + i];
            const uint8_t *frame = buffer + item->offset;
            vectors[i] = (struct iovec){(void *)frame, item->length};
            names[i] = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = (int)item->interface, .sll_halen = 6};
            if (item->length >= 14) {
                memcpy(names[i].sll_addr, frame, 6);
                memcpy(&names[i].sll_protocol, frame + 12, 2);
            }
            messages[i].msg_len = 0;
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
        }
        sent += send_all(descriptor, messages, items + start, part);
    }
    return sent;
}

int32_t aloft_netlink_socket(int32_t protocol, uint32_t groups, int32_t receive_buffer) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (descriptor < 0) return -errno;
    set_receive_buffer(descriptor, receive_buffer);
    // A limit, not memory: a firewall table is changed in one message, however large.
    if (set(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28) < 0) set(descriptor, SOL_SOCKET, SO_SNDBUF, 1 << 20);
    // Each is newer than the socket family; without them answers are only less exact.
    set(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    set(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    set(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = groups};
    if (bind(descriptor, (struct sockaddr *)&own, sizeof own) < 0) return fail(descriptor, -errno);
    return descriptor;
}

int32_t aloft_netlink_send(int32_t descriptor, const uint8_t *bytes, uint64_t count) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent;
    do sent = sendto(descriptor, bytes, count, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof kernel);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return -errno;
    return (uint64_t)sent == count ? 0 : -EMSGSIZE;
}

int64_t aloft_netlink_receive(int32_t descriptor, uint8_t *buffer, uint64_t capacity, int32_t *truncated) {
    struct sockaddr_nl from = {0};
    struct iovec vector = {buffer, capacity};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &vector, .msg_iovlen = 1};
    ssize_t count;
    do count = recvmsg(descriptor, &message, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count < 0) return -errno;
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    if (from.nl_family != AF_NETLINK || from.nl_pid != 0 || *truncated) return 0;
    return count;
}

int32_t aloft_set_send_buffer(int32_t descriptor, int32_t bytes) {
    // The force is not for user namespaces.
    if (set(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, bytes) == 0) return 0;
    return set(descriptor, SOL_SOCKET, SO_SNDBUF, bytes);
}

int32_t aloft_receive_buffer_size(int32_t descriptor) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &value, &length) < 0 ? -errno : value;
}

int32_t aloft_ipvs_socket(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int64_t aloft_ipvs_service_count(int32_t descriptor) {
    // IP_VS_SO_GET_INFO and struct ip_vs_getinfo: version, size of the hash table, number of services.
    uint32_t information[3] = {0};
    socklen_t length = sizeof information;
    if (getsockopt(descriptor, IPPROTO_IP, 64 + 1024 + 64 + 1, information, &length) < 0) return -errno;
    return length == sizeof information ? (int64_t)information[2] : -EINVAL;
}

uint32_t aloft_interface_index(const char *name) { return if_nametoindex(name); }
