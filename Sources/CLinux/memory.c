#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int32_t aloft_memfd_create(const char *name, uint64_t size) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    // Sealed in size: a mapping of it cannot fault.
    if (ftruncate(descriptor, (off_t)size) < 0
        || fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int64_t aloft_file_size(int32_t descriptor) {
    struct stat status;
    return fstat(descriptor, &status) < 0 ? -errno : status.st_size;
}

int32_t aloft_memfd_seals(int32_t descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals < 0 ? -errno : seals;
}

int32_t aloft_map_shared(int32_t descriptor, uint64_t size, void **address) {
    void *mapped = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) return -errno;
    *address = mapped;
    return 0;
}

int32_t aloft_unmap(void *address, uint64_t size) { return munmap(address, size) < 0 ? -errno : 0; }

uint64_t aloft_load_acquire(const void *word) { return __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE); }

void aloft_store_release(void *word, uint64_t value) { __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE); }

// The executable's code, as /proc/self/maps names it: one mapping, or a few that follow each other.
static int32_t code_range(uintptr_t *start, uintptr_t *end) {
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return -errno;
    char line[512];
    uintptr_t own = (uintptr_t)&code_range;
    int32_t found = 0;
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char permissions[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, permissions) != 3) continue;
        if (own < from || own >= to || strcmp(permissions, "r-xp") != 0) continue;
        *start = from;
        *end = to;
        found = 1;
    }
    fclose(maps);
    return found ? 0 : -ENOENT;
}

int32_t aloft_release_code(void) {
    uintptr_t start, end;
    int32_t result = code_range(&start, &end);
    if (result < 0) return result;
    return madvise((void *)start, end - start, MADV_DONTNEED) < 0 ? -errno : 0;
}

int32_t aloft_lock_code(void) {
    uintptr_t start, end;
    int32_t result = code_range(&start, &end);
    if (result < 0) return result;
    return mlock2((void *)start, end - start, MLOCK_ONFAULT) < 0 ? -errno : 0;
}
