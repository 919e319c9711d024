#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int32_t aloft_signalfd(uint64_t signals) {
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number <= 64; number++)
        if (signals >> (number - 1) & 1) sigaddset(&set, number);
    int error = pthread_sigmask(SIG_BLOCK, &set, 0);
    if (error != 0) return -error;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int32_t aloft_signalfd_read(int32_t descriptor, struct aloft_signal *signal) {
    struct signalfd_siginfo info;
    ssize_t count = read(descriptor, &info, sizeof info);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (count != sizeof info) return 0;
    signal->signal = info.ssi_signo;
    signal->code = info.ssi_code;
    signal->pid = info.ssi_pid;
    signal->uid = info.ssi_uid;
    signal->status = info.ssi_status;
    return 1;
}

int32_t aloft_signal_ignore(int32_t number) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    return sigaction(number, &action, 0) < 0 ? -errno : 0;
}
