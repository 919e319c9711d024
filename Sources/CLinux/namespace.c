#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <sched.h>

int32_t aloft_enter_network(int32_t descriptor) { return setns(descriptor, CLONE_NEWNET) < 0 ? -errno : 0; }
int32_t aloft_unshare_network(void) { return unshare(CLONE_NEWNET) < 0 ? -errno : 0; }
