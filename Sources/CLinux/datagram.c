#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64

union any_address {
    struct sockaddr plain;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64];
};

static int set(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static socklen_t fill(union any_address *address, int32_t family, const uint8_t *bytes, uint16_t port, uint32_t scope) {
    memset(address, 0, sizeof *address);
    if (family == 4) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        memcpy(&address->v4.sin_addr, bytes, 4);
        return sizeof address->v4;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    memcpy(&address->v6.sin6_addr, bytes, 16);
    address->v6.sin6_scope_id = scope;
    return sizeof address->v6;
}

int32_t aloft_datagram_listen(int32_t family, const uint8_t *bytes, uint16_t port, uint32_t interface, int32_t buffer) {
    int descriptor = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int error;
    if (family == 4) {
        error = set(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
    } else {
        error = set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        // The unspecified address hears both families, whatever net.ipv6.bindv6only says.
        if (error == 0) error = set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, buffer) < 0) set(descriptor, SOL_SOCKET, SO_RCVBUF, buffer);
    union any_address address;
    socklen_t size = fill(&address, family, bytes, port, interface);
    if (error == 0 && bind(descriptor, &address.plain, size) < 0) error = -errno;
    if (error < 0) {
        close(descriptor);
        return error;
    }
    return descriptor;
}

int32_t aloft_datagrams_receive(int32_t descriptor, uint8_t *buffer, uint32_t slot, struct aloft_datagram *items,
                                int32_t count) {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    union any_address names[BATCH];
    union control controls[BATCH];
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
        struct aloft_datagram *item = &items[i];
        memset(item, 0, sizeof *item);
        item->offset = slot * (uint32_t)i;
        // Longer than its place: not of ours.
        item->length = messages[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 : messages[i].msg_len;
        if (names[i].plain.sa_family == AF_INET) {
            memcpy(item->peer, &names[i].v4.sin_addr, 4);
            item->port = ntohs(names[i].v4.sin_port);
        } else {
            memcpy(item->peer, &names[i].v6.sin6_addr, 16);
            item->port = ntohs(names[i].v6.sin6_port);
            item->interface = names[i].v6.sin6_scope_id;
        }
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c; c = CMSG_NXTHDR(&messages[i].msg_hdr, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                memcpy(item->own, &info.ipi_spec_dst, 4);
                item->has_own = 1;
            } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                struct in6_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                memcpy(item->own, &info.ipi6_addr, 16);
                item->has_own = 1;
            }
        }
    }
    return got;
}

static size_t source(union control *control, int32_t family, const struct aloft_datagram *item) {
    memset(control, 0, sizeof *control);
    struct cmsghdr *c = &control->header;
    if (family == 4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, item->own, 4);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    struct in6_pktinfo info = {.ipi6_ifindex = item->interface};
    memcpy(&info.ipi6_addr, item->own, 16);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

int32_t aloft_datagrams_send(int32_t descriptor, int32_t family, const uint8_t *buffer, struct aloft_datagram *items,
                             int32_t count) {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    union any_address names[BATCH];
    union control controls[BATCH];
    int sent = 0;
    for (int start = 0; start < count; start += BATCH) {
        int part = count - start < BATCH ? count - start : BATCH;
        for (int i = 0; i < part; i++) {
            struct aloft_datagram *item = &items[start + i];
            vectors[i] = (struct iovec){(void *)(buffer + item->offset), item->length};
            socklen_t length = fill(&names[i], family, item->peer, item->port, item->interface);
            messages[i].msg_len = 0;
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &names[i], .msg_namelen = length, .msg_iov = &vectors[i], .msg_iovlen = 1};
            if (!item->has_own) continue;
            messages[i].msg_hdr.msg_controllen = source(&controls[i], family, item);
            messages[i].msg_hdr.msg_control = &controls[i];
        }
        int next = 0;
        while (next < part) {
            int done = sendmmsg(descriptor, messages + next, (unsigned)(part - next), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (done > 0) {
                next += done;
                sent += done;
            } else if (done < 0 && errno == EINTR) {
                continue;
            } else {
                // The first of them has failed; the others go on.
                items[start + next].result = done < 0 ? errno : EIO;
                next += 1;
            }
        }
    }
    return sent;
}

int32_t aloft_take_errors(int32_t descriptor) {
    int32_t last = 0;
    for (int round = 0; round < 256; round++) {
        char bytes[64];
        union {
            struct cmsghdr header;
            char bytes[256];
        } control;
        struct iovec vector = {bytes, sizeof bytes};
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        if (recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            int is4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
            int is6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
            if (!is4 && !is6) continue;
            struct sock_extended_err error;
            memcpy(&error, CMSG_DATA(c), sizeof error);
            if (error.ee_errno != 0) last = (int32_t)error.ee_errno;
        }
    }
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error != 0) last = error;
    return last;
}
