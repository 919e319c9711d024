#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The numbers are the kernel's; old libc headers lack some.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define STACK_BYTES (128 * 1024)

struct child {
    struct aloft_spawn *request;
    pid_t parent;
    int error;
    int stage;
};

static int capset_exactly(uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int drop_bounding(uint64_t keep) {
    for (int number = 0; number < 64; number++) {
        if (keep >> number & 1) continue;
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0) {
            if (errno == EINVAL) break;  // past the kernel's last capability
            return -errno;
        }
    }
    return 0;
}

uint64_t aloft_effective_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0) return 0;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

int32_t aloft_limit_capabilities(uint64_t keep) {
    int error = drop_bounding(keep);
    if (error < 0) return error;
    return capset_exactly(keep & aloft_effective_capabilities(), 0);
}

static int arrange_descriptors(struct aloft_spawn *request) {
    // First out of the way of every target number, then into place. Everything else closes at exec.
    int highest = 2;
    for (int i = 0; i < request->fd_count; i++)
        if (request->child_fds[i] > highest) highest = request->child_fds[i];
    int moved[64];
    if (request->fd_count > 64) return -E2BIG;
    for (int i = 0; i < request->fd_count; i++) {
        moved[i] = fcntl(request->own_fds[i], F_DUPFD_CLOEXEC, highest + 1);
        if (moved[i] < 0) return -errno;
    }
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
        // Before Linux 5.11.
        struct rlimit limit = {1024, 1024};
        getrlimit(RLIMIT_NOFILE, &limit);
        rlim_t last = limit.rlim_cur > 65536 ? 65536 : limit.rlim_cur;
        for (rlim_t descriptor = 3; descriptor < last; descriptor++) fcntl((int)descriptor, F_SETFD, FD_CLOEXEC);
    }
    int has_input = 0;
    for (int i = 0; i < request->fd_count; i++) {
        if (request->child_fds[i] == 0) has_input = 1;
        if (dup2(moved[i], request->child_fds[i]) < 0) return -errno;
    }
    if (!has_input) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null < 0) return -errno;
        if (null == 0) fcntl(0, F_SETFD, 0);
        else if (dup2(null, 0) < 0) return -errno;
    }
    return 0;
}

// Raw system calls: glibc's setuid family signals every thread of the process, which the parent still is.
static int become_user(struct aloft_spawn *request) {
    if (syscall(SYS_setgroups, request->group_count, request->groups) < 0) return -errno;
    if (syscall(SYS_setresgid, request->gid, request->gid, request->gid) < 0) return -errno;
    if (syscall(SYS_setresuid, request->uid, request->uid, request->uid) < 0) return -errno;
    return 0;
}

static int become(struct child *child) {
    struct aloft_spawn *request = child->request;
    int error;

    child->stage = aloft_spawn_stage_group;
    if (request->group_mode == 1 && setpgid(0, 0) < 0) return -errno;
    if (request->group_mode == 2 && setsid() < 0) return -errno;

    // Not SCHED_RR, not the daemon's niceness: scripts run like other processes.
    struct sched_param parameter = {0};
    sched_setscheduler(0, SCHED_OTHER, &parameter);
    setpriority(PRIO_PROCESS, 0, request->niceness);
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_RTTIME, &unlimited);
    umask((mode_t)request->umask);

    child->stage = aloft_spawn_stage_descriptors;
    if ((error = arrange_descriptors(request)) < 0) return error;

    child->stage = aloft_spawn_stage_capabilities;
    if (request->limit_capabilities) {
        if ((error = drop_bounding(request->capabilities)) < 0) return error;
        if (request->set_identity && request->uid != 0 && request->capabilities != 0)
            if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
    }

    child->stage = aloft_spawn_stage_identity;
    if (request->set_identity && (error = become_user(request)) < 0) return error;

    // As the user: what the user may not enter, the script may not either.
    child->stage = aloft_spawn_stage_directory;
    if (chdir(request->directory) < 0) return -errno;

    child->stage = aloft_spawn_stage_capabilities;
    if (request->limit_capabilities) {
        uint64_t keep = request->capabilities;
        if ((error = capset_exactly(keep, keep)) < 0) return error;
        if (request->set_identity && request->uid != 0)
            for (int number = 0; number < 64; number++)
                if (keep >> number & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0) return -errno;
    }
    if (request->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;

    // After the identity, because setuid clears it (prctl(2)); then look whether it came too late.
    child->stage = aloft_spawn_stage_death_signal;
    if (request->death_signal > 0) {
        if (prctl(PR_SET_PDEATHSIG, request->death_signal, 0, 0, 0) < 0) return -errno;
        if (getppid() != child->parent) return -ESRCH;
    }

    // Raw, because glibc's refuses its own two, 32 and 33, which an ancestor may have left ignored.
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } plain = {0};
    for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, &plain, 0, sizeof plain.mask);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);

    // Late: a lower limit would refuse the numbers that descriptors are moved through above.
    if (request->descriptor_hard > 0) {
        struct rlimit descriptors = {request->descriptor_soft, request->descriptor_hard};
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }

    child->stage = aloft_spawn_stage_exec;
    execve(request->path, (char *const *)request->argv, (char *const *)request->envp);
    return -errno;
}

static int run_child(void *context) {
    struct child *child = context;
    child->error = become(child);
    _exit(127);
}

// clone(CLONE_VM | CLONE_VFORK): no page tables are copied, the parent stops until exec or exit, and the
// child reports a failure by writing to the parent's memory.
int32_t aloft_spawn_process(struct aloft_spawn *request) {
    struct child child = {.request = request, .parent = getpid(), .error = 0, .stage = aloft_spawn_stage_clone};
    int pidfd = -1;
    char *stack = mmap(0, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    // No handler of ours may run in the child while it shares our memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pid = clone(run_child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
    int error = pid < 0 ? -errno : child.error;
    pthread_sigmask(SIG_SETMASK, &before, 0);
    munmap(stack, STACK_BYTES);
    request->stage = child.stage;
    if (error < 0) {
        if (pid > 0) {
            while (waitpid(pid, 0, 0) < 0 && errno == EINTR) {}
            close(pidfd);
        }
        return error;
    }
    request->pid = pid;
    request->pidfd = pidfd;
    return 0;
}

int32_t aloft_pidfd_open(int32_t pid) {
    long descriptor = syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : (int32_t)descriptor;
}

int32_t aloft_pidfd_signal(int32_t pidfd, int32_t signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, 0, 0) < 0 ? -errno : 0;
}

int32_t aloft_kill_group(int32_t group, int32_t signal) {
    // kill(-1) and kill(0) mean everyone: never by accident.
    if (group <= 1) return -EINVAL;
    return kill(-group, signal) < 0 ? -errno : 0;
}

int32_t aloft_pidfd_wait(int32_t pidfd, int32_t *code, int32_t *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result;
    do result = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *code = info.si_code;
    *status = info.si_status;
    return 1;
}

int32_t aloft_getpid(void) { return getpid(); }
int32_t aloft_getppid(void) { return getppid(); }

int32_t aloft_parent_death_signal(int32_t signal) {
    return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 ? -errno : 0;
}

int32_t aloft_set_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0) < 0 ? -errno : 0; }

const char *aloft_getenv(const char *name) { return getenv(name); }
