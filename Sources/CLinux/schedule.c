#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

int32_t aloft_schedule_realtime(int32_t priority) {
    struct sched_param parameter = {.sched_priority = priority};
    return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameter) < 0 ? -errno : 0;
}

int32_t aloft_schedule_other(void) {
    struct sched_param parameter = {0};
    return sched_setscheduler(0, SCHED_OTHER, &parameter) < 0 ? -errno : 0;
}

int32_t aloft_schedule_current(void) {
    int policy = sched_getscheduler(0);
    struct sched_param parameter = {0};
    if (policy < 0 || sched_getparam(0, &parameter) < 0) return -errno;
    return (policy & 0xff) | parameter.sched_priority << 8;
}

int32_t aloft_limit_rttime(uint64_t soft, uint64_t hard) {
    struct rlimit limit = {soft, hard};
    return setrlimit(RLIMIT_RTTIME, &limit) < 0 ? -errno : 0;
}

int32_t aloft_raise_descriptors(uint64_t wanted, uint64_t *soft_before, uint64_t *hard_before) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft_before = limit.rlim_cur;
    *hard_before = limit.rlim_max;
    if (limit.rlim_max < wanted) {
        struct rlimit raised = {wanted, wanted};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

int32_t aloft_descriptor_limit(uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}

int32_t aloft_set_niceness(int32_t niceness) {
    return setpriority(PRIO_PROCESS, 0, niceness) < 0 ? -errno : 0;
}

int32_t aloft_set_affinity(const uint32_t *cpus, int32_t count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++) {
        if (cpus[i] >= CPU_SETSIZE) return -EINVAL;
        CPU_SET(cpus[i], &set);
    }
    return sched_setaffinity(0, sizeof set, &set) < 0 ? -errno : 0;
}

int32_t aloft_lock_memory(void) {
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0 ? -errno : 0;
}

int32_t aloft_unlock_memory(void) { return munlockall() < 0 ? -errno : 0; }
