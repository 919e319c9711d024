#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

int32_t aloft_epoll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static int32_t control(int32_t epoll, int operation, int32_t descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int32_t aloft_epoll_add(int32_t epoll, int32_t descriptor, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, descriptor, events, token);
}

int32_t aloft_epoll_modify(int32_t epoll, int32_t descriptor, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, descriptor, events, token);
}

int32_t aloft_epoll_remove(int32_t epoll, int32_t descriptor) {
    return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
}

int32_t aloft_epoll_wait(int32_t epoll, struct aloft_event *events, int32_t capacity, int32_t milliseconds) {
    struct epoll_event ready[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, ready, capacity, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i].token = ready[i].data.u64;
        events[i].events = ready[i].events;
        events[i].reserved = 0;
    }
    return count;
}

int32_t aloft_timer_create(void) {
    int descriptor = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int32_t aloft_timer_set(int32_t timer, int64_t nanoseconds) {
    struct itimerspec when = {0};
    if (nanoseconds > 0) {
        when.it_value.tv_sec = nanoseconds / 1000000000;
        when.it_value.tv_nsec = nanoseconds % 1000000000;
    }
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, 0) < 0 ? -errno : 0;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t aloft_boottime_ns(void) { return clock_ns(CLOCK_BOOTTIME); }
int64_t aloft_realtime_ns(void) { return clock_ns(CLOCK_REALTIME); }

int32_t aloft_eventfd(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int32_t aloft_poll_one(int32_t descriptor, int32_t for_write, int32_t milliseconds) {
    struct pollfd wanted = {.fd = descriptor, .events = for_write ? POLLOUT : POLLIN};
    int count = poll(&wanted, 1, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    return count == 0 ? 0 : wanted.revents;
}
