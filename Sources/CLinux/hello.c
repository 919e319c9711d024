#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int set(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int32_t aloft_hello_socket(int32_t family, uint16_t port) {
    int descriptor = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int failed = 0;
    struct sockaddr_storage storage;
    socklen_t length;
    memset(&storage, 0, sizeof storage);
    if (family == 4) {
        failed |= set(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
        failed |= set(descriptor, IPPROTO_IP, IP_RECVTTL, 1);
        failed |= set(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0);
        failed |= set(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
        failed |= set(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, 255);
        failed |= set(descriptor, IPPROTO_IP, IP_TTL, 255);
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        length = sizeof *v4;
    } else {
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255);
        failed |= set(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255);
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        length = sizeof *v6;
    }
    int result = failed ? -EINVAL : 0;
    if (!result && bind(descriptor, (struct sockaddr *)&storage, length) < 0) result = -errno;
    if (!result) return descriptor;
    close(descriptor);
    return result;
}

int32_t aloft_hello_send(int32_t descriptor, int32_t family, const uint8_t *destination, uint16_t port,
                         const uint8_t *source, uint32_t interface, const uint8_t *bytes, uint32_t length) {
    struct sockaddr_storage storage;
    struct iovec vector = {(void *)bytes, length};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    memset(&storage, 0, sizeof storage);
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_name = &storage, .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control};
    struct cmsghdr *c = &control.header;
    if (family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, destination, 4);
        message.msg_namelen = sizeof *v4;
        struct in_pktinfo info = {.ipi_ifindex = (int)interface};
        memcpy(&info.ipi_spec_dst, source, 4);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        message.msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, destination, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&v6->sin6_addr))
            v6->sin6_scope_id = interface;
        message.msg_namelen = sizeof *v6;
        struct in6_pktinfo info = {.ipi6_ifindex = interface};
        memcpy(&info.ipi6_addr, source, 16);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        message.msg_controllen = CMSG_SPACE(sizeof info);
    }
    return sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
